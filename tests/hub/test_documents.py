"""One document in two forms: every sign is text in both, and the PDF is a PDF, the same each time."""

from hub import documents, figures
from hub.documents import Document, Drawing, Section, Table, Text, facts

EVIL = '<script>x</script> #panic("no") \\ " $x$ *b* _i_ @ref [c] // ; \n end'
DOCUMENT = Document(
    EVIL,
    EVIL,
    [
        Section(EVIL, [Text(EVIL), facts((EVIL, EVIL), ("b", ""))]),
        Section(
            "Drawn",
            [
                Table(("Name", EVIL), [("a", "1"), (EVIL, "2")], 1),
                Drawing(figures.histogram([0, 1, 2], [3, 4], title="Bars <&>", x_label="x"), EVIL),
            ],
        ),
    ],
)


def test_a_page_has_every_text_and_no_markup_of_it() -> None:
    page = documents.html(DOCUMENT).decode()
    assert "<script>" not in page
    assert page.count("&lt;script&gt;x&lt;/script&gt;") == 10
    assert page.count("<svg") == 1
    assert page.count('class="number"') == 3
    assert "style=" not in page


def test_a_pdf_is_made_of_any_text_and_is_the_same_each_time() -> None:
    made = documents.pdf(DOCUMENT)
    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")
    assert documents.pdf(DOCUMENT) == made


def test_what_is_said_stays_one_string_of_typst() -> None:
    assert documents._said('a"b\\c\nd') == '#"a\\"b\\\\c d";'
