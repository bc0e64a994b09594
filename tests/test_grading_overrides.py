"""What an instructor decides is applied last and said; what changed is told and kept; --only grades again."""

import csv
from dataclasses import replace

import pytest
from click.testing import CliRunner
from grading_store import keep, kept
from hypothesis import given
from hypothesis import strategies as st
from test_grading_batch import calls, grade
from test_grading_report import CLASS, Text, verdict

from course_rnn import cli
from course_rnn.grading import tables
from course_rnn.grading.batch import Run, grade_class
from course_rnn.grading.marks import changes, overrides
from course_rnn.grading.marks.final import settled
from course_rnn.grading.out.report import write_report

HEADER = "student,question,points,reason,who"


@pytest.fixture
def grades(tmp_path):
    """A folder of grades, and what writes overrides into it."""
    keep(tmp_path, {each.student: each for each in CLASS})

    def grades(*lines):
        (tmp_path / overrides.FILE).write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
        return tmp_path

    return grades


def csv_of(folder, name="grades.csv"):
    with open(folder / name, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# ---------------------------------------------------------------------- overrides


def test_a_question_that_is_set_moves_the_score_by_the_difference(grades):
    found = settled(
        grades("bob,rnn_step,1.5,half right,M. Curie", "cyd,rnn_forward,0,no,M. Curie", "ada,rnn_step,1,no,X")
    )
    assert (found.verdicts["ada"].score, found.verdicts["cyd"].score) == (4, 0)
    assert found.verdicts["bob"].score == 4.5 and found.verdicts["bob"].questions["rnn_step"]["points"] == 1.5
    assert found.verdicts["bob"].questions["rnn_forward"]["points"] == 3
    assert found.verdicts["dot"] == CLASS[3], "nobody else"
    [override] = found.overrides["bob"]
    assert (override.before, override.points, override.who) == (0, 1.5, "M. Curie")


def test_a_whole_score_that_is_set_stands_as_it_is_also_for_a_rejected_submission(grades):
    found = settled(grades("eve,,4,graded by hand,M. Curie", "bob,,1,agreed,M. Curie", "bob,rnn_step,2,right,M. Curie"))
    assert (found.verdicts["eve"].score, found.verdicts["eve"].status) == (4, "rejected")
    assert found.verdicts["bob"].score == 1 and found.verdicts["bob"].questions["rnn_step"]["points"] == 2
    assert found.overrides["bob"][-1].before == 5, "the other decisions come first"


def test_a_submission_that_does_not_tell_its_assignment_gets_the_mark_that_is_decided(tmp_path):
    unknown = replace(verdict("zoe", 0, 0), assignment="", status="rejected", score=None, max_score=0, questions={})
    keep(tmp_path, [verdict("ada", 2, 3), unknown])
    (tmp_path / overrides.FILE).write_text(f"{HEADER}\nzoe,,4,The second file counts,M. Curie\n")
    zoe = settled(tmp_path).verdicts["zoe"]
    assert (zoe.score, zoe.max_score, zoe.assignment) == (4, 5, "02_simple_rnn"), "that of all others"
    other = replace(verdict("bob", 2, 3), assignment="03_deep_rnn")
    keep(tmp_path, [verdict("ada", 2, 3), unknown, other])
    zoe = settled(tmp_path).verdicts["zoe"]
    assert (zoe.score, zoe.assignment) == (4, ""), "of two it is not known which"


def test_the_verdicts_stay_as_they_were_measured(grades):
    folder = grades("bob,rnn_step,2,right,M. Curie")
    before = kept(folder)
    write_report(folder)
    assert kept(folder) == before


def test_of_several_decisions_on_the_same_points_the_last_counts(grades):
    found = settled(grades("bob,rnn_step,2,right,M. Curie", "bob,rnn_step,1,half,L. Meitner"))
    assert found.verdicts["bob"].score == 4 and [each.who for each in found.overrides["bob"]] == ["L. Meitner"]


def test_the_pages_and_the_csv_say_what_was_changed_why_and_by_whom(grades):
    folder = grades("bob,rnn_step,2,=the slides <b>had</b> it,M. Curie", "eve,,4,graded by hand,L. Meitner")
    write_report(folder)
    bob, eve = (Text(folder / "feedback" / f"{name}.html").text for name in ("bob", "eve"))
    assert "5 of 5 points" in bob and "rnn_step : passed 2 of 2" in bob
    assert "Changed by hand , from 0 to 2 points: =the slides <b>had</b> it (M. Curie)" in bob
    assert "Changed by hand , to 4 points for the whole: graded by hand (L. Meitner)" in eve
    rows = {row["student"]: row for row in csv_of(folder)}
    assert rows["bob"]["score"] == "5" and rows["bob"]["overrides"].startswith("rnn_step: 0 → 2")
    assert rows["eve"]["score"] == "4" and rows["eve"]["overrides"] == "score: none → 4, graded by hand (L. Meitner)"
    assert rows["ada"]["overrides"] == ""
    assert "eve score: none → 4, graded by hand (L. Meitner)" in Text(folder / "index.html").text


@pytest.mark.parametrize(
    "line, said",
    [
        ("zoe,rnn_step,1,why,who", "line 2: there is no verdict about 'zoe'"),
        ("bob,rnn_stop,1,why,who", r"'rnn_stop' is no question of bob. There are: rnn_step, rnn_forward"),
        ("eve,rnn_step,1,why,who", "no question of eve. Leave the question empty"),
        ("bob,rnn_step,3,why,who", "the points are '3', expected a number from 0 to 2"),
        ("bob,rnn_step,-1,why,who", "expected a number from 0 to 2"),
        ("bob,rnn_step,,why,who", "expected a number from 0 to 2"),
        ("bob,rnn_step,nan,why,who", "expected a number from 0 to 2"),
        ("bob,rnn_step,1,,who", "reason is empty"),
        ("bob,rnn_step,1,why,", "who is empty"),
    ],
)
def test_a_line_that_cannot_be_meant_is_said(grades, line, said):
    with pytest.raises(ValueError, match=said):
        settled(grades(line))


def test_a_table_is_read_as_spreadsheets_in_other_languages_write_it(grades, tmp_path):
    folder = grades()
    text = 'student;question;points;reason;who\r\nbob;rnn_step;"1,5";"two\r\nlines";"M; Curie"\r\n;;;;\r\n'
    (folder / overrides.FILE).write_bytes(b"\xef\xbb\xbf" + text.encode())
    [override] = settled(folder).overrides["bob"]
    assert (override.points, override.reason.split(), override.who) == (1.5, ["two", "lines"], "M; Curie")
    (folder / overrides.FILE).write_bytes("student,question,points,reason,who\nbob,,1,für,who".encode("latin-1"))
    with pytest.raises(ValueError, match="not in UTF-8"):
        settled(folder)
    (folder / overrides.FILE).write_text("student,points\nbob,1")
    with pytest.raises(ValueError, match="has no column question, reason, who"):
        settled(folder)


@given(st.text(alphabet="'\"=+-@;, \t\nabc｜＝", max_size=12))
def test_what_a_table_protects_comes_back_as_it_was(text):
    assert tables.as_it_was(tables.as_text(text)) == text


def test_a_name_that_would_be_a_formula_can_be_copied_from_the_csv(tmp_path):
    name = "=1+1_13"
    keep(tmp_path, {name: verdict(name, 0, 3)})
    write_report(tmp_path)
    shown = csv_of(tmp_path)[0]["student"]
    (tmp_path / overrides.FILE).write_text(f"{HEADER}\n{shown},rnn_step,2,why,who\n")
    assert shown == "'=1+1_13" and settled(tmp_path).verdicts[name].score == 5


# ---------------------------------------------------------------------- changes


def test_a_report_says_what_changed_since_the_last_and_keeps_it(grades):
    folder = grades()
    run = CliRunner().invoke(cli.main, ["report", str(folder)])
    assert "Changed" not in run.output and not (folder / changes.FILE).exists(), "there were no grades before"
    grades("bob,rnn_step,2,right,M. Curie")
    run = CliRunner().invoke(cli.main, ["report", str(folder)])
    assert "Changed: bob, score: 3 → 5\nChanged: bob, rnn_step: 0 → 2\n" in run.output
    run = CliRunner().invoke(cli.main, ["report", str(folder)])
    assert "Changed" not in run.output
    grades()
    CliRunner().invoke(cli.main, ["report", str(folder)])
    columns = "student", "what", "before", "after", "why"
    kept = [tuple(row[name] for name in columns) for row in csv_of(folder, "changes.csv")]
    assert kept == [
        ("bob", "score", "3", "5", ""),
        ("bob", "rnn_step", "0", "2", "right (M. Curie)"),
        ("bob", "score", "5", "3", ""),
        ("bob", "rnn_step", "2", "0", ""),
    ]


def test_grades_can_be_held_against_those_of_another_folder(grades, tmp_path):
    folder, other = grades(), tmp_path / "other"
    write_report(folder)
    other.mkdir()
    keep(other, {"bob": verdict("bob", 1, 3), "new": verdict("new", 1, 1)})
    run = CliRunner().invoke(cli.main, ["report", str(other), "--against", str(folder)])
    assert run.output.splitlines()[:-1] == ["Changed: bob, score: 3 → 4", "Changed: bob, rnn_step: 0 → 1"]


def test_of_many_changes_a_few_are_told():
    found = [{"student": f"s{n}", "what": "score", "before": "1", "after": ""} for n in range(changes.MOST + 3)]
    lines = changes.told(found)
    assert lines[0] == "Changed: s0, score: 1 → none" and lines[-1] == "3 more changes are in changes.csv."


# ---------------------------------------------------------------------- grading again


def test_only_grades_this_student_again_and_nobody_else(tmp_path):
    out, folder = tmp_path / "grades", tmp_path / "class"
    folder.mkdir()
    for number in range(9):
        (folder / f"student{number:02}.ipynb").write_text(f"work {number}")
    grade_class(Run(str(folder), seed=7), out, jobs=2, grade=grade)
    found, _ = grade_class(Run(str(folder), seed=7), out, jobs=2, grade=grade, only=["student03", "student07"])
    assert calls(folder) == dict.fromkeys(found, 1) | {"student03": 2, "student07": 2}
    assert kept(out).keys() == found.keys()
    with pytest.raises(ValueError, match="Nothing was handed in by 'zoe'"):
        grade_class(Run(str(folder), seed=7), out, jobs=2, grade=grade, only=["zoe"])


def test_only_is_an_option_that_may_be_repeated(monkeypatch, tmp_path):
    asked = {}

    def grade_class(run, out, **what):
        asked.update(what, trusted=run.trusted)
        keep(out, {each.student: each for each in CLASS})
        return {}, []

    monkeypatch.setattr("course_rnn.grading.batch.grade_class", grade_class)
    command = ["grade", str(tmp_path), "--out", str(tmp_path), "--only", "ada", "--only", "bob", "--jobs", "1"]
    run = CliRunner().invoke(cli.main, command)
    assert run.exit_code == 0, run.output
    assert asked["only"] == ("ada", "bob") and asked["jobs"] == 1 and asked["trusted"] is False
