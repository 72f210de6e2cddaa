"""T6: the LLaMA-shaped transformer of the paper, with any of the mechanisms."""

from torch import nn
from torch.nn import functional as F

from t6.attend import linear_attention, softmax_attention
from t6.mechanisms import Dense, Factors, Latent, linear
from t6.norm import WeightedNorm, norm


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attend = linear_attention if config.attention == "linear" else softmax_attention
        width = config.v_head_dim if config.attention == "mla" else config.head_dim
        kinds = {"mla": Latent, "mha": Dense, "mqa": Dense, "gqa": Dense, "linear": Dense}
        self.c_qkv = kinds.get(config.attention, Factors)(config)
        if config.using_groupnorm:
            self.subln = WeightedNorm(width, 1e-5)
        self.c_proj = linear(config.n_head * width, config.n_embd)
        nn.init.zeros_(self.c_proj.weight)

    def forward(self, x):
        out = self.attend(*self.c_qkv(x))
        if hasattr(self, "subln"):
            out = self.subln(out)
        return self.c_proj(out.flatten(2))


class Mlp(nn.Module):
    """SwiGLU."""

    def __init__(self, config):
        super().__init__()
        self.c_fc1, self.c_fc2 = (linear(config.n_embd, config.hidden_dim) for _ in range(2))
        self.c_proj = linear(config.hidden_dim, config.n_embd)
        nn.init.zeros_(self.c_proj.weight)

    def forward(self, x):
        return self.c_proj(F.silu(self.c_fc1(x)) * self.c_fc2(x))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attn = Attention(config)
        self.mlp = Mlp(config)

    def forward(self, x):
        x = x + self.attn(norm(x))
        return x + self.mlp(norm(x))


class T6(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        wte = nn.Embedding(config.vocab_size, config.n_embd)
        nn.init.uniform_(wte.weight, -(config.n_embd**-0.5), config.n_embd**-0.5)
        self.transformer = nn.ModuleDict(
            {"wte": wte, "h": nn.ModuleList(Block(config) for _ in range(config.n_layer))}
        )

    def upstream(self):
        """The weights under the names of upstream's checkpoints, where factors alone are `c_qkv`."""
        has_factors = self.config.attention.startswith("tpa")
        return {
            name if has_factors else name.replace(".c_qkv.", "."): tensor
            for name, tensor in self.state_dict().items()
        }

    def forward(self, ids):
        """Logits (batch, tokens, vocab_size) of ids (batch, tokens); the head is the embedding."""
        x = self.transformer["wte"](ids)
        for block in self.transformer["h"]:
            x = block(x)
        return F.linear(norm(x), self.transformer["wte"].weight)
