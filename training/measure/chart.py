"""Line charts as SVG, readable on light and dark pages and at the width of a phone."""

from html import escape

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 56, 180, 44, 48
LABEL = 16  # the height of one
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#8c564b")
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#333}.title{font-size:15px;font-weight:600}"
    ".grid{stroke:#8883;stroke-width:1}@media(prefers-color-scheme:dark){text{fill:#ddd}}"
)


def ticks(low, high, count=5):
    """Round numbers from low to high."""
    rough = (high - low) / count
    unit = 10 ** len(str(int(1 / rough))) if rough < 1 else 1
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if step >= rough * unit) / unit
    first = int(low / step) * step
    values = [round(first + step * i, 6) for i in range(count * 3)]
    return [value for value in values if low <= value <= high]


def lines(title, horizontal, vertical, series):
    """A chart of series: (name, [(x, y, spread)]) with spread the height of the band around y."""
    points = [point for _, path in series for point in path]
    x_low, x_high = min(x for x, _, _ in points), max(x for x, _, _ in points)
    y_low, y_high = min(y - s for _, y, s in points), max(y + s for _, y, s in points)
    margin = 0.04 * (y_high - y_low) or 1
    y_low, y_high = y_low - margin, y_high + margin

    def at(x, y):
        across = LEFT + (x - x_low) / ((x_high - x_low) or 1) * (WIDTH - LEFT - RIGHT)
        return f"{across:.1f},{HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM):.1f}"

    parts = [f'<text class="title" x="{LEFT}" y="22">{escape(title)}</text>']
    for value in ticks(y_low, y_high):
        x, y = at(x_low, value).split(",")
        parts.append(f'<line class="grid" x1="{x}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in ticks(x_low, x_high):
        x = at(value, y_low).split(",")[0]
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{value:g}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{escape(horizontal)}</text>')
    parts.append(f'<text x="{LEFT}" y="38">{escape(vertical)}</text>')
    ends = []
    for (name, path), colour in zip(series, COLOURS):
        if any(spread for _, _, spread in path):
            band = [at(x, y + s) for x, y, s in path] + [at(x, y - s) for x, y, s in reversed(path)]
            parts.append(f'<polygon points="{" ".join(band)}" fill="{colour}" opacity="0.15"/>')
        line = " ".join(at(x, y) for x, y, _ in path)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        ends.append([float(at(*path[-1][:2]).split(",")[1]), name, colour])
    ends.sort()
    for before, label in zip(ends, ends[1:]):
        label[0] = max(label[0], before[0] + LABEL)
    # What was pushed below the chart goes up again, and pushes what is above it.
    ends[-1][0] = min(ends[-1][0], HEIGHT - BOTTOM)
    for label, below in zip(ends[-2::-1], ends[:0:-1]):
        label[0] = min(label[0], below[0] - LABEL)
    for y, name, colour in ends:
        parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}" style="fill:{colour}">{escape(name)}</text>')
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>{"".join(parts)}</svg>\n'
