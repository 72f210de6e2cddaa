"""The teacher's tokenizer: SentencePiece's merges with bytes for what has no piece."""

import json
import re
from pathlib import Path

SPACE = "\u2581"


class Tokenizer:
    def __init__(self, path):
        model = json.loads(Path(path).read_text(encoding="utf-8"))["model"]
        self.ids = model["vocab"]
        self.pieces = [piece for piece, _ in sorted(self.ids.items(), key=lambda entry: entry[1])]
        merges = (merge if isinstance(merge, list) else merge.split(" ", 1) for merge in model["merges"])
        self.ranks = {tuple(merge): rank for rank, merge in enumerate(merges)}
        self.words = {}

    def encode(self, text):
        """The ids of a text, with the space that SentencePiece puts before it, without BOS."""
        parts = re.findall(f"{SPACE}*[^{SPACE}]+|{SPACE}+$", (" " + text).replace(" ", SPACE))
        return [token for part in parts for token in self.word(part)]

    def word(self, word):
        """The ids of a piece of text that no merge reaches over."""
        if word not in self.words:
            pieces = list(word)
            while len(pieces) > 1:
                pairs = list(zip(pieces, pieces[1:]))
                best = min(pairs, key=lambda pair: self.ranks.get(pair, 1 << 30))
                if best not in self.ranks:
                    break
                at = pairs.index(best)
                pieces[at : at + 2] = ["".join(best)]
            self.words[word] = [token for piece in pieces for token in self.ids_of(piece)]
        return self.words[word]

    def ids_of(self, piece):
        if piece in self.ids:
            return [self.ids[piece]]
        return [self.ids[f"<0x{byte:02X}>"] for byte in piece.encode()]

    def decode(self, ids):
        """The text of ids, special tokens left out."""
        data = b""
        for token in ids:
            piece = self.pieces[token]
            byte = re.fullmatch(r"<0x(..)>", piece)
            if byte:
                data += bytes([int(byte[1], 16)])
            elif not re.fullmatch(r"<.+>", piece):
                data += piece.replace(SPACE, " ").encode()
        return data.decode("utf-8", "replace")
