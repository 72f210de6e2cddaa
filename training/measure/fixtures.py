"""Computes in float64 what the tests expect of the shipped model.

    python3 -m measure.fixtures MODEL OUT

MODEL is a folder with config.json, tokenizer.json and model.safetensors in float32, such as
`tpa convert` writes of a GGUF file: the numbers that its codes stand for. OUT.safetensors gets ids
of a text, the logits of the last ROWS of them, and a greedy continuation; OUT.json says what else a
test must know. Greedy text begins with the first of PROMPTS whose likeliest tokens are likelier
than any other by MARGIN, and do not end the story.
"""

import argparse
import json
from pathlib import Path

import torch

from t6 import checkpoint, safetensors
from tales.stories import BOS, EOS
from tales.tokenizer import Tokenizer

IDS, ROWS, GREEDY = 200, 40, 48
TOLERANCE = 1e-3  # logits reach 20, and kernels round activations to 16 bits: 4.4e-4 was seen
MARGIN = 5 * TOLERANCE
PROMPTS = (
    "Once upon a time",
    "Once upon a time, there was a little dog",
    "One day, a girl went to the park",
    "Tom and his mom were at home",
    "There was a big red ball",
)
TEXT = """Once upon a time, there was a little girl who lived in a small house near the sea. Every
day she went to the beach with her dog and looked for shells. One day she found a shell that was big
and blue. "Look!" she said to her dog. "It is so pretty." But the dog did not look at the shell. He
saw a bird that could not fly, because its leg was stuck in a net. The girl was sad for the bird.
She sat down on the sand and pulled the net away, very slowly. The bird was free again! It sang a
happy song and flew up into the sky. The girl went home, put the blue shell on her bed and told her
mom about the bird. Her mom smiled and gave her a hug. "You were kind today," she said. From that
day on, the bird came to the window every morning and sang for them, and the girl and her dog were
never alone when they went to look for shells."""


def greedy(model, prompt):
    """A prompt's likeliest continuation, and the least that a token was ahead of the next."""
    ids, margin = list(prompt), float("inf")
    for _ in range(GREEDY):
        best = model(torch.tensor([ids]))[0, -1].topk(2)
        margin = min(margin, (best.values[0] - best.values[1]).item())
        ids.append(best.indices[0].item())
    return ids, margin


def continuation(model, tokenizer):
    """Prompt and continuation of the first prompt that serves; the prompt's length; the margin."""
    for text in PROMPTS:
        prompt = [BOS, *tokenizer.encode(text)]
        ids, margin = greedy(model, prompt)
        if margin >= MARGIN and EOS not in ids:
            return ids, len(prompt), margin
    raise SystemExit(f"no prompt has {GREEDY} greedy tokens that are ahead by {MARGIN}: add one to PROMPTS")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    model, tokenizer = checkpoint.of_export(options.model).double(), Tokenizer(options.model / "tokenizer.json")
    with torch.no_grad():
        ids = [BOS, *tokenizer.encode(TEXT.replace("\n", " "))][:IDS]
        logits = model(torch.tensor([ids]))[0, -ROWS:]
        text, prompt_length, margin = continuation(model, tokenizer)
    safetensors.write(
        options.out.with_suffix(".safetensors"),
        {
            "ids": torch.tensor(ids, dtype=torch.int32),
            "greedy": torch.tensor(text, dtype=torch.int32),
            "logits": logits.float(),
        },
    )
    sidecar = {
        "kind": "shipped",
        "model": "models/t6-stories.gguf",
        "config": {},
        "first_row": IDS - ROWS,
        "greedy_prompt_len": prompt_length,
        "greedy_min_top1_top2_margin": margin,
        "tolerance": {"atol": {"logits": TOLERANCE}},
    }
    options.out.with_suffix(".json").write_text(json.dumps(sidecar, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
