"""Marks by hand: a rubric, a table that goes through a spreadsheet and comes back, and grades with the marks."""

import csv
import io
from dataclasses import asdict
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from grading_store import keep, kept, sha256
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from test_grading_report import Text, verdict

from course_rnn import cli
from course_rnn.grading.limits import Limits
from course_rnn.grading.marks import by_hand, overrides
from course_rnn.grading.marks.by_hand import read_rubric
from course_rnn.grading.marks.final import settled
from course_rnn.grading.out import lms
from course_rnn.grading.out.report import write_report
from course_rnn.grading.worker.reading import LONGEST, answer_under

EXAMPLE = Path(__file__).parent.parent / "examples" / "rubric.toml"
RUBRIC = """
assignment = "02_simple_rnn"
exercise = "exercise.ipynb"
[questions.why]
heading = "An open question"
criteria = { "names the state" = 2, "gives an example" = 1.5 }
[questions.derivation]
heading = "Derive it"
criteria = { "right" = 3 }
"""
GIVEN = [
    new_markdown_cell("# Exercises"),
    new_code_cell("def rnn_step(): ..."),
    new_markdown_cell("## An open question\n\nSay why."),
    new_markdown_cell("## Derive it\n\nHere:"),
    new_markdown_cell("## How far you are"),
    new_code_cell("q.progress()"),
]


def notebook(why="", derivation=""):
    """An exercise in which two open questions are answered."""
    cells = [nbformat.from_dict(cell) for cell in GIVEN]
    cells.insert(4, new_markdown_cell(derivation))
    cells[2].source += f"\n\n{why}"
    return nbformat.writes(new_notebook(cells=cells))


@pytest.fixture
def graded(tmp_path):
    """A graded class, of which three wrote something, and its rubric."""
    (tmp_path / "class").mkdir()
    (tmp_path / "grades").mkdir()
    nbformat.write(new_notebook(cells=GIVEN), tmp_path / "exercise.ipynb")
    (tmp_path / "rubric.toml").write_text(RUBRIC)
    answers = {"ada": ("Because.\n\n- one\n- two", "=1+1"), "bob": ("", "$a=b$"), "cyd": ("It ist so.", "")}
    found = {"eve": verdict("eve", 0, 0, status="rejected")}
    for who, texts in answers.items():
        path = tmp_path / "class" / f"{who}.ipynb"
        path.write_text(notebook(*texts))
        found[who] = verdict(who, 2, 3)
        found[who] = type(found[who])(**asdict(found[who]) | {"sha256": sha256(path)})
    paths = {who: tmp_path / "class" / f"{who}.ipynb" for who in answers}
    keep(tmp_path / "grades", found, {"limits": asdict(Limits())}, paths)
    return tmp_path / "grades"


def run(*arguments):
    result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def written(graded):
    """The table, as a spreadsheet reads it."""
    run("manual", graded, "--rubric", graded.parent / "rubric.toml")
    return list(csv.DictReader(io.StringIO((graded / by_hand.FILE).read_text(encoding="utf-8-sig"), newline="")))


def marked(graded, marks):
    """Fill in the table as a spreadsheet does that writes semicolons and decimal commas."""
    rows, text = written(graded), io.StringIO()
    for row in rows:
        row["points"], row["comment"] = marks.get((row["student"], row["question"]), ("", ""))
    table = csv.DictWriter(text, rows[0].keys(), delimiter=";")
    table.writeheader()
    table.writerows(rows)
    (graded / by_hand.FILE).write_text("\ufeff" + text.getvalue(), encoding="utf-8")


ALL = {(who, name): "" for who in ("ada", "bob", "cyd") for name in ("why", "derivation")}
MARKS = {
    ("ada", "why"): ("2+0,5", "Which example?"),
    ("ada", "derivation"): ("3", "=very good"),
    ("bob", "why"): ("0+0", ""),
    ("bob", "derivation"): ("1", ""),
    ("cyd", "why"): ("1+1.5", ""),
}

# ---------------------------------------------------------------------- the table


def test_the_table_has_a_row_for_each_student_and_question_with_the_answer_beside(graded):
    rows = written(graded)
    assert {(row["student"], row["question"]): row["answer"] for row in rows} == ALL | {
        ("ada", "why"): "Because.\n\n'- one\n'- two",  # no line of it may begin a formula
        ("ada", "derivation"): "'=1+1",
        ("bob", "derivation"): "$a=b$",
        ("cyd", "why"): "It ist so.",
    }
    assert rows[0]["criteria"] == "2: names the state + 1.5: gives an example"


def test_marks_come_back_and_the_table_can_be_written_again(graded):
    marked(graded, MARKS)
    rows = {(row["student"], row["question"]): row for row in written(graded)}
    assert {place: rows[place]["points"] for place in MARKS} == {place: points for place, (points, _) in MARKS.items()}
    assert rows["ada", "derivation"]["comment"] == "'=very good" and rows["cyd", "derivation"]["points"] == ""
    before = (graded / by_hand.FILE).read_bytes()
    written(graded)
    assert (graded / by_hand.FILE).read_bytes() == before


def test_an_answer_that_changed_after_it_was_marked_is_named_and_keeps_its_mark(graded):
    marked(graded, MARKS)
    path = graded.parent / "class" / "ada.ipynb"
    path.write_text(notebook("Something else.", "=1+1"))
    found = kept(graded)
    found["ada"] = type(found["ada"])(**asdict(found["ada"]) | {"sha256": sha256(path)})
    keep(graded, found)
    said = run("manual", graded, "--rubric", graded.parent / "rubric.toml")
    assert "ada: another answer than the one that was marked. Look at it again." in said and "bob" not in said
    assert settled(graded).verdicts["ada"].questions["why"]["points"] == 2.5


def test_a_notebook_that_is_no_longer_there_leaves_the_answer_empty(graded):
    (graded.parent / "class" / "ada.ipynb").write_text(notebook("Not what was graded."))
    assert {row["answer"] for row in written(graded) if row["student"] == "ada"} == {""}


def test_an_answer_is_what_stands_under_its_heading():
    cells = [
        ("markdown", "# Why\nA"),
        ("code", "# Why\nx = 1"),
        ("markdown", "## Smaller\nB"),
        ("markdown", "C\n# Next\nD"),
    ]
    assert answer_under("why", cells) == "A\n\n# Why\nx = 1\n\n## Smaller\nB\n\nC"
    assert answer_under("Next", cells) == "D" and answer_under("Nowhere", cells) == ""
    assert len(answer_under("Why", [("markdown", "# Why\n" + "x" * 99_999)])) == LONGEST


# ---------------------------------------------------------------------- the grades


def test_marks_are_points_of_the_grades(graded):
    marked(graded, MARKS)
    found = settled(graded)
    ada = found.verdicts["ada"]
    assert (ada.score, ada.max_score) == (5 + 2.5 + 3, 5 + 3.5 + 3)
    assert ada.questions["why"] == {
        "points": 2.5,
        "max": 3.5,
        "message": "2 of 2: names the state\n0.5 of 1.5: gives an example\nWhich example?",
        "cause": "",
    }
    assert ada.questions["derivation"]["message"] == "3 of 3: right\n=very good"
    assert found.verdicts["bob"].score == 6 and found.verdicts["eve"].score is None


def test_what_is_not_marked_yet_is_said_and_not_handed_on(graded, tmp_path):
    marked(graded, MARKS)
    found = settled(graded)
    assert found.pending == {"cyd"} and found.verdicts["cyd"].score == 7.5
    assert found.verdicts["cyd"].messages == ["Not marked yet: derivation."]
    write_report(graded)
    assert "Not marked yet cyd" in Text(graded / "index.html").text
    assert "Not marked yet: derivation." in Text(graded / "feedback" / "cyd.html").text
    assert "2 of 2: names the state" in Text(graded / "feedback" / "ada.html").text
    worksheet = tmp_path / "worksheet.csv"
    worksheet.write_text(
        "Identifier,Full name,Grade,Last modified (grade)\nParticipant 1,cyd,,-\nParticipant 2,bob,,-\n"
    )
    assert lms.moodle(found, worksheet).graded == 1


def test_an_override_comes_after_the_marks(graded):
    marked(graded, MARKS)
    (graded / overrides.FILE).write_text("student,question,points,reason,who\nada,why,3.5,I was too strict,M. Curie\n")
    assert settled(graded).verdicts["ada"].score == 5 + 3.5 + 3


@pytest.mark.parametrize("points", ["2", "3+0", "2+1+0", "-1+0", "two+0", "1e0+0"])
def test_a_mark_that_cannot_be_meant_is_said_with_its_line(graded, points):
    marked(graded, {("ada", "why"): (points, "")})
    with pytest.raises(ValueError, match=r"manual\.csv, line \d+: the points are .*expected 0 to 2 \+ 0 to 1\.5"):
        settled(graded)


# ---------------------------------------------------------------------- the rubric


def test_the_example_fits_the_exercise_that_it_is_for():
    rubric = read_rubric(EXAMPLE)
    exercise = nbformat.read(rubric.exercise, as_version=4)
    cells = [(cell.cell_type, cell.source) for cell in exercise.cells]
    [question] = rubric.questions.values()
    assert "every* Elman network" in answer_under(question.heading, cells) and question.points == 4
    given = {line.strip() for _, source in cells for line in source.splitlines()}
    assert answer_under(question.heading, cells, given) == ""


@pytest.mark.parametrize(
    "old, new, said",
    [
        ('"02_simple_rnn"', "2", "does not say which assignment"),
        ("[questions", "questions", "is not TOML"),
        ('"An open question"', "1", "why does not name the heading"),
        ("[questions.", "[other.", "has no questions"),
        ('{ "right" = 3 }', "{}", "derivation has no criteria"),
        ('"right" = 3', '"right" = 0', "'right' is worth 0, expected a number above 0"),
        ('"right" = 3', '"right" = true', "'right' is worth True"),
        ("questions.why", "questions.rnn_step", "The rubric's rnn_step is graded already"),
        ("02_simple_rnn", "03_deep_rnn", "Nobody has been graded in 03_deep_rnn"),
    ],
)
def test_what_is_wrong_with_a_rubric_is_said(graded, old, new, said):
    path = graded.parent / "rubric.toml"
    path.write_text(RUBRIC.replace(old, new))
    with pytest.raises(ValueError, match=said):
        by_hand.write_manual(graded, path)
