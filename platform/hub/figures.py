"""Figures as SVG, drawn on the server: pure functions from numbers to text.

Each carries a title and a description for readers who cannot see it, uses no style attribute (the content security
policy refuses them) and no id (several stand on one page). Lines and text take the page's own colour; the two fills
keep a contrast of 3 to 1 and more on white and on black, and what they tell is told by shape or sign as well.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

UP, DOWN = "#c2601f", "#2878c8"  # raises, lowers
_WIDTH = 640


class Figure(str):
    """A finished figure; templates put it out as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        """Say that the text is safe markup: every label in it was escaped."""
        return self

    def __str__(self) -> str:
        """Stay a figure, whoever asks for the text."""
        return self


@dataclass(frozen=True, slots=True)
class Step:
    """One contribution of a waterfall: positive raises, negative lowers."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a calibration figure: mean prediction, observed rate (both 0 to 1), and how many rows."""

    predicted: float
    observed: float
    count: int


def waterfall(
    base: float, steps: Sequence[Step], *, title: str, unit: str = "", show: Callable[[float], str] = "{:+.2f}".format
) -> Figure:
    """Draw how a score comes about: from `base` through each step to their sum, raising steps pointing right."""
    marks = [base]
    for step in steps:
        marks.append(marks[-1] + step.value)
    x = _scale([0.0, *marks], left=230, right=_WIDTH - 70)
    rows = [_level("Starting point", base, x, 0, show(base))]
    for index, step in enumerate(steps):
        rows.append(_arrow(step, (x(marks[index]), x(marks[index + 1])), index + 1, show(step.value)))
    rows.append(_level("Score", marks[-1], x, len(steps) + 1, show(marks[-1])))
    height = 30 * len(rows) + 24
    told = "; ".join(f"{step.label} {show(step.value)}" for step in steps)
    about = f"Starting point {show(base)}{unit and ' ' + unit}. {told}. Score {show(marks[-1])}."
    zero = _line(x(0), 4, x(0), height - 20, dash="2 3")
    foot = _text(x(0), height - 6, f"0 {unit}".strip(), anchor="middle", small=True)
    return _svg(_WIDTH, height, title, about, [zero, foot, *rows])


def ladder(base: int, steps: Sequence[Step], *, ends: tuple[str, str], title: str) -> Figure:
    """Draw whole points, as `waterfall` draws a score, for narrow screens: each name stands above its arrow.

    Points to the right are the better ones; `ends` are the names of the first and the last bar.
    """
    marks = [base]
    for step in steps:
        marks.append(marks[-1] + int(step.value))
    x = _scale([0.0, *marks], left=4, right=280)
    shown = [f"{int(step.value):+d}" for step in steps]
    last, rows = len(marks), [_named(ends[0], _bar(0, base, x, 18), f"{base:d}", x(max(0, base)), 0)]
    for at, (step, said) in enumerate(zip(steps, shown, strict=True), 1):
        tips, fill = (x(marks[at - 1]), x(marks[at])), DOWN if step.value >= 0 else UP
        arrow = _arrow_shape(tips, 46 * at + 18, fill, f"{step.label}: {said}")
        rows.append(_named(step.label, arrow, said, max(tips), at))
    rows.append(_named(ends[1], _bar(0, marks[-1], x, 46 * last + 18), f"{marks[-1]:d}", x(max(0, marks[-1])), last))
    told = "; ".join(f"{step.label} {said}" for step, said in zip(steps, shown, strict=True))
    about = f"{ends[0]} {base:d}. {told}. {ends[1]} {marks[-1]:d}."
    zero = _line(x(0), 14, x(0), 46 * last + 42, dash="2 3")
    return _svg(330, 46 * (last + 1), title, about, [zero, *rows])


def curve(points: Sequence[tuple[float, float]], *, title: str, x_label: str, y_label: str, about: str) -> Figure:
    """Draw a curve in the unit square with its diagonal: ROC, for one. `points` are (x, y) from 0 to 1."""
    path = " ".join(f"{_px(x)},{_py(y)}" for x, y in points)
    line = f'<polyline points="{path}" fill="none" stroke="{DOWN}" stroke-width="2.5"/>'
    return _svg(340, 330, title, about, [*_unit_square(x_label, y_label), line])


def reliability(bins: Sequence[Bin], *, title: str) -> Figure:
    """Draw calibration: observed against predicted rate for each bin, with the number of rows of each below.

    The square is cut at the highest rate, so that small rates can be read.
    """
    top = min(1.0, max([0.05, *(max(b.predicted, b.observed) for b in bins)]) * 1.1)
    most = max([1, *(b.count for b in bins)])
    parts = _unit_square("Predicted rate", "Observed rate", top=top)
    width = 270 / max(1, len(bins))
    for place, one in enumerate(bins):
        x, y = _px(one.predicted / top), _py(one.observed / top)
        parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{DOWN}"><title>{_told(one)}</title></circle>')
        height = 40 * one.count / most
        parts.append(
            f'<rect x="{_n(51 + place * width)}" y="{_n(385 - height)}" width="{_n(width - 2)}" '
            f'height="{_n(height)}" fill="currentColor" '
            f'fill-opacity=".45"><title>{one.count} rows</title></rect>'
        )
    parts.append(_text(50, 400, f"rows in each bin (highest {most})", small=True))
    about = "The dots lie on the dashed diagonal where predicted and observed rates agree. " + "; ".join(
        _told(b) for b in bins
    )
    return _svg(340, 408, title, about, parts)


def histogram(edges: Sequence[float], counts: Sequence[int], *, title: str, x_label: str) -> Figure:
    """Draw counts between edges (one more than counts, rising)."""
    if len(edges) != len(counts) + 1:
        raise ValueError(f"{len(counts)} counts need {len(counts) + 1} edges, not {len(edges)}")
    x = _scale(edges, left=50, right=_WIDTH - 20)
    most = max([1, *counts])
    parts = [_line(50, 190, _WIDTH - 20, 190), _text(50, 14, f"{most}", anchor="start", small=True)]
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        height = 170 * count / most
        width = _n(max(1.0, x(high) - x(low) - 1))
        parts.append(
            f'<rect x="{_n(x(low))}" y="{_n(190 - height)}" width="{width}" height="{_n(height)}" fill="{DOWN}">'
            f"<title>{low:g} to {high:g}: {count}</title></rect>"
        )
    parts += [_text(x(edge), 206, f"{edge:g}", anchor="middle", small=True) for edge in (edges[0], edges[-1])]
    parts.append(_text(_WIDTH / 2, 222, x_label, anchor="middle"))
    told = "; ".join(f"{low:g} to {high:g}: {n}" for low, high, n in zip(edges, edges[1:], counts, strict=False))
    return _svg(_WIDTH, 230, title, told, parts)


def trend(series: Mapping[str, Sequence[float]], *, labels: Sequence[str], title: str) -> Figure:
    """Draw figures from 0 to 1 over ordered moments, a line for each name; lines differ by their dashes too."""
    last = max(1, len(labels) - 1)
    parts = [_line(50, 20, 50, 290), _line(50, 290, 320, 290)]
    parts += [_text(46, _py(level) + 4, f"{level:.1f}", anchor="end", small=True) for level in (0.0, 0.5, 1.0)]
    parts += [_text(_px(at / last), 304, label, anchor="middle", small=True) for at, label in enumerate(labels)]
    for at, (name, values) in enumerate(series.items()):
        points = " ".join(f"{_n(_px(place / last))},{_n(_py(value))}" for place, value in enumerate(values))
        dash = f' stroke-dasharray="{6 / at:.0f} 4"' if at else ""
        parts.append(f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="2"{dash}/>')
        parts.append(_text(_px(1.0) + 8, _py(values[-1]) + 4, f"{_short(name)} {values[-1]:.3f}", small=True))
    told = "; ".join(f"{name}: {', '.join(f'{value:.3f}' for value in values)}" for name, values in series.items())
    return _svg(_WIDTH, 340, title, f"{', '.join(labels)}. {told}.", parts)


@dataclass(frozen=True, slots=True)
class Range:
    """A figure with its interval: a row of `intervals`."""

    label: str
    value: float
    lower: float
    upper: float


def intervals(ranges: Sequence[Range], *, title: str, ideal: float | None = None) -> Figure:
    """Draw figures with their intervals, one below the other; a dashed line stands where they should be."""
    marks = [*(end for one in ranges for end in (one.lower, one.upper, one.value)), *([] if ideal is None else [ideal])]
    x = _scale(marks or [0.0], left=250, right=_WIDTH - 70)
    height = 24 * len(ranges) + 30
    parts = [] if ideal is None else [_line(x(ideal), 4, x(ideal), height - 22, dash="4 4")]
    for row, one in enumerate(ranges):
        y = 24 * row + 14
        parts += [_text(240, y + 4, _short(one.label), anchor="end"), _line(x(one.lower), y, x(one.upper), y)]
        told = f"<title>{escape(_ranged(one))}</title>"
        dot = f'<circle cx="{_n(x(one.value))}" cy="{y}" r="4" fill="{DOWN}">{told}</circle>'
        parts += [dot, _text(_WIDTH - 60, y + 4, f"{one.value:.3f}")]
    ends = [(low, f"{low:.2f}") for low in ([min(marks), max(marks)] if marks else [])]
    parts += [_text(x(end), height - 6, text, anchor="middle", small=True) for end, text in ends]
    return _svg(_WIDTH, height, title, "; ".join(_ranged(one) for one in ranges), parts)


def series(points: Sequence[tuple[str, float]], *, title: str, limits: Sequence[float] = ()) -> Figure:
    """Draw one figure over ordered moments from the left to the right, and its limits as dashed lines."""
    values = [value for _, value in points]
    low, high = min([0.0, *values, *limits]), max([*values, *limits, 1e-9])
    y = _scale([low, high * 1.05], left=180, right=16)
    x = _scale([0.0, float(max(1, len(points) - 1))], left=50, right=_WIDTH - 70)
    parts = [_line(50, 16, 50, 180), _line(50, 180, _WIDTH - 70, 180)]
    parts += [_text(46, y(mark) + 4, f"{mark:.2f}", anchor="end", small=True) for mark in (low, high)]
    parts += [_line(50, y(limit), _WIDTH - 70, y(limit), dash="4 4") for limit in limits]
    path = " ".join(f"{_n(x(at))},{_n(y(value))}" for at, value in enumerate(values))
    parts.append(f'<polyline points="{path}" fill="none" stroke="{DOWN}" stroke-width="2"/>')
    for at, (label, value) in enumerate(points):
        told = escape(f"{label}: {value:.3f}")
        parts.append(f'<circle cx="{_n(x(at))}" cy="{_n(y(value))}" r="3" fill="{DOWN}"><title>{told}</title></circle>')
    parts += [_text(x(at), 198, points[at][0], anchor="middle", small=True) for at in {0, len(points) - 1} if points]
    bounds = f" Limits: {', '.join(f'{limit:.3f}' for limit in limits)}." if limits else ""
    return _svg(_WIDTH, 206, title, "; ".join(f"{label} {value:.3f}" for label, value in points) + "." + bounds, parts)


def progress(done: int, total: int, *, title: str) -> Figure:
    """Draw how far a piece of work has come; an unknown total (0) shows an empty bar."""
    share = min(1.0, done / total) if total > 0 else 0.0
    told = f"{done} of {total}, {share:.0%}" if total > 0 else "not started"
    parts = [
        '<rect x="1" y="1" width="238" height="14" rx="7" fill="none" stroke="currentColor" stroke-opacity=".5"/>',
        f'<rect x="2" y="2" width="{_n(236 * share)}" height="12" rx="6" fill="{DOWN}"/>',
    ]
    return _svg(240, 16, title, told, parts)


def _svg(width: int, height: int, title: str, about: str, parts: Sequence[str]) -> Figure:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="figure" role="img" viewBox="0 0 {width} {height}"'
    label = escape(f"{title}. {about}")
    return Figure(
        f'{head} width="{width}" height="{height}" aria-label="{label}"><title>{escape(title)}</title>'
        f"<desc>{escape(about)}</desc>{''.join(parts)}</svg>"
    )


def _scale(values: Sequence[float], *, left: float, right: float) -> Callable[[float], float]:
    low, high = min(values), max(values)
    span = high - low or 1.0
    return lambda value: left + (value - low) / span * (right - left)


def _level(label: str, value: float, x: Callable[[float], float], row: int, shown: str) -> str:
    y, right = 30 * row + 8, max(x(0), x(value))
    bar = _bar(0, value, x, y)
    return f"{_text(222, y + 13, label, anchor='end', bold=True)}{bar}" + _text(right + 6, y + 13, shown, bold=True)


def _bar(start: float, end: float, x: Callable[[float], float], y: float) -> str:
    left, right = sorted((x(start), x(end)))
    size = f'width="{_n(max(2.0, right - left))}" height="16"'
    return f'<rect x="{_n(left)}" y="{_n(y)}" {size} fill="currentColor" fill-opacity=".55"/>'


def _named(label: str, shape: str, shown: str, right: float, row: int) -> str:
    y = 46 * row + 18
    return _text(4, y - 5, _short(label, 46)) + shape + _text(right + 6, y + 13, shown, bold=True)


def _arrow(step: Step, ends: tuple[float, float], row: int, shown: str) -> str:
    y = 30 * row + 8
    label = _text(222, y + 13, _short(step.label), anchor="end")
    arrow = _arrow_shape(ends, y, UP if step.value >= 0 else DOWN, f"{step.label}: {shown}")
    return label + arrow + _text(max(ends) + 6, y + 13, shown)


def _arrow_shape(ends: tuple[float, float], y: float, fill: str, told: str) -> str:
    start, end = ends
    tip = min(7.0, abs(end - start)) * (1 if end >= start else -1)
    points = [(start, y), (end - tip, y), (end, y + 8), (end - tip, y + 16), (start, y + 16)]
    shape = " ".join(f"{_n(a)},{_n(b)}" for a, b in points)
    return f'<polygon points="{shape}" fill="{fill}"><title>{escape(told)}</title></polygon>'


def _unit_square(x_label: str, y_label: str, *, top: float = 1.0) -> list[str]:
    corners = [_line(50, 20, 50, 290), _line(50, 290, 320, 290), _line(50, 290, 320, 20, dash="4 4")]
    ticks = [_text(_px(part), 304, f"{part * top:.0%}", anchor="middle", small=True) for part in (0, 0.5, 1)]
    ticks += [_text(46, _py(part) + 4, f"{part * top:.0%}", anchor="end", small=True) for part in (0.5, 1)]
    turned = '<text x="-155" y="12" transform="rotate(-90)" text-anchor="middle" font-size="12" fill="currentColor">'
    return [*corners, *ticks, _text(185, 322, x_label, anchor="middle"), f"{turned}{escape(y_label)}</text>"]


def _px(share: float) -> float:
    return round(50 + 270 * share, 2)


def _py(share: float) -> float:
    return round(290 - 270 * share, 2)


def _told(one: Bin) -> str:
    return f"predicted {one.predicted:.2%}, observed {one.observed:.2%}, {one.count} rows"


def _ranged(one: Range) -> str:
    return f"{one.label}: {one.value:.3f} ({one.lower:.3f} to {one.upper:.3f})"


def _line(x1: float, y1: float, x2: float, y2: float, *, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    ends = f'x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"'
    return f'<line {ends} stroke="currentColor" stroke-opacity=".6"{dashes}/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", small: bool = False, bold: bool = False) -> str:
    look = f'font-size="{11 if small else 12}"' + (' font-weight="600"' if bold else "")
    return f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" fill="currentColor" {look}>{escape(text)}</text>'


def _short(label: str, most: int = 34) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
