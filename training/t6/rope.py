"""Rotary position embedding as T6 has it: halves layout, turning by minus the angle."""

from functools import lru_cache

import torch


@lru_cache
def table(tokens, width, theta, decay, device):
    """cos and sin, (tokens, 1, width / 2) in float32, times decay^angle."""
    frequencies = theta ** -(torch.arange(0, width, 2, device=device) / width)
    angles = torch.outer(torch.arange(tokens, device=device), frequencies)[:, None]
    growth = decay**angles
    return angles.cos() * growth, angles.sin() * growth


def widened(x):
    """x in float32 at least, for what half precision is too coarse for."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def rotate(x, config):
    """RoPE of x (batch, tokens, rows, width): the first features turn, the others pass."""
    width = int(x.shape[-1] * config.rope_partial_factor) // 2 * 2
    cos, sin = table(x.shape[1], width, config.rope_theta, config.rope_decay_base, x.device)
    low, high, rest = widened(x).split([width // 2, width // 2, x.shape[-1] - width], -1)
    return torch.cat([low * cos + high * sin, high * cos - low * sin, rest], -1).to(x.dtype)
