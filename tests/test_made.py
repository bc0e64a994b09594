"""Pages that the build makes: the atlas and the claims are written where a book asks for them, and only then."""

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from sphinx.errors import ConfigError

sys.path.insert(0, str(Path(__file__).parent.parent / "book" / "_ext"))

import made

ROOT = Path(__file__).parent.parent


@pytest.fixture
def make(tmp_path):
    """``make(toc)``: lets the extension loose on a copy of the chapters, returns the folder of its pages."""
    shutil.copytree(ROOT / "book", tmp_path / "book", ignore=shutil.ignore_patterns("_static", "atlas.md", "claims.md"))

    def run(toc):
        (tmp_path / "toc.yml").write_text(toc)
        config = SimpleNamespace(external_toc_path=str(tmp_path / "toc.yml"))
        made.make_pages(SimpleNamespace(srcdir=tmp_path), config)
        return tmp_path / "book"

    return run


TOC = "root: book/index\nparts:\n  - chapters:\n      - file: book/02_simple_rnn\n        sections: [{file: book/%s}]\n"


@pytest.mark.parametrize(
    ("name", "holds"), [("atlas", "#### rnn-step-without-recurrence"), ("claims", "## Motivation and data")]
)
def test_a_page_is_made_where_the_book_asks_for_it_and_no_other(make, name, holds):
    book = make(TOC % name)
    assert holds in (book / f"{name}.md").read_text(encoding="utf-8")
    assert [path.stem for path in book.glob("*.md") if path.stem in ("atlas", "claims")] == [name]


def test_a_page_that_has_not_changed_is_not_written_again(make):
    page = make(TOC % "claims") / "claims.md"
    before = page.stat().st_mtime_ns
    make(TOC % "claims")
    assert page.stat().st_mtime_ns == before
    page.write_text("old")
    make(TOC % "claims")
    assert page.read_text(encoding="utf-8") != "old"


def test_a_claim_that_points_nowhere_stops_the_build(make):
    claims = make(TOC % "notation") / "claims.yml"
    claims.write_text(claims.read_text().replace("heading: ", "heading: No ", 1))
    with pytest.raises(ConfigError, match="has no heading"):
        make(TOC % "claims")


def test_what_the_build_makes_is_not_in_the_repository():
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {f"{name}.md" for name in made.PAGES} <= set(ignored)
