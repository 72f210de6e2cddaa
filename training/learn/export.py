"""Writes a run as a model that `loadModel` reads.

    python3 -m learn.export RUN OUT --tokenizer FOLDER

OUT gets config.json, model.safetensors (float16) and, of the tokenizer's folder, tokenizer.json and
tokenizer_config.json with the folder's chat_template.jinja. A full disk leaves what OUT held before.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import torch

from t6 import checkpoint, safetensors


def export(run, out, tokenizer=None, context=None, dtype=torch.float16):
    """Writes the model of the folder `run` to the folder `out`, and gives its config."""
    model = checkpoint.of_run(run)
    config = model.config.json() | {"eos_token_id": 2, "bos_token_id": 1}
    if context is not None:
        config["block_size"] = context
    out.parent.mkdir(parents=True, exist_ok=True)
    # All is written beside OUT first: what is there is replaced when nothing can fail any more.
    with tempfile.TemporaryDirectory(dir=out.parent) as name:
        beside = Path(name) / "model"
        beside.mkdir()
        tensors = {name: tensor.to(dtype) for name, tensor in model.upstream().items()}
        safetensors.write(beside / "model.safetensors", tensors)
        (beside / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        if tokenizer is not None:
            write_tokenizer(tokenizer, beside)
        if out.exists():
            out.rename(Path(name) / "previous")
        shutil.move(str(beside), out)
    return config


def write_tokenizer(folder, out):
    shutil.copy(folder / "tokenizer.json", out)
    told = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    template = folder / "chat_template.jinja"
    if template.exists():
        told["chat_template"] = template.read_text(encoding="utf-8").rstrip("\n")
    text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    (out / "tokenizer_config.json").write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokenizer", type=Path, help="folder with tokenizer.json, tokenizer_config.json")
    parser.add_argument("--context", type=int, help="longest context, where it is not the config's")
    options = parser.parse_args()
    export(options.run, options.out, options.tokenizer, options.context)


if __name__ == "__main__":
    main()
