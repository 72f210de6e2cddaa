"""Texts as tokens with the probabilities that a model should learn, and batches of them.

A set is a .npz with `ids` (tokens,), documents that each begin with their first token's id, and
optionally `top_ids` and `top_probabilities` (tokens, top): what should come after each token. Where
they are missing it is the next token; a row of zeros counts for nothing.
"""

import numpy as np
import torch


class TokenSet:
    def __init__(self, path):
        try:
            with np.load(path) as file:
                self.ids = file["ids"].astype(np.int64)
                names = ("top_ids", "top_probabilities")
                self.top_ids, self.top_probabilities = (file[name] if name in file else None for name in names)
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise SystemExit(f"{path} is no token set, which text.py, stories.py or prompts.py write: {error}") from None
        if len(self.ids) < 2:
            raise SystemExit(f"{path} holds {len(self.ids)} tokens: a text needs 2")
        self.starts = np.flatnonzero(self.ids == self.ids[0])

    def __len__(self):
        return len(self.ids)

    def rows(self, order, tokens):
        """Rows of indices into the set, endlessly: documents in the order of a generator. A
        document that a row cuts off begins again in the next; one longer than a row goes on there."""
        ends = np.append(self.starts[1:], len(self.ids))
        row = np.empty(0, np.int64)
        while True:
            for document in order.permutation(len(self.starts)):
                piece = np.arange(self.starts[document], ends[document])
                row = np.append(row, piece)
                while len(row) >= tokens:
                    yield row[:tokens]
                    row = row[tokens:]
                    if 0 < len(row) < len(piece) < tokens:
                        row = piece

    def batch(self, indices):
        """ids (rows, tokens), and what should follow them: ids and probabilities (rows, tokens,
        top)."""
        ids = torch.from_numpy(self.ids[indices])
        if self.top_ids is None:
            following = self.ids[(indices + 1) % len(self.ids)]
            # A row jumps from a document to another: there the next token is the row's.
            following[:, :-1] = self.ids[indices[:, 1:]]
            return ids, torch.from_numpy(following)[..., None], torch.ones(*ids.shape, 1)
        top_ids = torch.from_numpy(self.top_ids[indices].astype(np.int64))
        return ids, top_ids, torch.from_numpy(self.top_probabilities[indices].astype(np.float32))

    def documents_with_targets(self):
        """The documents, each with what should follow its tokens: arrays (ids, top_ids,
        top_probabilities)."""
        parts = (self.ids, self.top_ids, self.top_probabilities)
        return list(zip(*(np.split(part, self.starts[1:]) for part in parts)))

    def documents(self):
        """The documents, each a tensor of ids."""
        return [torch.from_numpy(part) for part in np.split(self.ids, self.starts[1:])]


class Batches:
    """Batches of rows from several sets, each with its share of the rows. The same seed gives the
    same rows, from any step on."""

    def __init__(self, sets, shares, rows, tokens, seed):
        self.sets = sets
        total = sum(shares)
        counts = [round(rows * share / total) for share in shares]
        counts[0] += rows - sum(counts)
        self.counts = counts
        self.streams = [
            tokens_of.rows(np.random.default_rng([seed, index]), tokens) for index, tokens_of in enumerate(sets)
        ]

    def __iter__(self):
        return self

    def __next__(self):
        return [
            tokens_of.batch(np.stack([next(stream) for _ in range(count)]))
            for tokens_of, stream, count in zip(self.sets, self.streams, self.counts)
            if count
        ]

    def skip(self, batches):
        for _ in range(batches):
            for stream, count in zip(self.streams, self.counts):
                for _ in range(count):
                    next(stream)
