"""Muon for the matrices of the blocks, AdamW for all else, and the schedule of both."""

import math

import torch

# Newton-Schulz: five steps of an odd polynomial whose singular values end between 0.7 and 1.2.
COEFFICIENTS = (3.4445, -4.775, 2.0315)
STEPS = 5


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, its matrix brought close to the nearest orthogonal one."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.1):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                average = state["momentum"].mul_(group["momentum"]).add_(parameter.grad)
                update = orthogonal(parameter.grad + group["momentum"] * average)
                rows, columns = parameter.shape
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * max(1, rows / columns) ** 0.5)


def orthogonal(matrix):
    """U Vᵀ of a matrix U S Vᵀ, roughly; products in bfloat16."""
    x = matrix.bfloat16()
    x = x / (x.norm() + 1e-7)
    wide = x if x.shape[0] <= x.shape[1] else x.t()
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        square = wide @ wide.t()
        wide = a * wide + (b * square + c * square @ square) @ wide
    return (wide if wide.shape == matrix.shape else wide.t()).float()


def optimisers(model, options):
    """AdamW with the paper's betas and decay, and Muon for the blocks where its rate is not 0."""
    blocks = [p for name, p in model.named_parameters() if ".h." in name and p.dim() == 2]
    muon = {id(p) for p in blocks} if options.muon else set()
    rest = [p for p in model.parameters() if id(p) not in muon]
    groups = [
        {"params": [p for p in rest if p.dim() > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in rest if p.dim() < 2], "weight_decay": 0.0},
    ]
    made = [torch.optim.AdamW(groups, lr=options.lr, betas=(0.9, 0.95), eps=1e-8)]
    if options.muon:
        made.append(Muon(blocks, options.muon, weight_decay=options.weight_decay))
    for optimiser in made:
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return made


def schedule(step, steps, warmup, floor, flat=0):
    """Factor of the peak rate: a linear rise, the peak for the part `flat` of the steps, then a
    cosine down to `floor`."""
    if step < warmup:
        return (step + 1) / warmup
    top = max(warmup, flat * steps)
    progress = max(0, step - top) / max(1, steps - top)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1, progress)))
