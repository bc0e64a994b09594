"""What a page in Markdown says is what the package says, and what the chapters print."""

import re
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
import yaml
from mdit_py_plugins.anchors.index import slugify

from course_rnn.claims import sections
from course_rnn.convert import rosetta

BOOK = Path(__file__).parent.parent / "book"
LINK = re.compile(r"\]\((\w+\.ipynb)#([^)]+)\)")


def test_the_notation_page_shows_the_table_that_drives_the_conversion():
    assert rosetta() in (BOOK / "notation.md").read_text()


def test_the_citation_names_the_version_of_the_package():
    assert yaml.safe_load((BOOK.parent / "CITATION.cff").read_text())["version"] == version("course-rnn")


def prose(path):
    """What a page says, without its code and its outputs."""
    if path.suffix == ".md":
        return path.read_text()
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def numbers_and_places():
    """The rows of the pages that gather results: (quoted number, [(page, anchor), ...])."""
    for page in ("when_does_an_rnn_win.ipynb", "troubleshooting.md"):
        for line in prose(BOOK / page).splitlines():
            for quoted in re.findall(r"`([^`]*\d[^`]*)`", line):
                yield pytest.param(quoted, LINK.findall(line), id=f"{page}: {quoted}")


@pytest.mark.parametrize(("quoted", "places"), list(numbers_and_places()))
def test_a_number_stands_where_the_row_links_to(quoted, places):
    printed = ""
    for page, anchor in places:
        by_anchor = {slugify(heading): text for heading, text in sections(BOOK / page).items()}
        printed += by_anchor[anchor]
    assert quoted in " ".join(printed.split())
