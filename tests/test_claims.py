"""The claims page: every row of the sources, each with a page, a heading and a number that are really there."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_rnn import claims

BOOK = Path(__file__).parent.parent / "book"
#: How many rows the inventory of the sources has, by table.
ROWS = {"A": 11, "B": 24, "C": 8, "D": 4, "E": 30, "F": 6, "G": 7, "H": 10, "I": 6}


def test_every_row_of_the_sources_is_there_once():
    rows = [claim["row"] for claim in claims.read(BOOK)]
    assert sorted(rows) == sorted(f"{letter}{k}" for letter, count in ROWS.items() for k in range(1, count + 1))


def test_what_the_claims_point_to_is_there():
    assert claims.faults(claims.read(BOOK), BOOK) == []


def test_the_page_has_a_row_for_every_claim():
    page, rows = claims.markdown(claims.read(BOOK), BOOK), claims.read(BOOK)
    assert all(f"\n| {claim['row']} | " in page and f"**{claim['verdict']}**" in page for claim in rows)


# ------------------------------------------------------------- faults that are found


@pytest.fixture
def book(tmp_path):
    printed = new_output("stream", text="accuracy 0.97\n")
    cells = [
        new_markdown_cell("# A page"),
        new_markdown_cell("## One"),
        new_markdown_cell("### Within one"),
        new_code_cell("1", outputs=[printed]),
        new_markdown_cell("## Two"),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "page.ipynb")
    return tmp_path


CLAIM = {"row": "A1", "claim": "It works.", "page": "page", "heading": "One", "verdict": "holds", "number": "0.97"}


@pytest.mark.parametrize("heading", ["A page", "One", "Within one"])
def test_a_number_is_found_under_a_heading_and_its_subsections(book, heading):
    assert claims.faults([CLAIM | {"heading": heading}], book) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"verdict": "true"}, "A1: the verdict true is none of"),
        ({"verdict": "fails"}, "A1: fails without a note"),
        ({"page": "gone"}, "A1: there is no page gone"),
        ({"heading": "Three"}, "A1: page has no heading 'Three'"),
        ({"number": "0.98"}, "A1: page does not print '0.98' under 'One'"),
        ({"heading": "Two"}, "A1: page does not print '0.97' under 'Two'"),
    ],
)
def test_a_fault_is_found(book, change, fault):
    assert [found for found in claims.faults([CLAIM | change], book) if found.startswith(fault)]
