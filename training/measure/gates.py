"""Measures what the shipped model is held to, in the runtime that runs it.

    python3 -m measure.gates MODEL --teacher FOLDER --held-out stories.npz [--samples 200]

Loss on held-out stories of the teacher beside the teacher's own; sentences of known words alone;
stories without a run of eight words that comes twice; answers with every word that was asked for;
stories that end by themselves. Prints one JSON object.
"""

import argparse
import json
import random
import re
import subprocess
from pathlib import Path

import torch

from learn import loss
from learn.data import TokenSet
from tales.stories import BOS, EOS
from tales.teacher import Teacher
from tales.words import known_words, repeats, unknown

RUNTIME = Path(__file__).with_name("runtime.mjs")
CONTEXT = 512  # the teacher's
LONGEST = 480
# Things and kinds that a child would ask for; the requests are drawn from these alone.
THINGS = "ball dog cat bird tree car boat doll cake flower frog bear rabbit fish hat box bike kite apple duck".split()
KINDS = "red big little blue".split()


def ask(model, requests):
    """The runtime's answers to requests, in their order."""
    lines = "\n".join(map(json.dumps, requests)) + "\n"
    done = subprocess.run(["node", str(RUNTIME), model], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def losses(model, folder, held_out, count):
    """Nats a token on the same stories, of the model and of its teacher."""
    documents = [document[: CONTEXT + 1] for document in TokenSet(held_out).documents()[:count]]
    answers = ask(model, [{"ids": document.tolist()} for document in documents])
    scores = [score for answer in answers for score in answer["scores"]]
    # The teacher ends a story by beginning the next.
    ends = [torch.where(document == EOS, BOS, document) for document in documents]
    with torch.no_grad():
        teacher = loss.validation(Teacher(folder).forward, ends, CONTEXT)
    return -sum(scores) / len(scores), teacher


def requests(samples, seed):
    """Requests and the words that their answers must have."""
    choice = random.Random(seed)
    for number in range(samples):
        words = choice.sample(THINGS, choice.choice((1, 2)))
        items = []
        for word in words:
            kind = f"{choice.choice(KINDS)} " if choice.random() < 0.3 else ""
            items.append(("an " if not kind and word[0] in "aeiou" else "a ") + kind + word)
        yield f"Tell me a story about {' and '.join(items)}.", words, number


def sentences(text):
    return [part for part in re.split(r"(?<=[.!?])[\"']?\s+", text.strip()) if part]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--held-out", required=True)
    parser.add_argument("--stories", type=int, default=400, help="held-out stories to score")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="answers to print")
    options = parser.parse_args()
    torch.set_num_threads(1)
    known = known_words()
    asked = list(requests(options.samples, options.seed))
    settings = {"temperature": options.temperature, "maxTokens": LONGEST}
    prompts = [{"prompt": [{"role": "user", "content": text}], "seed": seed, **settings} for text, _, seed in asked]
    answers = ask(options.model, prompts)
    for (text, _, _), answer in list(zip(asked, answers))[: options.show]:
        print(f"{text}\n{answer['text']}\n")
    texts = [answer["text"] for answer in answers]
    parts = [sentence for text in texts for sentence in sentences(text)]
    invented = [word for text in texts for word in unknown(text, known)]
    has = [all(re.search(rf"\b{word}s?\b", text, re.I) for word in words) for (_, words, _), text in zip(asked, texts)]
    student, teacher = losses(options.model, options.teacher, options.held_out, options.stories)
    share = lambda hits, of: round(sum(hits) / len(of), 3)  # noqa: E731
    result = {
        "samples": len(texts),
        "loss": round(student, 4),
        "teacherLoss": round(teacher, 4),
        "knownSentences": share((not unknown(sentence, known) for sentence in parts), parts),
        "withoutRepeats": share((not repeats(text) for text in texts), texts),
        "withAskedWords": share(has, has),
        "ended": share((answer["finishReason"] == "stop" for answer in answers), answers),
        "words": round(sum(len(text.split()) for text in texts) / len(texts), 1),
        "invented": sorted(set(invented))[:40],
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
