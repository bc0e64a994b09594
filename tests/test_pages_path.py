"""One path: a chapter, its exercises, its solutions, the next chapter; and one source for how long it takes."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest
import yaml
from in_browser import pages

from course_rnn.pages import reading
from course_rnn.questions import chapters

ROOT = Path(__file__).parent.parent
TOC = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
SPEC = importlib.util.spec_from_file_location("path_of_the_book", ROOT / "book" / "_ext" / "path.py")
path = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(path)
STEPS = path.steps(TOC)


@pytest.mark.parametrize("name", chapters())
def test_a_chapter_leads_to_its_exercises_these_to_the_solutions_and_all_to_the_next(name):
    names = list(chapters())
    after = names[names.index(name) + 1 :][:1]
    following = [("Next chapter", f"book/{other}") for other in after]
    chapter = [step for step in STEPS[f"book/{name}"] if step[0] != "In depth"]
    assert chapter == [("Exercises", f"exercises/{name}"), *following]
    assert STEPS[f"exercises/{name}"] == [("Solutions", f"solutions/{name}"), *following]
    assert STEPS[f"solutions/{name}"] == following


def test_pages_in_depth_stand_below_their_chapter():
    for chapter in TOC["parts"][0]["chapters"]:
        number = re.match(r"book/(\d+)", chapter["file"])[1]
        for section in chapter["sections"]:
            assert re.match(rf"\w+/{number}[a-z]?_", section["file"])


def test_the_contents_show_few_entries():
    shown = [entry["file"] for part in TOC["parts"] for entry in part["chapters"]]
    assert len(shown) <= 20 and len(pages()) > 40


def test_the_rule_for_the_minutes():
    def cell(kind, source, *tags):
        return {"cell_type": kind, "source": source, "metadata": {"tags": list(tags)}}

    prose = cell("markdown", "word " * 220 + "\n\n$$\na = b\n$$\n")
    code = cell("code", "a = 1\n\n" * 36)
    assert reading.counted([prose, code]) == (220, 36)
    assert reading.counted([prose, cell("code", "a = 1", "hide-input")]) == (220, 0)
    assert reading.minutes([prose, code]) == 5  # 1 + 3, to the next five
    assert reading.minutes([prose, prose, prose, code]) == 10


def test_no_page_says_a_time_of_its_own():
    """They stand in one place: the front page and the page for those who teach take theirs from there."""
    for page in ("index", "teaching"):
        text = (ROOT / "book" / f"{page}.md").read_text()
        assert "{{ reading_minutes }} minutes to read" in text and "{{ exercise_hours }} hours" in text
        assert not re.search(r"\d+ to \d+ minutes", text)
    for file in (ROOT / "book").glob("0*.ipynb"):
        first = nbformat.read(file, as_version=4).cells[0].source
        assert "minutes" not in first
