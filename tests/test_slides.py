"""Slides of a chapter: its formulas and figures under its headings, on a page that needs no other host."""

from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from in_browser import needs_chromium
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_rnn import slides
from course_rnn.cli import main

BOOK = Path(__file__).parent.parent / "book"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'


@pytest.fixture
def chapter():
    drawn = new_code_cell("draw()", outputs=[new_output("display_data", {"image/svg+xml": SVG})])
    drawn.metadata["mystnb"] = {"image": {"alt": "A square."}}
    cells = [
        new_markdown_cell("# A chapter"),
        new_markdown_cell("## One\n\nText.\n\n$$\na = b\n$$ (eq-a)\n\nText.\n\n## Two\n\n$$\nc = d\n$$"),
        new_markdown_cell("> **Spot the error**\n>\n> $$\n> 1 = 2\n> $$"),
        drawn,
        new_markdown_cell("## Words alone"),
    ]
    return new_notebook(cells=cells)


def test_slides_are_the_formulas_and_figures_under_their_headings(chapter):
    title, sections = slides.slides(chapter)
    assert title == "A chapter"
    assert sections == [
        ("One", ["$$\na = b\n$$"]),
        ("Two", ["$$\nc = d\n$$", (".svg", SVG.encode(), "A square.")]),
    ]


def test_a_notebook_without_either_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "words.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Words")]), path)
    run = CliRunner().invoke(main, ["slides", str(path), str(tmp_path / "out")])
    assert run.exit_code == 1
    assert run.output.startswith("Error: ") and "no formulas and no figures" in run.output


@pytest.mark.parametrize("path", sorted(BOOK.glob("0*.ipynb")), ids=lambda path: path.stem)
def test_every_chapter_makes_slides(path, tmp_path):
    run = CliRunner().invoke(main, ["slides", str(path), str(tmp_path)])
    assert run.exit_code == 0, run.output
    _, sections = slides.slides(nbformat.read(path, as_version=4))
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    pictures = [content for _, contents in sections for content in contents if not isinstance(content, str)]
    assert html.count("<img alt=") == len(pictures) > 0
    assert all(alt for _, _, alt in pictures)


@needs_chromium
def test_slides_ask_no_other_host(browser, tmp_path):
    page = browser.new_page()
    errors, requests = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(slides.write(BOOK / "06_gradients.ipynb", tmp_path).as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    page.wait_for_selector("math", state="attached")
    assert errors == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    page.close()
