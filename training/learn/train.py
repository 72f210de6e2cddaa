"""Trains a model, and goes on where an interrupted run stopped.

    python3 -m learn.train RUN --train stories.npz --validate held-out.npz --steps 1000

RUN is a folder: `state.pt` (what a run goes on from, written every --save steps and at the end),
`log.jsonl` (a line at each validation), `config.json`. Every option of the model is a key of its
config: --n_embd 192 --attention tpa. The same options and seed give the same run on one machine.
"""

import argparse
import json
import math
import os
import time
from dataclasses import fields
from pathlib import Path

import torch

from learn import loss
from learn.data import Batches, TokenSet
from learn.optimiser import optimisers, schedule
from t6.config import Config
from t6.model import T6
from t6.safetensors import replace

MICRO_TOKENS = 3072  # tokens computed at once: what they leave fits the caches of a core


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--train", nargs="+", required=True, help="token sets, each NAME or NAME:SHARE")
    parser.add_argument("--validate", required=True)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=16, help="rows a step")
    parser.add_argument("--tokens", type=int, default=384, help="tokens a row")
    parser.add_argument("--lr", type=float, default=4e-3, help="peak rate of AdamW")
    parser.add_argument("--muon", type=float, default=0.02, help="peak rate of Muon; 0 trains all with AdamW")
    parser.add_argument("--warmup", type=int, default=60)
    parser.add_argument("--floor", type=float, default=0.1, help="last rate as a part of the peak")
    parser.add_argument("--flat", type=float, default=0, help="part of the steps at the peak, before the fall")
    parser.add_argument("--weight_decay", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=int, default=100, help="steps between validations")
    parser.add_argument("--documents", type=int, default=64, help="held-out documents of a validation")
    parser.add_argument("--save", type=int, default=100, help="steps between writes of state.pt")
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--init", type=Path, help="another run whose weights this one begins with")
    for field in fields(Config):
        kind = field.type if field.type is not bool else (lambda text: text == "true")
        parser.add_argument("--" + field.name, type=kind, default=field.default)
    return parser.parse_args(argv)


def config_of(options):
    return Config.of(vars(options))


class Run:
    """A model, its optimisers, its data, and how far it is."""

    def __init__(self, options):
        self.options = options
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.set_num_threads(options.threads)
        torch.manual_seed(options.seed)
        self.model = T6(config_of(options)).to(self.device)
        if options.init is not None:
            self.model.load_state_dict(torch.load(options.init / "state.pt", map_location=self.device)["model"])
        self.optimisers = optimisers(self.model, options)
        names, shares = zip(*(parse_share(text) for text in options.train))
        sets = [TokenSet(name) for name in names]
        check_ids(sets, options.vocab_size)
        self.batches = Batches(sets, shares, options.rows, options.tokens, options.seed)
        self.documents = TokenSet(options.validate).documents()[: options.documents]
        self.step, self.seconds = 0, 0.0

    def logits(self, ids):
        with torch.autocast(self.device, torch.bfloat16, enabled=self.options.precision == "bfloat16"):
            return self.model(ids.to(self.device))

    def train_step(self):
        """One step; its mean nats a token."""
        options = self.options
        factor = schedule(self.step, options.steps, options.warmup, options.floor, options.flat)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * factor
        rows = max(1, MICRO_TOKENS // options.tokens)
        pieces = [piece for batch in next(self.batches) for piece in zip(*(part.split(rows) for part in batch))]
        count = sum(int((probabilities.sum(-1) > 0).sum()) for _, _, probabilities in pieces)
        total = 0.0
        for ids, top_ids, probabilities in pieces:
            nats, _ = loss.cross_entropy(self.logits(ids), top_ids.to(self.device), probabilities.to(self.device))
            (nats / count).backward()
            total += float(nats.detach())
        if not math.isfinite(total):
            raise SystemExit(
                f"the loss of step {self.step} is {total}: {options.run / 'state.pt'} is from before it; "
                "start again from there with a lower --lr and --muon"
            )
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        return total / count

    def validate(self):
        return loss.validation(lambda ids: self.logits(ids).cpu(), self.documents, self.options.block_size)

    @property
    def path(self):
        return self.options.run / "state.pt"

    def save(self):
        state = {
            "model": self.model.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "step": self.step,
            "seconds": self.seconds,
            "config": self.model.config.json(),
        }
        beside = self.path.with_name("state.part")
        torch.save(state, beside)
        os.replace(beside, self.path)
        replace(self.options.run / "config.json", json.dumps(state["config"], indent=2).encode())

    def resume(self):
        """Goes on from state.pt, where there is one: true if so."""
        if not self.path.exists():
            return False
        state = torch.load(self.path, map_location=self.device)
        if state["config"] != self.model.config.json():
            raise SystemExit(f"{self.path} is of another model: name another folder, or remove this one")
        self.model.load_state_dict(state["model"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"]):
            peaks = [group["peak"] for group in optimiser.param_groups]
            optimiser.load_state_dict(saved)
            for group, peak in zip(optimiser.param_groups, peaks):
                group["peak"] = peak
        self.step, self.seconds = state["step"], state["seconds"]
        self.batches.skip(self.step)
        return True


def parse_share(text):
    name, _, share = text.rpartition(":")
    return (name, float(share)) if name else (text, 1.0)


def check_ids(sets, vocabulary):
    for tokens in sets:
        if tokens.ids.max() >= vocabulary:
            raise SystemExit(f"a token set holds the id {tokens.ids.max()}, the model knows {vocabulary}")


def main(argv=None):
    options = arguments(argv)
    options.run.mkdir(parents=True, exist_ok=True)
    run = Run(options)
    size = sum(parameter.numel() for parameter in run.model.parameters())
    if run.resume():
        print(f"goes on from step {run.step}", flush=True)
    print(f"{size} parameters, {run.model.config.cache_floats} numbers a token and layer in the cache", flush=True)
    average, began = None, time.perf_counter()
    with open(options.run / "log.jsonl", "a", encoding="utf-8") as log:
        while run.step < options.steps:
            nats = run.train_step()
            average = nats if average is None else 0.98 * average + 0.02 * nats
            is_last = run.step == options.steps
            if run.step % options.every == 0 or is_last:
                run.seconds += time.perf_counter() - began
                tokens = run.step * options.rows * options.tokens
                line = {"step": run.step, "tokens": tokens, "train": round(average, 4)}
                line |= {"validation": round(run.validate(), 4), "seconds": round(run.seconds, 1)}
                print(line, flush=True)
                print(json.dumps(line), file=log, flush=True)
                began = time.perf_counter()
            if run.step % options.save == 0 or is_last:
                run.save()


if __name__ == "__main__":
    main()
