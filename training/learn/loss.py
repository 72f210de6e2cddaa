"""What is minimised, and what is reported."""

import torch
from torch.nn import functional as F

IGNORED = -1


def cross_entropy(logits, top_ids, top_probabilities):
    """Sum over the tokens of the nats between the probabilities given for the next token and the
    model's; and how many tokens count. Probabilities of a sum below 1 are scaled to 1, a sum above
    is the token's weight, a sum of 0 leaves it out."""
    total = top_probabilities.sum(-1, keepdim=True)
    probabilities = top_probabilities / total.clamp(1e-6, 1)
    nats = -(probabilities * logits.float().log_softmax(-1).gather(-1, top_ids)).sum()
    return nats, (total > 0).sum()


@torch.no_grad()
def validation(model, documents, context, rows=16):
    """Mean nats a token of documents, each read from its beginning, up to `context` tokens of it.
    `model` maps ids (rows, tokens) to logits."""
    documents = sorted((document[: context + 1] for document in documents), key=len)
    nats, count = 0.0, 0
    for start in range(0, len(documents), rows):
        batch = torch.nn.utils.rnn.pad_sequence(documents[start : start + rows], True, IGNORED)
        logits = model(batch[:, :-1].clamp(min=0)).float()
        nats += float(F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"))
        count += int((batch[:, 1:] != IGNORED).sum())
    return nats / count
