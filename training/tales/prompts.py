"""Puts requests before stories: "Tell me a story about a red ball and a dog.", a line's end, the
story.

    python3 -m tales.prompts TOKENIZER OUT stories.npz… --seed 1

A story is asked for by one or two of its things, rare ones more often, with their colour or size,
or with its hero's name. Stories with a word that is not known, or with eight words that come twice,
are left out. What was asked for is certain where the story first says it, since the teacher's
probabilities do not know the request.
"""

import argparse
import random
import re
from collections import Counter

import numpy as np

from learn.data import TokenSet
from tales.stories import BOS, EOS, TOP
from tales.tokenizer import Tokenizer
from tales.words import COLOURS_AND_SIZES, known_words, nouns, repeats, unknown

FORMS = (
    ("Tell me a story about {}.", 8),
    ("Tell me a story about {}", 3),
    ("Can you tell me a story about {}?", 1),
    ("Please tell me a story about {}.", 1),
    ("Write a story about {}.", 1),
    ("A story about {}, please.", 1),
)
OWN = 0.4  # of the probability of a token that was not asked for, that of the story's own token
WEIGHT = 4  # of a token that was: a story comes to its things late, if it may come to them or not
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
    """A request that the story answers, and the words of it that the story is about."""
    found = things(story, noun_counts)
    if not found or choice.random() < 0.04:
        return choice.choice(PLAIN), []
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
    words = [item.split(" ", 1)[1] for item in items]
    return choice.choices(forms, weights)[0].format(" and ".join(items)), words


def certain(tokenizer, answer, words):
    """Which tokens of an answer are the first that it says of the words asked for: there nothing
    else was to come."""
    ends = np.cumsum([len(tokenizer.decode([token])) for token in answer])
    text = tokenizer.decode(answer)
    found = np.zeros(len(answer), bool)
    for word in words:
        match = re.search(rf"\b{re.escape(word)}\b", text)
        if match:
            first, last = np.searchsorted(ends, [match.start(), match.end() - 1], side="right")
            found[first : last + 1] = True
    return found


def targets(answer, story, is_certain, weight=WEIGHT):
    """What should follow each token of a request and its answer, as ids and probabilities: the
    answer's own token where it is certain, else that with OWN of the probability and the teacher's
    distribution with the rest. `story` has the ids and distributions of the teacher's own tokens,
    which are the answer's from the second word on."""
    ids, top_ids, top_probabilities = story
    own = np.array([*answer, EOS])
    out_ids = np.zeros((len(own), TOP + 1), np.uint16)
    out = np.zeros((len(own), TOP + 1), np.float16)
    out_ids[:, TOP], out[:, TOP] = own, np.where(np.append(is_certain, False), weight, 1)
    same = np.argmin(np.append(own[::-1][: len(ids)] == ids[::-1][: len(own)], False))
    # The distribution of a token is kept beside the one before it.
    soft = np.flatnonzero(~np.append(is_certain, False))
    soft = soft[soft >= len(own) - same]
    rows = soft - len(own) + len(ids) - 1
    out_ids[soft, :TOP] = top_ids[rows]
    mass = top_probabilities[rows].astype(np.float32)
    out[soft, :TOP] = (1 - OWN) * mass / mass.sum(1, keepdims=True)
    out[soft, TOP] = OWN
    return out_ids, out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tokenizer")
    parser.add_argument("out")
    parser.add_argument("stories", nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=1, help="requests for each story")
    parser.add_argument("--weight", type=float, default=WEIGHT, help="of what was asked for, in the loss")
    options = parser.parse_args()
    choice = random.Random(options.seed)
    tokenizer = Tokenizer(options.tokenizer)
    sets = [TokenSet(path) for path in options.stories]
    stories = [story for tokens in sets for story in tokens.documents_with_targets()]
    texts = [tokenizer.decode(ids.tolist()).strip() for ids, _, _ in stories]
    known, noun_counts = known_words(texts), nouns(texts)
    clean = [number for number, text in enumerate(texts) if not unknown(text, known) and not repeats(text)]
    print(f"{len(clean)} of {len(texts)} stories are clean; {len(noun_counts)} nouns", flush=True)
    newline = tokenizer.encode("\n")
    parts = []
    for _ in range(options.requests):
        for number in choice.sample(clean, len(clean)):
            asked, words = request(texts[number], noun_counts, choice)
            asked = tokenizer.encode(asked + "\n")
            answer = tokenizer.encode("\n" + texts[number])[len(newline) :]
            is_certain = certain(tokenizer, answer, words)
            top_ids, top_probabilities = targets(answer, stories[number], is_certain, options.weight)
            # Nothing is learned of the request itself, nor of what follows an end.
            before, after = ((len(asked), 0), (0, 0)), ((0, 1), (0, 0))
            top_ids, top_probabilities = (np.pad(np.pad(part, before), after) for part in (top_ids, top_probabilities))
            parts.append((np.array([BOS, *asked, *answer, EOS], np.uint16), top_ids, top_probabilities))
    ids, top_ids, top_probabilities = (np.concatenate(part) for part in zip(*parts))
    np.savez(options.out, ids=ids, top_ids=top_ids, top_probabilities=top_probabilities)


if __name__ == "__main__":
    main()
