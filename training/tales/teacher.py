"""The teacher: a LLaMA checkpoint, for its probabilities of whole texts and for sampling."""

import json
from pathlib import Path

import torch
from torch.nn import functional as F

from t6 import safetensors
from t6.attend import softmax_attention


class Teacher:
    """A LLaMA with grouped K/V heads in Hugging Face's layout, float32."""

    def __init__(self, folder):
        config = json.loads((Path(folder) / "config.json").read_text())
        self.heads = config["num_attention_heads"]
        self.kv_heads = config["num_key_value_heads"]
        self.head_dim = config["hidden_size"] // self.heads
        self.eps = config["rms_norm_eps"]
        self.context = config["max_position_embeddings"]
        self.layers = config["num_hidden_layers"]
        self.weights = safetensors.read(Path(folder) / "model.safetensors")
        frequencies = config["rope_theta"] ** -(torch.arange(0, self.head_dim, 2) / self.head_dim)
        angles = torch.outer(torch.arange(self.context), frequencies)
        self.cos, self.sin = angles.cos(), angles.sin()

    def __getitem__(self, name):
        return self.weights[name + ".weight"]

    def norm(self, x, name):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self[name]

    def rotate(self, x, cos, sin):
        """RoPE of x (..., head_dim), halves layout."""
        low, high = x.chunk(2, -1)
        return torch.cat([low * cos - high * sin, high * cos + low * sin], -1)

    def forward(self, ids, keep=None):
        """Logits (batch, tokens, vocabulary) of ids (batch, tokens). `keep(layer, x, k, v)` sees a
        layer's normed input, and its keys (batch, tokens, kv_heads, head_dim) before they turn, and
        may return others in place of k and v."""
        batch, tokens = ids.shape
        x = self["model.embed_tokens"][ids]
        cos, sin = self.cos[:tokens, None], self.sin[:tokens, None]
        for layer in range(self.layers):
            at = f"model.layers.{layer}."
            y = self.norm(x, at + "input_layernorm")
            q, k, v = (
                F.linear(y, self[f"{at}self_attn.{name}_proj"]).view(batch, tokens, -1, self.head_dim)
                for name in "qkv"
            )
            if keep is not None:
                k, v = keep(layer, y, k, v) or (k, v)
            q, k = (self.rotate(part, cos, sin) for part in (q, k))
            out = softmax_attention(q, k, v).flatten(2)
            x = x + F.linear(out, self[at + "self_attn.o_proj"])
            x = x + self.mlp(self.norm(x, at + "post_attention_layernorm"), at + "mlp.")
        return F.linear(self.norm(x, "model.norm"), self["model.embed_tokens"])

    def mlp(self, y, at):
        gate = F.silu(F.linear(y, self[at + "gate_proj"]))
        return F.linear(gate * F.linear(y, self[at + "up_proj"]), self[at + "down_proj"])

    def cache(self, batch):
        """An empty cache: K and V of every layer, (batch, kv_heads, head_dim, context), so that the
        sums over tokens run along memory."""
        shape = (self.layers, 2, batch, self.kv_heads, self.head_dim, self.context)
        return torch.zeros(shape)

    def step(self, ids, position, cache):
        """Logits (batch, vocabulary) of one more token each, all at the same position."""
        batch, end = len(ids), position + 1
        x = self["model.embed_tokens"][ids]
        cos, sin = self.cos[position], self.sin[position]
        for layer in range(self.layers):
            at = f"model.layers.{layer}."
            y = self.norm(x, at + "input_layernorm")
            q, k, v = (
                F.linear(y, self[f"{at}self_attn.{name}_proj"]).view(batch, -1, self.head_dim)
                for name in "qkv"
            )
            q = self.rotate(q, cos, sin).view(batch, self.kv_heads, -1, self.head_dim)
            cache[layer, 0, ..., position], cache[layer, 1, ..., position] = self.rotate(k, cos, sin), v
            keys, values = cache[layer, 0, ..., :end], cache[layer, 1, ..., :end]
            scores = q @ keys * self.head_dim**-0.5
            out = (scores.softmax(-1) @ values.transpose(2, 3)).view(batch, -1)
            x = x + F.linear(out, self[at + "self_attn.o_proj"])
            x = x + self.mlp(self.norm(x, at + "post_attention_layernorm"), at + "mlp.")
        return F.linear(self.norm(x, "model.norm"), self["model.embed_tokens"])
