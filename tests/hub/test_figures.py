"""Figures: well-formed, accessible, exact, and without anything that the content security policy refuses."""

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from hub import figures
from hub.figures import DOWN, UP, Bin, Range, Step

SVG = "{http://www.w3.org/2000/svg}"
ALL: list[Callable[[str], figures.Figure]] = [
    lambda text: figures.waterfall(-2, [Step(text, 1.5), Step("b", -0.5)], title=text),
    lambda text: figures.curve([(0, 0), (0.2, 0.8), (1, 1)], title=text, x_label=text, y_label=text, about=text),
    lambda text: figures.reliability([Bin(0.02, 0.03, 100), Bin(0.2, 0.18, 50)], title=text),
    lambda text: figures.histogram([0, 1, 2], [3, 4], title=text, x_label=text),
    lambda text: figures.progress(3, 4, title=text),
    lambda text: figures.intervals([Range(text, 0.7, 0.5, 1.1), Range("b", 0.9, 0.8, 1.0)], title=text, ideal=1.0),
    lambda text: figures.series([(text, 0.1), ("b", 0.3)], title=text, limits=[0.25]),
    lambda text: figures.trend({text: [0.5, 0.75], "b": [0.1, 1.0]}, labels=[text, "two"], title=text),
    lambda text: figures.ladder(40, [Step(text, 15), Step("b", -30)], ends=("a", "z"), title=text),
]


def parsed(figure: str) -> ElementTree.Element:
    return ElementTree.fromstring(figure)


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.split("[ ,]", text)]


@pytest.mark.parametrize("draw", ALL)
def test_each_is_an_image_with_title_and_description(draw: Callable[[str], figures.Figure]) -> None:
    root = parsed(draw("Reading"))
    assert (root.tag, root.get("role")) == (f"{SVG}svg", "img")
    title, desc = root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")
    assert title == "Reading"
    assert desc
    assert root.get("aria-label") == f"{title}. {desc}"


@pytest.mark.parametrize("draw", ALL)
def test_labels_are_escaped_and_nothing_inline_is_left(draw: Callable[[str], figures.Figure]) -> None:
    figure = draw('<script>alert("x")</script>')
    elements = list(parsed(figure).iter())
    assert not [element for element in elements if element.tag.endswith("script")]
    names = {name for element in elements for name in element.attrib}
    assert not names & {"style", "id", "href"}
    assert not [name for name in names if name.startswith("on")]


def test_a_figure_goes_into_a_template_as_it_is() -> None:
    from django.template import Context, Template

    figure = figures.progress(1, 2, title="a & b")
    assert Template("{{ figure }}").render(Context({"figure": figure})) == str(figure)
    assert str(figure) is figure


def test_a_waterfall_leads_from_the_base_to_the_score() -> None:
    figure = figures.waterfall(-2.0, [Step("late", 1.5), Step("income", -0.25)], title="Score")
    arrows = [numbers(one.get("points", "")) for one in parsed(figure).iter(f"{SVG}polygon")]
    (start, tip), (second_start, second_tip) = [(points[0], points[4]) for points in arrows]
    assert start < tip == second_start > second_tip
    assert (tip - start) / (second_start - second_tip) == pytest.approx(1.5 / 0.25, rel=1e-3)
    assert parsed(figure).findtext(f"{SVG}desc") == "Starting point -2.00. late +1.50; income -0.25. Score -0.75."


def test_what_raises_and_what_lowers_differ_without_colour() -> None:
    root = parsed(figures.waterfall(0.0, [Step("up", 1.0), Step("down", -1.0)], title="Score"))
    up, down = root.iter(f"{SVG}polygon")
    assert (up.get("fill"), down.get("fill")) == (UP, DOWN)
    assert numbers(up.get("points", ""))[4] > numbers(up.get("points", ""))[0]  # its tip points right
    assert numbers(down.get("points", ""))[4] < numbers(down.get("points", ""))[0]  # its tip points left
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"+1.00", "-1.00"} <= set(texts)


def test_a_waterfall_of_nothing_is_a_level() -> None:
    assert "Score +0.00" in figures.waterfall(0.0, [], title="Score")


def test_a_curve_runs_from_corner_to_corner() -> None:
    root = parsed(ALL[1]("ROC"))
    line = root.find(f"{SVG}polyline")
    assert line is not None
    assert numbers(line.get("points", "")) == [50, 290, 104, 74, 320, 20]


def test_calibration_dots_lie_on_the_diagonal_when_the_rates_agree() -> None:
    root = parsed(figures.reliability([Bin(0.1, 0.1, 10), Bin(0.4, 0.4, 30)], title="Calibration"))
    for dot in root.iter(f"{SVG}circle"):
        x, y = float(dot.get("cx", "")), float(dot.get("cy", ""))
        assert x - 50 == pytest.approx(290 - y, abs=0.02)
    bars = [float(bar.get("height", "")) for bar in root.iter(f"{SVG}rect")]
    assert bars == pytest.approx([40 / 3, 40], abs=0.01)


def test_bars_are_as_high_as_their_counts() -> None:
    root = parsed(figures.histogram([0, 1, 3], [10, 5], title="Scores", x_label="x"))
    first, second = root.iter(f"{SVG}rect")
    assert float(first.get("height", "")) == 2 * float(second.get("height", ""))
    assert float(second.get("width", "")) == pytest.approx(2 * float(first.get("width", "")), abs=2)


def test_a_histogram_needs_one_more_edge_than_counts() -> None:
    with pytest.raises(ValueError, match="3 counts need 4 edges, not 2"):
        figures.histogram([0, 1], [1, 2, 3], title="t", x_label="x")


def test_an_interval_spans_its_ends_around_its_dot() -> None:
    figure = figures.intervals([Range("F / M", 0.7, 0.5, 0.9), Range("x", 1.0, 0.9, 1.1)], title="AIR", ideal=1.0)
    root = parsed(figure)
    ideal, first, second = root.iter(f"{SVG}line")
    dots = [float(dot.get("cx", "")) for dot in root.iter(f"{SVG}circle")]
    assert ideal.get("stroke-dasharray")
    assert float(ideal.get("x1", "")) == pytest.approx(dots[1], abs=0.02)
    assert dots[0] == pytest.approx((float(first.get("x1", "")) + float(first.get("x2", ""))) / 2, abs=0.02)
    assert float(second.get("x2", "")) > float(first.get("x2", ""))
    assert root.findtext(f"{SVG}desc") == "F / M: 0.700 (0.500 to 0.900); x: 1.000 (0.900 to 1.100)"


def test_a_series_rises_to_its_limit_and_beyond() -> None:
    root = parsed(figures.series([("Monday", 0.1), ("Tuesday", 0.5)], title="PSI", limits=[0.25]))
    *_, limit = root.iter(f"{SVG}line")
    low, high = [float(dot.get("cy", "")) for dot in root.iter(f"{SVG}circle")]
    assert high < float(limit.get("y1", "")) < low
    assert root.findtext(f"{SVG}desc") == "Monday 0.100; Tuesday 0.500. Limits: 0.250."


def test_figures_of_nothing_are_empty_and_whole() -> None:
    assert "<svg" in figures.intervals([], title="t")
    assert "<svg" in figures.series([], title="t")


@pytest.mark.parametrize(
    ("done", "total", "told"), [(1, 4, "1 of 4, 25%"), (9, 4, "9 of 4, 100%"), (0, 0, "not started")]
)
def test_progress_tells_its_share(done: int, total: int, told: str) -> None:
    assert parsed(figures.progress(done, total, title="t")).findtext(f"{SVG}desc") == told


@pytest.mark.parametrize("colour", [UP, DOWN])
@pytest.mark.parametrize("ground", [1.0, 0.0085])  # white, and the console's dark ground
def test_the_fills_can_be_seen_on_light_and_dark(colour: str, ground: float) -> None:
    # Relative luminance and contrast as of WCAG 2.2; graphics need 3 to 1.
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    light, dark = sorted((0.2126 * red + 0.7152 * green + 0.0722 * blue, ground), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_a_ladder_adds_up_from_the_first_bar_to_the_last() -> None:
    figure = figures.ladder(40, [Step("Income", 15), Step("Debts", -60)], ends=("Start", "End"), title="Points")
    root = parsed(figure)
    assert root.findtext(f"{SVG}desc") == "Start 40. Income +15; Debts -60. End -5."
    polygons = root.findall(f"{SVG}polygon")
    assert [one.get("fill") for one in polygons] == [DOWN, UP]
    good, bad = (numbers(str(one.get("points"))) for one in polygons)
    assert good[4] == bad[0] > good[0] > bad[4]
    assert root.get("viewBox") == "0 0 330 184"
