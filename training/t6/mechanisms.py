"""How Q, K and V are made of a layer's input, under the names of the upstream checkpoints.

Each module takes x (batch, tokens, n_embd) and gives q (batch, tokens, n_head, width), and k and v
with as many heads or, for MQA and GQA, a divisor of them. RoPE is in q and k.
"""

import torch
from torch import nn

from t6.norm import WeightedNorm
from t6.rope import rotate


def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


def product(a, b):
    """The mean over the ranks of A ⊗ B: a (batch, tokens, heads, rank) and b (batch, tokens, rank,
    width) give (batch, tokens, heads, width)."""
    batch, tokens, heads, rank = a.shape
    out = torch.bmm(a.reshape(-1, heads, rank) / rank, b.reshape(-1, rank, b.shape[-1]).to(a.dtype))
    return out.view(batch, tokens, heads, -1)


class Factors(nn.Module):
    """TPA and its variants (paper, section 3 and appendix): Q, K and V from factors A and B."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.kind = config.attention
        self.ranks = {"q": config.q_rank, "k": config.rank, "v": config.rank}
        heads, width, dim = config.n_head, config.head_dim, config.n_embd
        if self.kind == "tpa-kvonly":
            self.c_q = linear(dim, heads * width)
            del self.ranks["q"]
        if self.kind == "tpa-shared-b":
            self.W_B_kv = self.projection(config.rank, width)
        for part, rank in self.ranks.items():
            if self.kind == "tpa-nonctx-a":
                self.fixed("A_" + part, heads, rank)
            else:
                setattr(self, "W_A_" + part, self.projection(heads, rank))
            if self.kind == "tpa-nonctx-b":
                self.fixed("B_" + part, rank, width)
            elif self.kind == "tpa-third-order":
                setattr(self, "W_B_" + part, self.projection(rank, width // config.c_dim))
                setattr(self, "W_C_" + part, self.projection(rank, config.c_dim))
            elif self.kind != "tpa-shared-b" or part == "q":
                setattr(self, "W_B_" + part, self.projection(rank, width))

    def projection(self, rows, columns):
        """A map to (rows, columns), initialised as upstream: Xavier over (n_embd, rows) for every
        column."""
        weight = linear(self.config.n_embd, rows * columns)
        bound = (6 / ((self.config.n_embd + rows) * columns)) ** 0.5
        nn.init.uniform_(weight.weight, -bound, bound)
        return weight

    def fixed(self, name, rows, columns):
        setattr(self, name, nn.Parameter(torch.randn(rows, columns)))

    def forward(self, x):
        parts = [product(self.a(x, part), self.b(x, part)) for part in self.ranks]
        if self.kind == "tpa-kvonly":
            parts.insert(0, rotate(self.heads(self.c_q(x), self.config.n_head), self.config))
        return parts

    def heads(self, x, rows):
        return x.view(*x.shape[:2], rows, -1)

    def a(self, x, part):
        if self.kind == "tpa-nonctx-a":
            return getattr(self, "A_" + part).expand(*x.shape[:2], -1, -1)
        a = self.heads(getattr(self, "W_A_" + part)(x), self.config.n_head)
        return a.sigmoid() if self.kind == "tpa-sigmoid" else a

    def b(self, x, part):
        rank = self.ranks[part]
        turn = (lambda b: b) if part == "v" else (lambda b: rotate(b, self.config))
        if self.kind == "tpa-nonctx-b":
            return turn(getattr(self, "B_" + part).expand(*x.shape[:2], -1, -1))
        if self.kind == "tpa-shared-b" and part != "q":
            return turn(self.heads(self.W_B_kv(x), rank))
        b = turn(self.heads(getattr(self, "W_B_" + part)(x), rank))
        if self.kind != "tpa-third-order":
            return b
        c = self.heads(getattr(self, "W_C_" + part)(x), rank)
        return (b[..., :, None] * c[..., None, :]).flatten(3)


class Dense(nn.Module):
    """MHA, MQA and GQA: full projections of as many K/V heads as their kind has."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        width = config.n_head * config.head_dim
        self.c_q = linear(config.n_embd, width)
        self.c_k, self.c_v = (linear(config.n_embd, width // config.group_size) for _ in "kv")

    def forward(self, x):
        q, k, v = (
            weight(x).view(*x.shape[:2], -1, self.config.head_dim) for weight in (self.c_q, self.c_k, self.c_v)
        )
        return rotate(q, self.config), rotate(k, self.config), v


class Latent(nn.Module):
    """MLA: K and V from one latent and one rotated key that all heads share."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        dim, heads = config.n_embd, config.n_head
        self.q_a_proj = linear(dim, config.q_lora_rank)
        self.q_a_layernorm = WeightedNorm(config.q_lora_rank, 1e-6)
        self.q_b_proj = linear(config.q_lora_rank, heads * (config.head_dim + config.qk_rope_head_dim))
        self.kv_a_proj_with_mqa = linear(dim, config.kv_lora_rank + config.qk_rope_head_dim)
        self.kv_a_layernorm = WeightedNorm(config.kv_lora_rank, 1e-6)
        self.kv_b_proj = linear(config.kv_lora_rank, heads * (config.head_dim + config.v_head_dim))

    def forward(self, x):
        config, lead = self.config, x.shape[:2]
        q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x))).view(*lead, config.n_head, -1)
        plain, turned = q.split([config.head_dim, config.qk_rope_head_dim], -1)
        q = torch.cat([plain, rotate(turned, config)], -1)
        latent, shared = self.kv_a_proj_with_mqa(x).split([config.kv_lora_rank, config.qk_rope_head_dim], -1)
        kv = self.kv_b_proj(self.kv_a_layernorm(latent)).view(*lead, config.n_head, -1)
        plain, v = kv.split([config.head_dim, config.v_head_dim], -1)
        shared = rotate(shared[:, :, None], config).expand(-1, -1, config.n_head, -1)
        return q, torch.cat([plain, shared], -1), v
