"""Trains small models for a few steps and exports them, with the logits that they must give.

    python3 trained.py OUT STEPS MECHANISM…
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from learn import export  # noqa: E402
from learn import train  # noqa: E402
from t6 import checkpoint  # noqa: E402
from tales import text  # noqa: E402
from tales.tokenizer import Tokenizer  # noqa: E402

TOKENIZER = HERE.parent / "tokenizer"
SIZES = {"n_layer": 2, "n_embd": 48, "n_head": 4, "head_dim": 16, "v_head_dim": 16, "kv_lora_rank": 24}
PROMPT = "Once upon a time there was a mouse"


def main():
    out, steps, *mechanisms = sys.argv[1:]
    out = Path(out)
    data = str(out / "tales.npz")
    with contextlib.redirect_stdout(io.StringIO()):
        sys.argv = ["text.py", str(TOKENIZER / "tokenizer.json"), str(HERE / "tale.txt"), data]
        text.main()
        for mechanism in mechanisms:
            train_one(out, data, steps, mechanism)


def train_one(out, data, steps, mechanism):
    keys = {**SIZES, "attention": mechanism, "group_size": 2, "using_groupnorm": mechanism == "linear"}
    options = [f"--{key}={str(value).lower()}" for key, value in keys.items()]
    options += ["--train", data, "--validate", data, f"--steps={steps}", "--rows=4", "--tokens=64"]
    train.main([str(out / f"{mechanism}-run"), *options])
    export.export(out / f"{mechanism}-run", out / mechanism, TOKENIZER)
    model = checkpoint.of_export(out / mechanism)
    ids = [1, *Tokenizer(TOKENIZER / "tokenizer.json").encode(PROMPT)]
    with torch.no_grad():
        logits = model(torch.tensor([ids]))[0, -1]
    (out / mechanism / "expected.json").write_text(json.dumps({"prompt": PROMPT, "ids": ids, "logits": logits.tolist()}))


if __name__ == "__main__":
    main()
