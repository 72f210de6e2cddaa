"""Trains the mechanisms beside each other: equal parameters, data, order, steps and schedule.

    python3 -m measure.compare RUNS --train stories.npz… --validate held-out.npz [--seeds 1 2 3] [--workers 2]

As in the paper the width, the depth and the size of a head are the same for all, and the number of
heads makes the parameters equal: within 1 % of MHA's. `mha-narrow` has as many heads as TPA and
MHA's parameters: it tells what more heads alone are worth. Runs that are done are not done again.
"""

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from t6.config import Config
from t6.model import T6

MECHANISMS = ("mha", "mqa", "gqa", "mla", "tpa", "tpa-kvonly")
KV_HEADS = 2  # of GQA, as in the paper


def parameters(config):
    return sum(parameter.numel() for parameter in T6(config).parameters())


def sizes(base):
    """Configs by name, all with about the parameters of MHA with base's keys."""
    mha = Config.of({**base, "attention": "mha"})
    target = parameters(mha)
    found = {}
    for name in MECHANISMS:
        configs = (candidate(base, name, heads) for heads in range(1, 6 * mha.n_head))
        found[name] = min(filter(None, configs), key=lambda config: abs(parameters(config) - target))
    narrow = {"n_head": found["tpa"].n_head, "head_dim": mha.n_head * mha.head_dim // found["tpa"].n_head}
    found["mha-narrow"] = Config.of({**base, "attention": "mha", **narrow})
    for name, config in found.items():
        difference = parameters(config) / target - 1
        if abs(difference) > 0.01:
            raise SystemExit(f"{name} has {difference:+.1%} of MHA's parameters: choose other sizes")
    return found


def candidate(base, name, heads):
    """The config of a mechanism with so many heads, or none where it cannot have them."""
    keys = {**base, "attention": name, "n_head": heads}
    if name == "gqa":
        if heads % KV_HEADS:
            return None
        keys["group_size"] = heads // KV_HEADS
    return Config.of(keys)


def command(options, config, folder, seed):
    keys = [f"--{key}={value}" for key, value in vars(config).items() if key != "using_groupnorm"]
    schedule = [f"--steps={options.steps}", f"--rows={options.rows}", f"--tokens={options.tokens}"]
    schedule += [f"--every={options.every}", f"--documents={options.documents}", f"--seed={seed}"]
    data = ["--train", *options.train, "--validate", options.validate]
    return [sys.executable, "-m", "learn.train", str(folder), *data, *schedule, *keys]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("--train", nargs="+", required=True)
    parser.add_argument("--validate", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--workers", type=int, default=1, help="runs at once, one thread each")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rows", type=int, default=12)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--documents", type=int, default=96)
    parser.add_argument("--only", nargs="+", default=None, help="names of mechanisms")
    parser.add_argument("--n_embd", type=int, default=128)
    parser.add_argument("--n_layer", type=int, default=4)
    parser.add_argument("--n_head", type=int, default=8, help="MHA's")
    parser.add_argument("--head_dim", type=int, default=16)
    options = parser.parse_args()
    base = {key: getattr(options, key) for key in ("n_embd", "n_layer", "n_head", "head_dim")}
    # Held-out stories are read as far as the rows are long: beyond, each mechanism fails differently.
    base |= {"block_size": options.tokens}
    base |= {"kv_lora_rank": 48, "q_lora_rank": 48, "qk_rope_head_dim": 16, "v_head_dim": options.head_dim}
    found = sizes(base)
    jobs = []
    for seed in options.seeds:
        for name in options.only or found:
            folder = options.runs / f"{name}-{seed}"
            jobs.append(command(options, found[name], folder, seed))
    with ThreadPoolExecutor(options.workers) as pool:
        for job, done in zip(jobs, pool.map(lambda job: subprocess.run(job, check=False), jobs)):
            if done.returncode:
                raise SystemExit(f"{job[2]} failed with status {done.returncode}")


if __name__ == "__main__":
    main()
