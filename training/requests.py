"""Puts requests before stories: "Tell me a story about a red ball and a dog.", a line's end, the
story.

    python3 requests.py TOKENIZER OUT stories.npz… --seed 1

A story is asked for by one or two of its things, rare ones more often, with their colour or size,
or with its hero's name. Stories with a word that is not known are left out. What should follow is
the story's own text: the teacher's probabilities do not know what was asked.
"""

import argparse
import random
import re
from collections import Counter

import numpy as np

from data import TokenSet
from stories import BOS, EOS
from tokenizer import Tokenizer
from words import COLOURS_AND_SIZES, known_words, nouns, unknown

FORMS = (
    ("Tell me a story about {}.", 8),
    ("Tell me a story about {}", 3),
    ("Can you tell me a story about {}?", 1),
    ("Please tell me a story about {}.", 1),
    ("Write a story about {}.", 1),
    ("A story about {}, please.", 1),
)
PLAIN = ("Tell me a story.", "Tell me a story", "Please tell me a story.")


def things(story, noun_counts):
    """Nouns that a story is about: its own text says them twice, or in its first third."""
    words = re.findall(r"[A-Za-z]+", story)
    early = set(words[: len(words) // 3])
    said = Counter(words)
    return [noun for noun in said if noun in noun_counts and (said[noun] > 1 or noun in early)]


def phrase(noun, story, choice):
    """The noun with its article, and sometimes the colour or size that the story gives it."""
    kinds = "|".join(COLOURS_AND_SIZES)
    adjective = re.search(rf"\b({kinds}),? {noun}\b", story)
    words = f"{adjective[1]} {noun}" if adjective and choice.random() < 0.6 else noun
    return ("an " if words[0] in "aeiou" else "a ") + words


def request(story, noun_counts, choice):
    """A request that the story answers."""
    found = things(story, noun_counts)
    if not found or choice.random() < 0.04:
        return choice.choice(PLAIN)
    asked = []
    for _ in range(min(len(found), choice.choice((1, 2, 2)))):
        weights = [1 / noun_counts[noun] if noun not in asked else 0 for noun in found]
        asked += choice.choices(found, weights)
    items = [phrase(noun, story, choice) for noun in asked]
    hero = re.search(r"\b(boy|girl|dog|cat|bird|rabbit|bear) named ([A-Z][a-z]+)", story)
    if hero and choice.random() < 0.15:
        items[0] = f"a {hero[1]} named {hero[2]}"
    choice.shuffle(items)
    forms, weights = zip(*FORMS)
    return choice.choices(forms, weights)[0].format(" and ".join(items))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tokenizer")
    parser.add_argument("out")
    parser.add_argument("stories", nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=1, help="requests for each story")
    options = parser.parse_args()
    choice = random.Random(options.seed)
    tokenizer = Tokenizer(options.tokenizer)
    documents = [document for path in options.stories for document in TokenSet(path).documents()]
    texts = [tokenizer.decode(document.tolist()).strip() for document in documents]
    known, noun_counts = known_words(texts), nouns(texts)
    clean = [text for text in texts if not unknown(text, known)]
    print(f"{len(clean)} of {len(texts)} stories have known words only; {len(noun_counts)} nouns", flush=True)
    ids, counts = [], []
    for _ in range(options.requests):
        for text in choice.sample(clean, len(clean)):
            asked = tokenizer.encode(request(text, noun_counts, choice) + "\n")
            answer = tokenizer.encode("\n" + text)[len(tokenizer.encode("\n")) :]
            ids += [BOS, *asked, *answer, EOS]
            counts += [0] * len(asked) + [1] * (len(answer) + 1) + [0]
    following = np.roll(np.array(ids, np.uint16), -1)[:, None]
    weights = np.array(counts, np.float16)[:, None]
    np.savez(options.out, ids=np.array(ids, np.uint16), top_ids=following, top_probabilities=weights)


if __name__ == "__main__":
    main()
