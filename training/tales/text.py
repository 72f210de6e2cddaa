"""Makes a token set of a text: documents, each on lines up to one that says <|end|>.

    python3 -m tales.text TOKENIZER.json TEXT OUT.npz

TEXT may be packed by xz.
"""

import argparse
import lzma
from pathlib import Path

import numpy as np

from tales.stories import BOS, EOS
from tales.tokenizer import Tokenizer

END = "<|end|>"


def read(path):
    """The documents of a file."""
    data = Path(path).read_bytes()
    if path.suffix == ".xz":
        data = lzma.decompress(data)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SystemExit(f"{path} is no text in UTF-8: byte {error.start} is {data[error.start]:#04x}") from None
    documents = [part.strip() for part in text.split(f"{END}\n")]
    documents = [part for part in documents if part and "\0" not in part]
    if not documents:
        raise SystemExit(f"{path} holds no text: documents are lines up to one that says {END}")
    return documents


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tokenizer")
    parser.add_argument("text", type=Path)
    parser.add_argument("out")
    options = parser.parse_args()
    tokenizer = Tokenizer(options.tokenizer)
    documents = read(options.text)
    ids = [token for document in documents for token in (BOS, *tokenizer.encode(document), EOS)]
    np.savez(options.out, ids=np.array(ids, np.uint16))
    print(f"{len(documents)} documents, {len(ids)} tokens")


if __name__ == "__main__":
    main()
