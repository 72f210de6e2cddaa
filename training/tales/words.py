"""Which words are known, which name things, and which come twice."""

import re
from collections import Counter
from pathlib import Path

DICTIONARY = "/usr/share/dict/american-english"  # Debian's package wamerican
WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
TOKEN = re.compile(r"[A-Za-z']+|[.,!?]")
COLOURS_AND_SIZES = "big little small red blue green yellow pink purple white black old new pretty shiny tall fast".split()
BEFORE = {"a", "an", "the", "his", "her", *COLOURS_AND_SIZES}
AFTER = {*".,!?", *"and was in with is that on to for had".split()}
# Words that stand where nouns do, and that no request is about.
EMPTY = set("time day days things thing lot while end idea way girl boy one other best very next same once all".split())
RUN = 8  # words
COMMON_NAME = 50  # stories in which a capitalised word counts as a name


def known_words(stories=()):
    """The dictionary's words, and names that many of the stories have."""
    words = set(Path(DICTIONARY).read_text(encoding="utf-8").split())
    names = Counter(name for story in stories for name in set(re.findall(r"named ([A-Z][a-z]+)", story)))
    return words | {name for name, count in names.items() if count >= COMMON_NAME}


def unknown(text, known):
    """Words of a text that are not known in any case, nor without the 's of an owner."""
    found = []
    for word in WORD.findall(text):
        forms = {word, word.lower(), word.capitalize()}
        forms |= {form.split("'")[0] for form in forms if form.endswith("'s")}
        if not forms & known:
            found.append(word)
    return found


def repeats(text):
    """Whether RUN words in a row come twice in a text."""
    return comes_twice(text.lower().split(), RUN)


def comes_twice(items, length):
    """Whether some `length` items in a row come twice."""
    runs = [tuple(items[i : i + length]) for i in range(len(items) - length + 1)]
    return len(set(runs)) < len(runs)


def nouns(stories, least=25):
    """Words that mostly stand after an article or an adjective and before what ends a noun phrase."""
    count, after_article, before_end = Counter(), Counter(), Counter()
    for story in stories:
        tokens = TOKEN.findall(story)
        for before, word, after in zip(tokens, tokens[1:], tokens[2:]):
            if word.isalpha() and word.islower() and len(word) > 2:
                count[word] += 1
                after_article[word] += before.lower() in BEFORE
                before_end[word] += after in AFTER
    return {
        word: seen
        for word, seen in count.items()
        if seen >= least
        and after_article[word] > seen / 2
        and before_end[word] > seen / 2
        and word not in EMPTY
        and word not in COLOURS_AND_SIZES
        and not word.endswith(("ed", "ing", "s"))
    }
