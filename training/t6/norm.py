"""RMSNorm, in float32 or what is wider."""

import torch
from torch import nn

from t6.rope import widened

EPS = 1.1920929e-7  # upstream's: that of float32


def norm(x, eps=EPS):
    """RMSNorm without a weight."""
    x = widened(x)
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


class WeightedNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return norm(x, self.eps) * self.weight
