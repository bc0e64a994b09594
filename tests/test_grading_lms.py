"""Grade files for Canvas and Moodle: right grades in the right rows, everything else as the LMS wrote it.

The samples have the columns that the sources of `course_rnn.grading.out.lms` name.
"""

import csv
import io
from dataclasses import replace

import pytest
from click.testing import CliRunner
from grading_store import keep
from test_grading_report import verdict

from course_rnn import cli
from course_rnn.grading.intake.roster import Entry
from course_rnn.grading.marks.final import Grades
from course_rnn.grading.out import lms

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Notes,02_simple_rnn (5001),Essay (5002),Current Score,Final Score
,,,,,,Manual Posting,,,
    Points Possible,,,,,,5.00,10.00,(read only),(read only)
"Lovelace, Ada",101,s-1,ada@uni.edu,Class 1,likes looms,,7.00,70.0,70.0
"Byron, Bob",102,s-2,bob@uni.edu,Class 1,,1.00,,,
"Li, Li",103,s-3,li@uni.edu,Class 1 and Class 2,,EX,,,
"Müller-Ng, Zoë",104,,zoe@uni.edu,Class 1,,,,,
"Student, Test",105,,,Class 1,,,,,
"""
MOODLE = """\
Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",\
"Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 17","Ada Lovelace",ada@uni.edu,"Submitted for grading - ",,5.00,Yes,"Friday, 20 November 2026, 9:00 AM",-,
"Participant 18","Bob Byron",bob@uni.edu,"Submitted for grading - ",2.00,5.00,Yes,"Friday, 20 November 2026, 9:01 AM",\
"Friday, 20 November 2026, 10:00 AM","old, comment"
"Participant 19","Li Li",li@uni.edu,"Submitted for grading - Graded",3.00,5.00,No,-,-,
"Participant 20","Bob Byron",bob2@uni.edu,"No submission - ",,5.00,Yes,-,-,
"""


@pytest.fixture
def file(tmp_path):
    """Write the export of an LMS and give its path."""

    def file(text, encoding="utf-8"):
        (tmp_path / "export.csv").write_bytes(text.encode(encoding))
        return tmp_path / "export.csv"

    return file


def grades(**scores):
    """Grades by student."""
    return Grades({who: verdict(who, score, 0) for who, score in scores.items()}, {}, set())


def rows(export):
    return list(csv.DictReader(io.StringIO(export.text)))


def filled(export, name, column):
    """The cells of a column that is not empty, by name."""
    return {row[name]: row[column] for row in rows(export) if row[column]}


# ---------------------------------------------------------------------- Canvas

COLUMN = "02_simple_rnn (5001)"


def test_canvas_gets_back_who_is_who_and_the_one_column(file):
    made = lms.canvas(grades(lovelaceada_101=2, byronbob_102=0.5), file(CANVAS))
    assert made.text.splitlines() == [
        "Student,ID,SIS User ID,SIS Login ID,Section,02_simple_rnn (5001)",
        ",,,,,Manual Posting",
        "    Points Possible,,,,,5.00",
        '"Lovelace, Ada",101,s-1,ada@uni.edu,Class 1,2',
        '"Byron, Bob",102,s-2,bob@uni.edu,Class 1,0.5',
        '"Li, Li",103,s-3,li@uni.edu,Class 1 and Class 2,EX',
        '"Müller-Ng, Zoë",104,,zoe@uni.edu,Class 1,',
        '"Student, Test",105,,,Class 1,',
    ]
    assert (made.graded, made.left_out) == (2, [])


@pytest.mark.parametrize("who", ["müllerngzoë_104", "104", "zoe@uni.edu", "Zoë Müller-Ng", "Müller-Ng, Zoë"])
def test_canvas_finds_a_student_by_any_name_that_is_theirs(file, who):
    found = Grades({who: verdict(who, 2, 1)}, {}, set())
    made = lms.canvas(found, file(CANVAS))
    assert filled(made, "ID", COLUMN) == {"": "5.00", "102": "1.00", "103": "EX", "104": "3"}


@pytest.mark.parametrize("who", ["byronbob_101", "lovelaceada_999", "nobody", "ada_17"])
def test_canvas_grades_nobody_by_half_a_name(file, who):
    made = lms.canvas(Grades({who: verdict(who, 2, 1)}, {}, set()), file(CANVAS))
    expected = {"": "5.00", "102": "1.00", "103": "EX"}
    assert filled(made, "ID", COLUMN) == expected and made.left_out == [f"{who}: nobody in the file of the LMS."]


def test_canvas_finds_a_student_of_the_roster(file):
    roster = {
        "ada": Entry("ada", "Ada Lovelace", "101"),
        "bob": Entry("bob", "", "s-2"),
        "z": Entry("z", "Zoë Müller-Ng"),
    }
    made = lms.canvas(grades(ada=2, bob=1, z=0), file(CANVAS), roster=roster)
    assert filled(made, "ID", COLUMN) == {"": "5.00", "101": "2", "102": "1", "103": "EX", "104": "0"}


def test_whoever_has_no_score_is_left_out_and_named(file):
    found = grades(lovelaceada_101=2, byronbob_102=2, lili_103=2)
    found.verdicts["müllerngzoë_104"] = verdict("müllerngzoë_104", 0, 0, status="rejected")
    found.pending.add("byronbob_102")
    made = lms.canvas(found, file(CANVAS))
    assert filled(made, "ID", COLUMN) == {"": "5.00", "101": "2", "102": "1.00", "103": "EX"}
    assert sorted(made.left_out) == [
        "byronbob_102: not all of it is marked yet.",
        "lili_103: Canvas says EX.",
        "müllerngzoë_104: rejected, no score.",
    ]


def test_two_who_are_the_same_person_get_nothing(file):
    made = lms.canvas(grades(**{"lovelaceada_101": 2, "ada@uni.edu": 1}), file(CANVAS))
    assert made.graded == 0 and "101" not in filled(made, "ID", COLUMN)
    assert made.left_out == [
        f"{who}: somebody else is the same person in the file of the LMS." for who in ("lovelaceada_101", "ada@uni.edu")
    ]


def test_canvas_is_told_which_column_is_meant(file):
    text = CANVAS.replace("02_simple_rnn (5001)", "Homework (1) (5001)")
    with pytest.raises(ValueError, match=r"There are: Homework \(1\) \(5001\), Essay \(5002\)"):
        lms.canvas(grades(lovelaceada_101=2), file(text))
    for column in ("Homework (1)", "Homework (1) (5001)", "5001"):
        made = lms.canvas(grades(lovelaceada_101=2), file(text), column)
        assert filled(made, "ID", "Homework (1) (5001)")["101"] == "2"
    with pytest.raises(ValueError, match="10 points at most"):
        lms.canvas(grades(lovelaceada_101=2), file(text), "Essay")


def test_points_are_converted_only_if_asked(file):
    text = CANVAS.replace(
        "Manual Posting,,,\n    Points Possible,,,,,,5.00", "Manual Posting,,,\n    Points Possible,,,,,,100"
    )
    with pytest.raises(ValueError, match="The LMS gives 100 points at most, and 02_simple_rnn has 5"):
        lms.canvas(grades(lovelaceada_101=2), file(text))
    made = lms.canvas(grades(lovelaceada_101=1 / 3), file(text), scale=True)
    assert filled(made, "ID", COLUMN)["101"] == "6.67"


def test_canvas_in_other_languages_divides_by_semicolons_and_names_in_two_columns(file):
    lines = [
        "LastName;FirstName;ID;SIS Login ID;Section;02_simple_rnn (5001)",
        "    Points Possible;;;;;5,00",
        "Lovelace;Ada;101;ada;1;",
    ]
    made = lms.canvas(grades(lovelaceada_101=2.5), file("\ufeff" + "\r\n".join(lines) + "\r\n"))
    assert made.text.splitlines() == [*lines[:2], "Lovelace;Ada;101;ada;1;2.5"]


def test_what_is_no_gradebook_is_said(file):
    with pytest.raises(ValueError, match="no gradebook as Canvas exports it"):
        lms.canvas(grades(a=1), file("student,grade\na,1\n"))
    with pytest.raises(ValueError, match="read-only"):
        lms.canvas(grades(a=1), file(CANVAS.replace("5.00", "(read only)")))
    both = grades(a=1, b=1)
    both.verdicts["b"] = replace(both.verdicts["b"], assignment="03_deep_rnn")
    with pytest.raises(ValueError, match=r"those of 2: 02_simple_rnn, 03_deep_rnn\. Name one"):
        lms.canvas(both, file(CANVAS))


# ---------------------------------------------------------------------- Moodle


def test_moodle_gets_its_worksheet_back_with_grades_and_comments(file):
    made = lms.moodle(Grades({"Ada Lovelace_17": verdict("Ada Lovelace_17", 2, 3)}, {}, set()), file(MOODLE))
    before, after = list(csv.DictReader(io.StringIO(MOODLE))), rows(made)
    assert after[0] | {"Grade": "", "Feedback comments": ""} == before[0] and after[1:] == before[1:]
    assert after[0]["Grade"] == "5" and after[0]["Last modified (grade)"] == "-"
    assert after[0]["Feedback comments"] == "<p>rnn_step: 2 of 2. Passed.</p><p>rnn_forward: 3 of 3. Passed.</p>"
    assert (made.graded, made.left_out) == (1, [])


@pytest.mark.parametrize(
    "who, expected",
    [
        ("Ada Lovelace_17", {"Participant 17": "2"}),
        ("Group A-Ada Lovelace_17", {"Participant 17": "2"}),
        ("ada@uni.edu", {"Participant 17": "2"}),
        ("Ada Lovelace", {"Participant 17": "2"}),
        ("Bob Byron_18", {"Participant 18": "2"}),
        ("Bob Byron_20", {"Participant 20": "2"}),
        ("Bob Byron", {}),  # there are two
        ("Ada Lovelace_18", {}),
        ("17", {}),  # a number of which nobody says whose it is
        ("Li Li_19", {}),  # locked in Moodle
    ],
)
def test_moodle_finds_a_student_by_number_and_name(file, who, expected):
    made = lms.moodle(Grades({who: verdict(who, 2, 0)}, {}, set()), file(MOODLE))
    unchanged = {"Participant 18": "2.00", "Participant 19": "3.00"}
    assert filled(made, "Identifier", "Grade") == unchanged | expected
    assert made.graded == len(expected) == 1 - len(made.left_out)


def test_a_number_of_the_roster_from_another_assignment_grades_nobody_else(file):
    roster = {"ada": Entry("ada", "Ada Lovelace", "18")}
    made = lms.moodle(grades(ada=2), file(MOODLE), roster=roster)
    assert filled(made, "Identifier", "Grade") == {
        "Participant 17": "2",
        "Participant 18": "2.00",
        "Participant 19": "3.00",
    }


def test_moodle_without_names_is_graded_by_number(file):
    text = "Identifier,Status,Grade,Last modified (grade)\r\nParticipant 17,Submitted,,-\r\n"
    made = lms.moodle(Grades({"Participant_17": verdict("Participant_17", 2, 0)}, {}, set()), file(text))
    assert filled(made, "Identifier", "Grade") == {"Participant 17": "2"}


def test_comments_are_html_in_which_a_student_wrote_only_text():
    hostile = replace(verdict("x", 0, 0, cause="<img src=x>\nb"), messages=["<script>alert(1)</script>"])
    text = lms.comments(hostile)
    assert "<img" not in text and "<script" not in text and "&lt;script&gt;" in text
    assert text.startswith("<p>rnn_step: 0 of 2. h_next is wrong.<br>Likely cause: about &lt;img src=x&gt;<br>b.</p>")


def test_a_worksheet_in_another_language_is_refused_with_the_cure(file):
    with pytest.raises(ValueError, match=r"no column Identifier, Grade.*Set Moodle to English"):
        lms.moodle(grades(a=1), file(MOODLE.replace("Identifier", "ID").replace("Grade", "Bewertung")))


# ---------------------------------------------------------------------- the command


def test_export_writes_the_file_and_says_who_is_left_out(file, tmp_path):
    found = {who: verdict(who, 2, 3) for who in ("lovelaceada_101", "nobody")}
    keep(tmp_path, found)
    run = CliRunner().invoke(cli.main, ["export", str(tmp_path), "--canvas", str(file(CANVAS))])
    assert run.output.splitlines() == [
        "Left out: nobody: nobody in the file of the LMS.",
        f"1 grades are in {tmp_path / 'canvas.csv'}.",
    ]
    assert (tmp_path / "canvas.csv").read_bytes().count(b"\r\n") == 8
    run = CliRunner().invoke(cli.main, ["export", str(tmp_path)])
    assert run.exit_code == 1 and "Give either --canvas or --moodle" in run.output
