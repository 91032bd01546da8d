"""Shapes of charts: numbers in, places in a box out. Pages draw them as SVG without any script."""

from collections.abc import Sequence
from typing import Any

SPARK_W, SPARK_H = 120, 32
WIDTH, HEIGHT, TOP = 720, 170, 12
MOST_LABELS = 9


def spark(values: Sequence[float | None]) -> dict[str, Any]:
    """A line in a box of 120 x 32; empty with fewer than two values."""
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return {}
    top = max(value for _, value in known) or 1
    step = SPARK_W / (len(values) - 1)
    points = [(round(place * step, 1), round(SPARK_H - 2 - value / top * (SPARK_H - 6), 1)) for place, value in known]
    line = " ".join(f"{x},{y}" for x, y in points)
    area = f"M{points[0][0]},{SPARK_H} " + " ".join(f"L{x},{y}" for x, y in points) + f" L{points[-1][0]},{SPARK_H} Z"
    return {"line": line, "area": area}


def scale(top: int) -> int:
    """The next round number whose half is whole too: both stand at the axis, and nothing comes in halves."""
    if top <= 10:
        return max(2, top + top % 2)
    size: int = 10 ** (len(str(top)) - 1)
    return next(size * n // 10 for n in (12, 16, 20, 24, 30, 40, 50, 60, 80, 100) if size * n // 10 >= top)


def stacked(
    parts: Sequence[str], bands: Sequence[dict[str, Any]], counts: Sequence[dict[str, int]], before: Sequence[int]
) -> dict[str, Any]:
    """Stacked bars. `bands` are `{"key", "css"}` from below upwards, `counts` one dict for each part, `before` the
    totals of the span before, drawn as a line."""
    totals = [sum(row.values()) for row in counts]
    top = scale(max([*totals, *before, 1]))
    step = WIDTH / max(1, len(parts))
    columns = []
    for place, row in enumerate(counts):
        y, pieces = float(HEIGHT), []
        for band in bands:
            height = row.get(band["key"], 0) / top * (HEIGHT - TOP)
            y -= height
            if height:
                pieces.append({"y": round(y, 1), "height": round(max(height - 0.8, 0.8), 1), "css": band["css"]})
        columns.append({"x": round(place * step + step * 0.12, 1), "width": round(step * 0.76, 1), "pieces": pieces,
                        "left": round(place * step, 1), "room": round(step, 1), "total": totals[place]})  # fmt: skip
    every = max(1, -(-len(parts) // MOST_LABELS))
    labels = [{"x": round((place + 0.5) * step, 1), "text": text} for place, text in enumerate(parts)
              if place % every == 0]  # fmt: skip
    line = " ".join(f"{round((place + 0.5) * step, 1)},{round(HEIGHT - value / top * (HEIGHT - TOP), 1)}"
                    for place, value in enumerate(before))  # fmt: skip
    return {"columns": columns, "labels": labels, "line": line, "top": top, "half": top // 2}
