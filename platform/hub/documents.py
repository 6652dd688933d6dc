"""Documents to be read and kept: the same sections as an HTML page and, by Typst, as a PDF.

Whatever stands in one is text, escaped for either form. A PDF of the same document has the same bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.template.loader import render_to_string

from hub.figures import Figure

HTML, PDF = "text/html", "application/pdf"
_HEAD = """#set page(paper: "a4", margin: 2cm, numbering: "1 / 1")
#set text(font: "Libertinus Serif", size: 10pt, lang: "en")
#set par(justify: false)
#show heading.where(level: 2): set block(above: 1.6em, below: .8em)
#set table(stroke: (x: none, y: .4pt + luma(60%)), inset: (x: 4pt, y: 3pt))
"""
_FIGURE_WIDTH = 640  # of the widest figures, in the units of their view boxes


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, as many as the head has; the last `numbers` columns stand on the right."""

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: int = 0
    kind: str = "table"

    @property
    def first_number(self) -> int:
        """The place of the first column of numbers."""
        return len(self.head) - self.numbers


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with what it shows."""

    figure: Figure
    caption: str
    kind: str = "drawing"


Block = Text | Table | Drawing


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands below."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """A title, what it is about in a line, and its sections."""

    title: str
    about: str
    sections: Sequence[Section]


def facts(*rows: tuple[str, str]) -> Table:
    """Return names with their values as a table without a head."""
    return Table((), rows)


def html(document: Document) -> bytes:
    """Return a whole page."""
    return render_to_string("hub/document.html", {"document": document}).encode()


def pdf(document: Document) -> bytes:
    """Return a PDF; takes some tenths of a second."""
    import typst  # here: most processes never make one, and it weighs 80 MB

    made = typst.compile(typst_of(document).encode(), format="pdf")
    assert isinstance(made, bytes)
    return made


def typst_of(document: Document) -> str:
    """Return the document in Typst's language."""
    top = f"#set document(title: {_quoted(document.title)}, date: none)\n{_HEAD}"
    return top + f"= {_said(document.title)}\n{_said(document.about)}\n" + "".join(
        f"\n== {_said(section.title)}\n" + "\n".join(_block(block) for block in section.blocks) + "\n"
        for section in document.sections
    )  # fmt: skip


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return _said(block.text) + "\n"
    if isinstance(block, Table):
        return "".join(_table(block))
    width = min(100, round(100 * _width(block.figure) / _FIGURE_WIDTH))
    image = f'image(bytes({_quoted(block.figure)}), format: "svg", width: {width}%, alt: {_quoted(block.caption)})'
    return f"#figure({image}, caption: [{_said(block.caption)}], numbering: none)\n"


def _table(table: Table) -> Iterator[str]:
    columns = len(table.head) or 2
    widths = "auto, " * columns if table.head else "1fr, 2fr"
    aligned = "".join("right, " if table.head and at >= table.first_number else "left, " for at in range(columns))
    yield f"#table(columns: ({widths}), align: ({aligned}),\n"
    if table.head:
        yield f"table.header({', '.join(f'strong[{_said(cell)}]' for cell in table.head)}),\n"
    for row in table.rows:
        yield "".join(f"[{_said(cell)}], " for cell in row) + "\n"
    yield ")\n"


def _width(figure: Figure) -> int:
    return int(figure.partition('viewBox="0 0 ')[2].partition(" ")[0])


def _said(text: str) -> str:
    """Text as Typst's content, whatever signs are in it."""
    return f"#{_quoted(text)};"


def _quoted(text: str) -> str:
    plain = "".join(sign if sign >= " " else " " for sign in str(text))
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
