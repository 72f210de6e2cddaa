"""Models as they lie in folders: what a run goes on from, and what loadModel reads."""

import json

import torch

from t6 import safetensors
from t6.config import Config
from t6.model import T6


def of_run(folder):
    """The model of a run, at its last save."""
    state = torch.load(folder / "state.pt", map_location="cpu")
    model = T6(Config.of(state["config"]))
    model.load_state_dict(state["model"])
    return model


def of_export(folder):
    """The model in a folder that was exported, float32."""
    model = T6(Config.of(json.loads((folder / "config.json").read_text(encoding="utf-8"))))
    tensors = safetensors.read(folder / "model.safetensors")
    own = dict(zip(model.upstream(), model.state_dict()))
    model.load_state_dict({own[name]: tensors[name].float() for name in own})
    return model
