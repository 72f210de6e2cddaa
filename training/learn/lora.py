"""Trains a LoRA adapter of an exported model, in the files of PEFT.

    python3 -m learn.lora MODEL OUT --train tales.npz --rank 8 --steps 200

MODEL is a folder that export.py wrote. OUT gets adapter_config.json and adapter_model.safetensors,
which `loadModel(MODEL, { lora: [{ source: OUT }] })` and `tpa convert MODEL --lora OUT` merge.
"""

import argparse
import json
import math
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from learn import loss
from learn.data import Batches, TokenSet
from learn.train import check_ids
from t6 import checkpoint, safetensors


class Adapted(nn.Module):
    """A linear layer that stays, and a product of two factors that is trained: W + B · A · alpha / r."""

    def __init__(self, layer, rank, alpha):
        super().__init__()
        self.layer, self.factor = layer, alpha / rank
        rows, columns = layer.weight.shape
        bound = columns**-0.5
        self.a = nn.Parameter(torch.empty(rank, columns).uniform_(-bound, bound))
        self.b = nn.Parameter(torch.zeros(rows, rank))  # so that training begins with the model

    def forward(self, x):
        return self.layer(x) + self.factor * F.linear(F.linear(x, self.a), self.b)


def adapt(model, targets, rank, alpha):
    """Adapts the linear layers whose names are among `targets`, all where there are none; gives them
    by the paths they have in checkpoints."""
    paths = dict(zip(model.state_dict(), model.upstream()))
    model.requires_grad_(False)
    adapted = {}
    for path, layer in list(model.named_modules()):
        parent, _, name = path.rpartition(".")
        if isinstance(layer, nn.Linear) and (not targets or name in targets):
            adapted[paths[path + ".weight"][: -len(".weight")]] = own = Adapted(layer, rank, alpha)
            setattr(model.get_submodule(parent), name, own)
    if not adapted:
        raise SystemExit(f"--targets expected names of linear layers such as c_proj, got {' '.join(targets)}")
    return adapted


def train(model, adapted, batches, steps, rate):
    """Trains the factors by AdamW, the rate falling to 0; gives the mean nats of each step."""
    factors = [factor for layer in adapted.values() for factor in (layer.a, layer.b)]
    optimiser = torch.optim.AdamW(factors, weight_decay=0.0)
    history = []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * (1 - step / steps)
        nats, count = map(sum, zip(*(loss.cross_entropy(model(ids), *following) for ids, *following in next(batches))))
        (nats / count).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        history.append(float(nats.detach() / count))
        if not math.isfinite(history[-1]):
            raise SystemExit(f"the loss of step {step} is {history[-1]}: start again with a lower --lr")
    return history


def save(out, adapted, rank, alpha, base):
    """Writes the factors under PEFT's names."""
    tensors = {}
    for path, layer in adapted.items():
        tensors[f"base_model.model.{path}.lora_A.weight"] = layer.a
        tensors[f"base_model.model.{path}.lora_B.weight"] = layer.b
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": alpha,
        "target_modules": sorted({path.rpartition(".")[2] for path in adapted}),
        "bias": "none",
    }
    out.mkdir(parents=True, exist_ok=True)
    safetensors.write(out / "adapter_model.safetensors", tensors)
    safetensors.replace(out / "adapter_config.json", (json.dumps(config, indent=2) + "\n").encode())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", required=True, help="token set")
    parser.add_argument("--targets", nargs="*", default=[], help="names of linear layers; all unless given")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--alpha", type=float, default=16)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rows", type=int, default=8, help="rows a step")
    parser.add_argument("--tokens", type=int, default=384, help="tokens a row")
    parser.add_argument("--lr", type=float, default=2e-3, help="first rate")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    model = checkpoint.of_export(options.model)
    adapted = adapt(model, options.targets, options.rank, options.alpha)
    tokens = TokenSet(options.train)
    check_ids([tokens], model.config.vocab_size)
    batches = Batches([tokens], [1], options.rows, options.tokens, options.seed)
    history = train(model, adapted, batches, options.steps, options.lr)
    save(options.out, adapted, options.rank, options.alpha, options.model.name)
    print(f"{len(adapted)} layers, {history[0]:.3f} nats at first, {history[-1]:.3f} at last")


if __name__ == "__main__":
    main()
