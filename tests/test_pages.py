"""What a page in Markdown says is what the package says."""

from pathlib import Path

from course_rnn.convert import rosetta

BOOK = Path(__file__).parent.parent / "book"


def test_the_notation_page_shows_the_table_that_drives_the_conversion():
    assert rosetta() in (BOOK / "notation.md").read_text()
