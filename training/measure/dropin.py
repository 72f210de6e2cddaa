"""What a trained model loses when its keys and values are replaced by factors, before and after it
is healed.

    python3 -m measure.dropin MODEL OUT.jsonl --train stories.npz --validate held-out.npz \\
        --forms contextual --ranks 1,1 1,2 0,2 --steps 150

MODEL is a folder of a LLaMA, or a run of train.py with MHA or GQA. A pair of ranks is that of K and
of V; 0 leaves it as it is. OUT.jsonl gets a line for each form and pair: the form, its ranks, the
numbers that a token leaves in a layer's cache, and nats a token before and after healing.
"""

import argparse
import copy
import json
import time
from pathlib import Path

import torch
from torch import nn

from learn import loss
from learn.data import Batches, TokenSet
from learn.optimiser import schedule
from measure import fit
from t6 import checkpoint
from t6.rope import rotate
from tales.teacher import Teacher

ROUNDS = 4  # of alternating least squares: 16 more are worth 0.01 to 0.07 nats
CALIBRATION = 8000  # tokens whose activations the maps are fitted to


class Llama(Teacher):
    def parameters(self):
        return list(self.weights.values())


class Replaced(nn.Module):
    """The Q, K and V of a layer, K and V as `keep` returns them."""

    def __init__(self, dense, layer):
        super().__init__()
        self.dense, self.layer, self.keep = dense, layer, None

    def forward(self, x):
        dense, config = self.dense, self.dense.config
        q, k, v = (weight(x).unflatten(-1, (-1, config.head_dim)) for weight in (dense.c_q, dense.c_k, dense.c_v))
        if self.keep is not None:
            k, v = self.keep(self.layer, x, k, v) or (k, v)
        return rotate(q, config), rotate(k, config), v


class DenseT6:
    """A run of train.py with MHA, MQA or GQA."""

    def __init__(self, run):
        self.model = checkpoint.of_run(run)
        config = self.model.config
        self.layers, self.head_dim, self.context = config.n_layer, config.head_dim, config.block_size
        self.kv_heads = config.n_head // config.group_size
        for layer, block in enumerate(self.model.transformer["h"]):
            block.attn.c_qkv = Replaced(block.attn.c_qkv, layer)

    def parameters(self):
        return list(self.model.parameters())

    def forward(self, ids, keep=None):
        for block in self.model.transformer["h"]:
            block.attn.c_qkv.keep = keep
        return self.model(ids)


class Fixed:
    """The same A for every token; only B is cached."""

    def __init__(self, target, rank):
        self.into = fit.fixed_heads(target, rank)
        self.out = self.into.clone()

    def parameters(self):
        return [self.into, self.out]

    def __call__(self, x, heads):
        return self.out @ (self.into.T @ heads)


class Ranked:
    """A truncated SVD of each token's matrix, made as it is cached."""

    def __init__(self, rank):
        self.rank = rank

    def parameters(self):
        return []

    def __call__(self, x, heads):
        return fit.ranked(heads, self.rank)


class Contextual:
    def __init__(self, x, target, rank):
        maps, self.misses = fit.contextual(x, target, rank, ROUNDS)
        self.maps = maps.float()

    def parameters(self):
        return self.maps.parameters()

    def __call__(self, x, heads):
        return self.maps(x)


def activations(model, documents):
    """Of each layer its inputs, keys and values over the documents' tokens."""
    seen = [[] for _ in range(model.layers)]

    def keep(layer, *parts):
        seen[layer].append([part.flatten(0, 1) for part in parts])

    count = 0
    with torch.no_grad():
        for document in documents:
            model.forward(document[None, : model.context], keep)
            count += len(document)
            if count > CALIBRATION:
                break
    return [[torch.cat(part) for part in zip(*layer)] for layer in seen]


def numbers(form, rank, model):
    """What a token leaves of K, or of V, in a layer's cache."""
    if rank == 0:
        return model.kv_heads * model.head_dim
    return rank * (model.head_dim + (0 if form == "fixed" else model.kv_heads))


class Fits:
    """The factors of every layer in one form, each fitted once."""

    def __init__(self, form, seen):
        self.form, self.seen, self.made = form, seen, {}

    def sites(self, part, rank):
        """What K (part 0) or V (part 1) goes through in each layer; None for rank 0."""
        if (part, rank) not in self.made:
            self.made[part, rank] = [
                self.site(x, heads[part], rank) if rank else None for x, *heads in self.seen
            ]
        return copy.deepcopy(self.made[part, rank])

    def site(self, x, target, rank):
        if self.form == "contextual":
            return Contextual(x, target, rank)
        return Fixed(target, rank) if self.form == "fixed" else Ranked(rank)


class Converted:
    """A model whose K and V of some rank go through factors."""

    def __init__(self, model, fits, ranks):
        self.model = copy.deepcopy(model)
        self.sites = list(zip(*(fits.sites(part, rank) for part, rank in enumerate(ranks))))

    def keep(self, layer, x, *heads):
        return [site(x, part) if site else part for site, part in zip(self.sites[layer], heads)]

    def __call__(self, ids):
        return self.model.forward(ids, self.keep)

    def factors(self):
        return [p for layer in self.sites for site in layer if site for p in site.parameters()]


def heal(converted, original, batches, options):
    """Trains all weights, or the factors alone, on the original's distributions."""
    weights = converted.factors() + ([] if options.frozen else converted.model.parameters())
    for parameter in weights:
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW(weights, lr=options.lr, betas=(0.9, 0.95), weight_decay=0)
    for step in range(options.steps):
        optimiser.param_groups[0]["lr"] = options.lr * schedule(step, options.steps, 10, 0.05)
        for ids, _, _ in next(batches):
            with torch.no_grad():
                wanted = original.forward(ids).softmax(-1)
            (-(wanted * converted(ids).log_softmax(-1)).sum(-1).mean()).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", required=True)
    parser.add_argument("--validate", required=True)
    parser.add_argument("--forms", nargs="+", default=["ranked", "fixed", "contextual"])
    parser.add_argument("--ranks", nargs="+", required=True, help="pairs K,V")
    parser.add_argument("--steps", type=int, default=0, help="of healing")
    parser.add_argument("--frozen", action="store_true", help="heal the factors alone")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--documents", type=int, default=16, help="held-out documents of a measurement")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = Llama(options.model) if (options.model / "model.safetensors").exists() else DenseT6(options.model)
    train, held_out = TokenSet(options.train), TokenSet(options.validate).documents()[: options.documents]
    seen = activations(model, train.documents())
    nats = lambda logits: round(loss.validation(logits, held_out, model.context), 4)
    record(options.out, {"model": options.model.name, "nats": nats(model.forward), "numbers": 2 * numbers("", 0, model)})
    for form in options.forms:
        fits = Fits(form, seen)
        for pair in options.ranks:
            began = time.perf_counter()
            ranks = [int(rank) for rank in pair.split(",")]
            converted = Converted(model, fits, ranks)
            line = {"form": form, "ranks": ranks, "numbers": sum(numbers(form, rank, model) for rank in ranks)}
            line["nats"] = nats(converted)
            if options.steps and form != "ranked":
                batches = Batches([train], [1], options.rows, options.tokens, 1)
                heal(converted, model, batches, options)
                line |= {"steps": options.steps, "lr": options.lr, "frozen": options.frozen, "healed": nats(converted)}
            record(options.out, line | {"seconds": round(time.perf_counter() - began)})


def record(path, line):
    print(line, flush=True)
    with open(path, "a", encoding="utf-8") as file:
        print(json.dumps(line), file=file)


if __name__ == "__main__":
    main()
