"""Factors for the keys or values of a trained model: K or V of a token is a matrix (heads, width),
written as the mean over the ranks of A ⊗ B, A (heads, rank) and B (rank, width).

`ranked` cuts each token's matrix on its own, `fixed` gives every token the same A, and `contextual`
fits maps from a layer's input to both factors, as TPA has them.
"""

import torch


def ranked(target, rank):
    """The nearest matrices of a rank to target (..., heads, width): the truncated SVD of each. RoPE
    turns every head's features alike, so it may come before or after."""
    u, s, v = torch.linalg.svd(target, full_matrices=False)
    return (u[..., :rank] * s[..., None, :rank]) @ v[..., :rank, :]


def fixed_heads(target, rank):
    """The A (heads, rank), orthonormal, of which target (tokens, heads, width) keeps most."""
    gram = torch.einsum("thw,tgw->hg", target, target)
    return torch.linalg.eigh(gram).eigenvectors[:, -rank:].flip(-1)


def fixed(target, a):
    """Target (..., heads, width) as the same A gives it: B is its projection."""
    return a @ (a.T @ target)


class Maps:
    """Maps from a layer's input to contextual factors: A = x `a`ᵀ + `offset`, B = x `b`ᵀ. Without
    the offset A could not be the same for all tokens, and a map would start below a fixed A."""

    def __init__(self, a, offset, b, rank):
        self.a, self.offset, self.b, self.rank = a, offset, b, rank

    def parameters(self):
        return [self.a, self.offset, self.b]

    def factors(self, x):
        a = (x @ self.a.T + self.offset).unflatten(-1, (-1, self.rank))
        return a, (x @ self.b.T).unflatten(-1, (self.rank, -1))

    def __call__(self, x):
        a, b = self.factors(x)
        return a @ b / self.rank

    def float(self):
        return Maps(self.a.float(), self.offset.float(), self.b.float(), self.rank)


def contextual(x, target, rank, rounds):
    """Maps fitted to target (tokens, heads, width) of inputs x (tokens, dim) by alternating least
    squares, and the part of target's squares that they miss, after each round. With one factor held,
    the other's map is a linear least-squares problem, whose matrix is the same for every head, or
    for every feature. Float64: the matrices are badly conditioned."""
    x, target = x.double(), target.double()
    tokens, heads, width = target.shape
    padded = torch.cat([x, torch.ones(tokens, 1, dtype=x.dtype)], -1)
    a = fixed_heads(target, rank).expand(tokens, -1, -1)
    misses = []
    for _ in range(rounds):
        b_map = solve(x, a.transpose(1, 2) @ a, torch.einsum("thr,thw->trw", a, target))
        b = (x @ b_map).view(tokens, rank, width)
        a_map = solve(padded, b @ b.transpose(1, 2), torch.einsum("trw,thw->trh", b, target))
        a = (padded @ a_map).view(tokens, rank, heads).transpose(1, 2)
        misses.append(float((a @ b - target).square().sum() / target.square().sum()))
    # (rank, heads) is A's order here, (heads, rank) that of the files.
    a_map = a_map.view(-1, rank, heads).transpose(1, 2).reshape(-1, heads * rank).T * rank
    return Maps(a_map[:, :-1].contiguous(), a_map[:, -1].contiguous(), b_map.T.contiguous(), rank), misses


def solve(x, gram, moment):
    """The map (dim, rank · outputs) from x (tokens, dim) to the factor that, beside one held of Gram
    matrices `gram` (tokens, rank, rank), comes nearest to `moment` (tokens, rank, outputs)."""
    dim, (_, rank, outputs) = x.shape[1], moment.shape
    normal = torch.zeros(rank, dim, rank, dim, dtype=x.dtype)
    for r in range(rank):
        for s in range(r + 1):
            normal[r, :, s] = normal[s, :, r] = x.T @ (gram[:, r, s, None] * x)
    normal = normal.view(rank * dim, rank * dim)
    normal.diagonal().add_(1e-9 * normal.diagonal().mean())
    right = torch.stack([x.T @ moment[:, r] for r in range(rank)]).view(rank * dim, outputs)
    solution = torch.linalg.solve(normal, right)
    return solution.view(rank, dim, outputs).transpose(0, 1).reshape(dim, rank * outputs)
