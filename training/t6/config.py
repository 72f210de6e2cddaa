"""What a model is made of: the keys of T6's config.json."""

from dataclasses import asdict, dataclass, fields

MECHANISMS = (
    "mha mqa gqa mla tpa tpa-kvonly tpa-sigmoid tpa-nonctx-a tpa-nonctx-b tpa-shared-b "
    "tpa-third-order linear"
).split()


@dataclass
class Config:
    attention: str = "tpa"
    vocab_size: int = 512
    n_layer: int = 6
    n_head: int = 8
    head_dim: int = 32
    n_embd: int = 192
    rank: int = 2
    q_rank: int = 4
    group_size: int = 1  # query heads that share a K/V head, of GQA
    c_dim: int = 2  # width of the third factor
    q_lora_rank: int = 64
    kv_lora_rank: int = 64
    qk_rope_head_dim: int = 16
    v_head_dim: int = 32
    block_size: int = 512
    using_groupnorm: bool = False
    rope_theta: float = 10000.0
    rope_partial_factor: float = 1.0
    rope_decay_base: float = 1.0

    def __post_init__(self):
        if self.attention not in MECHANISMS:
            raise SystemExit(f"attention expected one of {', '.join(MECHANISMS)}, got {self.attention}")
        self.group_size = {"mqa": self.n_head, "gqa": self.group_size}.get(self.attention, 1)

    @property
    def hidden_dim(self):
        return 8 * self.n_embd // 3

    @property
    def cache_floats(self):
        """Numbers that a token leaves in the cache of one layer."""
        heads, width, ranks = self.n_head, self.head_dim, 2 * self.rank
        return {
            "mha": 2 * heads * width,
            "linear": 0,
            "mqa": 2 * width,
            "gqa": 2 * width * heads // self.group_size,
            "mla": self.kv_lora_rank + self.qk_rope_head_dim,
            "tpa-nonctx-a": ranks * width,
            "tpa-nonctx-b": ranks * heads,
            "tpa-shared-b": ranks * heads + 2 * self.rank * width,
            "tpa-third-order": ranks * (heads + width // self.c_dim + self.c_dim),
        }.get(self.attention, ranks * (heads + width))

    def json(self):
        """The file that the runtime reads."""
        return {"model_type": "t6", **asdict(self), "rope_precision": "float32", "tie_word_embeddings": True}

    @classmethod
    def of(cls, record):
        """A config of a file's keys; others are left out."""
        names = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in record.items() if key in names})
