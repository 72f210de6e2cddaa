"""Samples stories from the teacher, with its probabilities of every next token.

    python3 -m tales.stories TEACHER OUT --seed 1 --tokens 2e6 --temperature 0.8

OUT.npz holds `ids` (tokens,), each story as BOS … EOS, and for each of them the teacher's TOP most
probable next tokens at temperature 1: `top_ids` and `top_probabilities` (tokens, TOP). The same
seed gives the same file. Stories without an end, shorter than SHORTEST tokens or with a run of
LONGEST_REPEAT tokens that comes twice are left out.
"""

import argparse

import numpy as np
import torch

from tales.teacher import Teacher
from tales.words import comes_twice

BOS, EOS = 1, 2
TOP = 32  # 99.3 % of the probability on average, measured at temperature 0.8
SHORTEST, LONGEST_REPEAT = 60, 14
BATCH = 128
COMPACT = 32  # steps after which the rows of ended stories leave the batch


def sample(teacher, batch, temperature, generator):
    """Stories of one batch, those that end within the context: (ids, top ids, top probabilities) of
    each, which begin with BOS and end before EOS."""
    cache = teacher.cache(batch)
    ids = torch.full((batch,), BOS)
    live = torch.arange(batch)
    length = torch.zeros(batch, dtype=torch.long)
    seen = torch.zeros(batch, teacher.context, dtype=torch.long)
    top_ids = torch.zeros(batch, teacher.context, TOP, dtype=torch.long)
    top_probabilities = torch.zeros(batch, teacher.context, TOP)
    for position in range(teacher.context - 1):
        logits = teacher.step(ids, position, cache)
        top = logits.softmax(-1).topk(TOP)
        seen[live, position] = ids
        top_ids[live, position], top_probabilities[live, position] = top.indices, top.values
        ids = (logits / temperature).softmax(-1).multinomial(1, generator=generator)[:, 0]
        ended = ((ids == BOS) | (ids == EOS)) & (length[live] == 0)
        length[live[ended]] = position + 1
        if position % COMPACT == COMPACT - 1:
            going = length[live] == 0
            ids, live, cache = ids[going], live[going], cache[:, :, going]
        if not len(live):
            break
    rows = [(row, end) for row, end in enumerate(length.tolist()) if end]
    return [(seen[row, :end], top_ids[row, :end], top_probabilities[row, :end]) for row, end in rows]


def is_clean(ids):
    """Whether a story is long enough and says nothing at length twice."""
    return len(ids) >= SHORTEST and not comes_twice(ids, LONGEST_REPEAT)


def closed(ids, top_ids, top_probabilities):
    """A story with its EOS. The teacher ends a story by beginning the next: that probability goes
    to EOS, and after EOS comes BOS."""
    ends = top_ids == BOS
    top_ids = torch.where(ends, EOS, top_ids)
    after = torch.full((1, TOP), BOS), torch.eye(1, TOP)
    return (
        torch.cat([ids, torch.tensor([EOS])]),
        torch.cat([top_ids, after[0]]),
        torch.cat([top_probabilities, after[1]]),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("teacher")
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tokens", type=float, default=2e6)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--unfiltered", action="store_true", help="keep every story that ends")
    options = parser.parse_args()
    torch.set_num_threads(1)
    teacher = Teacher(options.teacher)
    generator = torch.Generator().manual_seed(options.seed)
    kept, tokens, dropped = [], 0, 0
    with torch.no_grad():
        while tokens < options.tokens:
            for ids, top_ids, top_probabilities in sample(teacher, BATCH, options.temperature, generator):
                if options.unfiltered or is_clean(ids.tolist()):
                    kept.append(closed(ids, top_ids, top_probabilities))
                    tokens += len(ids) + 1
                else:
                    dropped += 1
            print(f"{len(kept)} stories, {tokens} tokens, {dropped} left out", flush=True)
    parts = [torch.cat(part).numpy() for part in zip(*kept)]
    np.savez(
        options.out,
        ids=parts[0].astype(np.uint16),
        top_ids=parts[1].astype(np.uint16),
        top_probabilities=parts[2].astype(np.float16),
    )


if __name__ == "__main__":
    main()
