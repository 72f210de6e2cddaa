"""Draws what dropin.py measured of one model.

    python3 -m measure.dropin_chart OUT.jsonl chart.svg

The lowest nats of each form by the numbers that a token leaves, and a stroke down from there for
what was healed last.
"""

import json
import sys
from pathlib import Path

from measure import chart

NAMES = {"ranked": "SVD per token", "fixed": "fixed A", "contextual": "contextual A, B"}


def series(records):
    """The original's nats, then of each form the points that no smaller one is below."""
    original = next(record for record in records if "model" in record)
    lines = [record for record in records if "form" in record]
    low = min(line["numbers"] for line in lines)
    paths = [("original", [(low, original["nats"], 0), (original["numbers"], original["nats"], 0)])]
    for form, name in NAMES.items():
        path = []
        for line in sorted((line for line in lines if line["form"] == form), key=lambda line: (line["numbers"], line["nats"])):
            if not path or line["nats"] < path[-1][1]:
                path.append((line["numbers"], line["nats"], 0))
        paths.append((name, path))
    healed = {(line["form"], *line["ranks"]): line for line in lines if "healed" in line}
    for line in healed.values():
        name = f"{NAMES[line['form']]}, healed"
        paths.append((name, [(line["numbers"], line["nats"], 0), (line["numbers"], line["healed"], 0)]))
    return original, [(name, path) for name, path in paths if path]


def main():
    source, out = map(Path, sys.argv[1:])
    original, paths = series([json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()])
    title = f"Factors in place of K and V, {original['model']}"
    out.write_text(chart.lines(title, "numbers a token and layer", "nats a token", paths), encoding="utf-8")


if __name__ == "__main__":
    main()
