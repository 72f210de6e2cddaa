"""Trains an adapter of a model among the tests' fixtures, with the logits that both must give.

    python3 adapted.py ../../test/fixtures/model_t6 OUT
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from learn import lora  # noqa: E402
from learn.data import Batches, TokenSet  # noqa: E402
from t6 import checkpoint, safetensors  # noqa: E402
from t6.config import Config  # noqa: E402

RANK, ALPHA, STEPS = 2, 4, 40


def main():
    fixture, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    torch.set_num_threads(1)
    tensors = safetensors.read(fixture.with_suffix(".safetensors"))
    model = write_and_load(out, json.loads(fixture.with_suffix(".json").read_text())["config"], tensors)
    adapted = lora.adapt(model, ["W_A_q", "W_B_v", "c_proj", "c_fc1"], RANK, ALPHA)
    history = lora.train(model, adapted, Batches([counting(out)], [1], 4, 48, 1), STEPS, 0.02)
    lora.save(out, adapted, RANK, ALPHA, fixture.name)
    ids = tensors["ids"].long()[:1]
    with torch.no_grad():
        logits = model(ids)
    safetensors.write(out / "expected.safetensors", {"ids": ids.int(), "logits": logits})
    print(f"{history[0]:.3f} nats at first, {history[-1]:.3f} at last")


def write_and_load(out, config, tensors):
    """The fixture as export.py would write it, read back."""
    folder = out / "model"
    folder.mkdir()
    weights = {name: tensor for name, tensor in tensors.items() if name.endswith(".weight")}
    safetensors.write(folder / "model.safetensors", weights)
    (folder / "config.json").write_text(json.dumps(Config.of(config).json()))
    model = checkpoint.of_export(folder)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    return model


def counting(out):
    """Documents that count upwards."""
    order = np.random.default_rng(1)
    ids = np.concatenate([np.r_[1, order.integers(3, 60) + np.arange(30)] for _ in range(40)])
    path = out / "set.npz"
    np.savez(path, ids=ids.astype(np.uint16))
    tokens = TokenSet(path)
    path.unlink()
    return tokens


if __name__ == "__main__":
    main()
