"""Averages the weights of two runs of one model, one of which went on from the other.

    python3 -m learn.average RUN LATER OUT --share 0.25

OUT is a run with 1 - SHARE of RUN's weights and SHARE of LATER's: it has some of what the later one
has learnt, and keeps most of what that one has forgotten.
"""

import argparse
from pathlib import Path

import torch


def average(run, later, share):
    """The state of a run with the mean weights of two."""
    first, second = (torch.load(folder / "state.pt", map_location="cpu") for folder in (run, later))
    if first["config"] != second["config"]:
        raise SystemExit(f"{run} and {later} are of different models")
    weights = {name: torch.lerp(tensor, second["model"][name], share) for name, tensor in first["model"].items()}
    return {"model": weights, "config": first["config"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("later", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.5)
    options = parser.parse_args()
    state = average(options.run, options.later, options.share)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.save(state, options.out / "state.pt")


if __name__ == "__main__":
    main()
