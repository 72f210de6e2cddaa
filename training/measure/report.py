"""The table and the chart of a comparison.

    python3 -m measure.report RUNS OUT.svg [--floor NATS]

RUNS is what compare.py wrote; the table goes to standard output, in Markdown. FLOOR is the
teacher's own loss on the held-out stories.
"""

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path

from measure import chart
from measure.compare import parameters
from t6.config import Config
from t6.safetensors import replace


def load(runs):
    """By mechanism: its config, and the log of each seed."""
    found = defaultdict(list)
    configs = {}
    for folder in sorted(runs.iterdir()):
        name, _, _ = folder.name.rpartition("-")
        lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
        found[name].append([json.loads(line) for line in lines])
        configs[name] = Config.of(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    return configs, found


def mean(values):
    return sum(values) / len(values)


def deviation(values):
    """Of a sample; 0 of one value."""
    middle = mean(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / max(1, len(values) - 1))


def last(logs):
    return [log[-1]["validation"] for log in logs]


def t_statistic(one, other):
    """Welch's t of two samples of last losses; beyond ±2.8 with three seeds each is p < 0.05."""
    spread = deviation(one) ** 2 / len(one) + deviation(other) ** 2 / len(other)
    return (mean(one) - mean(other)) / math.sqrt(spread) if spread else 0.0


def table(configs, found, floor):
    rows = ["| mechanism | heads × width | parameters | cache, numbers a token and layer | loss, nats | over the teacher | against TPA (t) |"]
    rows.append("| --- | --: | --: | --: | --: | --: | --: |")
    tpa = last(found["tpa"])
    for name, logs in sorted(found.items(), key=lambda entry: mean(last(entry[1]))):
        config, losses = configs[name], last(logs)
        against = "" if name == "tpa" else f"{mean(losses) - mean(tpa):+.4f} ({t_statistic(losses, tpa):+.1f})"
        rows.append(
            f"| {name} | {config.n_head} × {config.head_dim} | {parameters(config):,} | {config.cache_floats} "
            f"| {mean(losses):.4f} ± {deviation(losses):.4f} | {mean(losses) - floor:+.3f} | {against} |"
        )
    return "\n".join(rows)


def curves(found, begin):
    """What the chart shows: loss from the token count `begin` on, of the seeds with the most
    validations."""
    series = []
    for name, logs in sorted(found.items(), key=lambda entry: mean(last(entry[1]))):
        points, most = [], max(map(len, logs))
        for lines in zip(*(log for log in logs if len(log) == most)):
            if lines[0]["tokens"] >= begin:
                values = [line["validation"] for line in lines]
                points.append((lines[0]["tokens"] / 1e6, mean(values), deviation(values)))
        series.append((name, points))
    return series


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("svg", type=Path)
    parser.add_argument("--floor", type=float, required=True)
    parser.add_argument("--begin", type=float, default=0, help="tokens from which on the chart shows losses")
    options = parser.parse_args()
    configs, found = load(options.runs)
    print(table(configs, found, options.floor))
    title = "Validation loss by attention mechanism, at equal parameters"
    drawn = chart.lines(title, "million tokens", "nats a token", curves(found, options.begin))
    replace(options.svg, drawn.encode())


if __name__ == "__main__":
    main()
