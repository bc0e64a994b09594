"""What an LMS exports: layouts as their sources write them, and what becomes of everybody in them.

Each layout is named after where its names come from; see `course_rnn.grading.intake.lms`. Nothing here was invented:
the names are made by the rules that stand there, with students who do what students do.
"""

import io
import json
import zipfile
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from course_rnn.grading.intake import lms, roster, times
from course_rnn.grading.intake.roster import Entry
from course_rnn.grading.intake.submissions import collect
from course_rnn.grading.limits import DEFAULTS
from course_rnn.grading.store import Store

BERLIN = ZoneInfo("Europe/Berlin")
NOTEBOOK = '{"cells": []}'


def zip_of(*names):
    """The bytes of a zip with some notebooks in it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, NOTEBOOK)
    return content.getvalue()


#: instructure/canvas-lms, lib/content_zipper.rb: get_filename, add_upload_submission, add_text_or_url
CANVAS = {
    "lovelaceada_101_5001_lab.ipynb": NOTEBOOK,
    "byronbob_LATE_102_5002_lab.ipynb": NOTEBOOK,
    "leekim_103_5003_lab-1.ipynb": NOTEBOOK,  # handed in again: Canvas counts copies of a name
    "leekim_104_5004_lab.ipynb": NOTEBOOK,  # somebody else of that name
    "zuckerzoe_105_5005_first.ipynb": NOTEBOOK,  # two files handed in together
    "zuckerzoe_105_5006_second.ipynb": NOTEBOOK,
    "emptyuna_106_text.html": "<p>see my mail</p>",  # a text entry
    "linkleo_LATE_107_link.html": "<a>",  # a link
    "packedpia_108_5007_lab.zip": zip_of("work/lab.ipynb", "__MACOSX/work/._lab.ipynb"),
    "essayeve_109_5008_essay.pdf": "%PDF",
    "weighswim_110_5009_lab.ipynb": NOTEBOOK,
    "weighswim_110_5010_p1_forecast-1.npz": "weights",
    "notes of the instructor.txt": "",  # a stray file
}
CANVAS_ROSTER = {
    who: Entry(who, name, number)
    for who, name, number in (
        ("ada", "Ada Lovelace", "101"),
        ("bob", "Bob Byron", "102"),
        ("kim1", "Kim Lee", "103"),
        ("kim2", "Kim Lee", "104"),
        ("zoe", "Zoe Zucker", "105"),
        ("una", "Una Empty", "106"),
        ("leo", "Leo Link", "107"),
        ("pia", "Pia Packed", "108"),
        ("eve", "Eve Essay", "109"),
        ("wim", "Wim Weighs", "110"),
        ("nil", "Nil Nothing", "111"),
    )
}


@pytest.fixture
def gather(tmp_path):
    """Write an export, collect it, and give what was found by student."""

    def gather(layout, students=None, known=None, **options):
        with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
            for name, content in layout.items():
                archive.writestr(name, content)
        found, gather.left_out = collect(tmp_path / "export.zip", tmp_path / "unpacked", ("homework_1",), **options)
        found = roster.identified(found, students, known) if students else found
        return {each.student: each for each in found}

    gather.folder = tmp_path
    return gather


def received(folder, found, zone=BERLIN, listed=None):
    """When everybody handed in, as far as it is known."""
    folder.mkdir()
    with Store(folder, new=True) as store:
        unknown = times.receive(store, list(found.values()), listed, True, zone, DEFAULTS)
        return {who: told for (who, _), told in store.received().items()}, unknown


# ---------------------------------------------------------------------- Canvas


def test_an_export_of_canvas_names_everybody_whatever_lies_in_it(gather):
    found = gather(CANVAS, CANVAS_ROSTER, beside=["p1_forecast.npz"])
    assert sorted(found) == sorted(CANVAS_ROSTER.keys() - {"nil"})
    assert {who: each.problem for who, each in found.items() if each.problem} == {
        "una": "No notebook was handed in, only emptyuna_106_text.html.",
        "leo": "No notebook was handed in, only linkleo_LATE_107_link.html.",
        "eve": "No notebook was handed in, only essayeve_109_5008_essay.pdf.",
    }
    assert gather.left_out == ["notes of the instructor.txt: not a notebook."]


def test_of_two_files_in_canvas_the_one_with_the_larger_number_counts_and_it_is_said(gather):
    found = gather(CANVAS, CANVAS_ROSTER)
    assert found["zoe"].filename == "second.ipynb"
    assert found["zoe"].notes == ("Of 2 files that were handed in, the newest counts: second.ipynb.",)
    assert not any(each.notes for who, each in found.items() if who != "zoe")


def test_what_canvas_marks_late_is_late(gather, tmp_path):
    found = {who: each for who, each in gather(CANVAS, CANVAS_ROSTER).items() if not each.problem}
    told, unknown = received(tmp_path / "grades", found)
    assert told["bob"] == (None, "marked late") and told["ada"] == (None, "not marked late")
    assert not unknown


def test_a_file_beside_the_notebook_is_found_under_its_first_name(gather):
    found = gather(CANVAS, CANVAS_ROSTER, beside=["p1_forecast.npz"])
    assert found["wim"].beside["p1_forecast.npz"].read_text() == "weights"
    assert not found["ada"].beside
    assert (
        gather(CANVAS, CANVAS_ROSTER)["wim"].path.parent.joinpath("weighswim_110_5010_p1_forecast-1.npz").read_text()
        == ""
    )


def test_an_anonymous_export_of_canvas_keeps_students_apart(gather):
    found = gather({"anon_aB3dE_5001_lab.ipynb": NOTEBOOK, "LATE_anon_xYz09_5002_lab.ipynb": NOTEBOOK})
    assert {who: each.named.late for who, each in found.items()} == {"anon_aB3dE": False, "anon_xYz09": True}


def test_a_group_of_canvas_hands_in_for_all_of_it(gather):
    """The name is the group's, the number one member's: instructure/canvas-lms, Assignment#representatives."""
    students = {
        who: Entry(who, name, number, team)
        for who, name, number, team in (
            ("ada", "Ada Lovelace", "101", "red"),
            ("bob", "Bob Byron", "102", "red"),
            ("cyd", "Cyd Cole", "103", "blue"),
            ("dot", "Dot Day", "104", ""),
        )
    }
    found = gather({"redgroup_101_5001_lab.ipynb": NOTEBOOK, "coledot_104_5002_lab.ipynb": NOTEBOOK}, students)
    assert {who: each.group for who, each in found.items()} == {"ada": ("bob",), "dot": ()}


def test_what_canvas_says_of_its_submissions_are_times(tmp_path):
    """Canvas LMS REST API, Submissions: user_id and submitted_at; a browser is given while(1); before it."""
    rows = [
        {"user_id": 101, "submitted_at": "2026-10-16T19:00:00Z", "late": False},
        {"user_id": 102, "submitted_at": "2026-10-17T06:30:00Z", "late": True},
        {"user_id": 111, "submitted_at": None, "late": False},
        {"user_id": 999, "submitted_at": "2026-10-17T06:30:00Z", "late": True},
    ]
    (tmp_path / "submissions.json").write_text("while(1);" + json.dumps(rows))
    assert times.read(tmp_path / "submissions.json", BERLIN, CANVAS_ROSTER) == {
        "ada": datetime(2026, 10, 16, 21, tzinfo=BERLIN),
        "bob": datetime(2026, 10, 17, 8, 30, tzinfo=BERLIN),
    }
    (tmp_path / "submissions.json").write_text('[{"user": 1}]')
    with pytest.raises(ValueError, match=r"submissions\.json is not what Canvas says"):
        times.read(tmp_path / "submissions.json", BERLIN, CANVAS_ROSTER)


def test_the_gradebook_of_canvas_is_a_roster(tmp_path):
    """instructure/canvas-lms, lib/gradebook_exporter.rb."""
    (tmp_path / "gradebook.csv").write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Homework 1 (77)\n    Points Possible,,,,,4\n"
        '"Lovelace, Ada",101,s1,ada@uni.edu,A,\n"Lee, Kim",103,,kim@uni.edu,A,\n'
    )
    assert roster.read(tmp_path / "gradebook.csv") == {
        "ada@uni.edu": Entry("ada@uni.edu", "Ada Lovelace", "101"),
        "kim@uni.edu": Entry("kim@uni.edu", "Kim Lee", "103"),
    }


def test_the_newest_counts_whatever_it_is_called_unless_it_is_called_as_another_assignment(gather):
    layout = {
        "adaada_101_5001_homework_1.ipynb": "old",
        "adaada_101_5002_second try.ipynb": NOTEBOOK,
        "adaada_101_5003_homework_2.ipynb": "another",
    }
    with zipfile.ZipFile(gather.folder / "both.zip", "w") as archive:
        for name, content in layout.items():
            archive.writestr(name, content)
    names = ("homework_1", "homework_2")
    [found], _ = collect(gather.folder / "both.zip", gather.folder / "both", names, "homework_1")
    assert found.filename == "second try.ipynb"
    [found], _ = collect(gather.folder / "both.zip", gather.folder / "both", names)
    assert found.filename == "homework_2.ipynb"


def test_names_like_those_of_canvas_say_nothing_elsewhere(tmp_path):
    """A file in a student's folder, and the folder that all of it lies in."""
    top = tmp_path / "course_2026_11_class"
    for who in ("ada", "bob"):
        (top / who).mkdir(parents=True)
        (top / who / f"homework_1_2026_11_{who}.ipynb").write_text(NOTEBOOK)
    found, _ = collect(top, tmp_path / "unpacked", ("homework_1",))
    assert [(each.student, each.filename, each.named) for each in found] == [
        ("ada", "homework_1_2026_11_ada.ipynb", None),
        ("bob", "homework_1_2026_11_bob.ipynb", None),
    ]
    told, unknown = received(tmp_path / "grades", {each.student: each for each in found})
    assert not unknown and {source for _, source in told.values()} == {"file"}


# ---------------------------------------------------------------------- Moodle

#: moodle/moodle, mod/assign/feedback/file/importziplib.php: is_valid_filename_for_import
MOODLE = {
    "Ada Lovelace_17_assignsubmission_file/lab.ipynb": NOTEBOOK,
    "Kim Lee_18_assignsubmission_file/lab.ipynb": NOTEBOOK,
    "Kim Lee_19_assignsubmission_file/lab.ipynb": NOTEBOOK,
    "Una Empty_20_assignsubmission_onlinetext/onlinetext.html": "<p>",
    "Red-Bob Byron_21_assignsubmission_file/lab (1).ipynb": NOTEBOOK,
    "Zoe Zucker_22_assignsubmission_file/lab.ipynb": NOTEBOOK,
    "Zoe Zucker_22_assignsubmission_file/other.ipynb": NOTEBOOK,
    "Pia Packed_23_assignsubmission_file/deep/lab.zip": zip_of("lab.ipynb"),
}
WORKSHEET = """\
Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",\
"Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 17","Ada Lovelace",ada@uni.edu,"Submitted for grading - ",,4.00,Yes,"Friday, 16 October 2026, 9:00 PM",-,
"Participant 18","Kim Lee",kim@uni.edu,"Submitted for grading - ",,4.00,Yes,"Friday, 16 October 2026, 9:01 PM",-,
"Participant 19","Kim Lee",lee@uni.edu,"Submitted for grading - ",,4.00,Yes,"Saturday, 17 October 2026, 9:01 AM",-,
"Participant 20","Una Empty",una@uni.edu,"Submitted for grading - ",,4.00,Yes,"Friday, 16 October 2026, 9:02 PM",-,
"Participant 21","Bob Byron",bob@uni.edu,"Submitted for grading - ",,4.00,Yes,"Friday, 16 October 2026, 9:03 PM",-,
"Participant 22","Zoe Zucker",zoe@uni.edu,"Submitted for grading - ",,4.00,Yes,"Friday, 16 October 2026, 9:03 PM",-,
"Participant 23","Pia Packed",pia@uni.edu,"Submitted for grading - ",,4.00,Yes,"Friday, 16 October 2026, 9:04 PM",-,
"Participant 24","Nil Nothing",nil@uni.edu,"No submission - ",,4.00,Yes,-,-,
"""


def test_two_of_one_name_are_told_apart_by_the_worksheet_of_moodle(gather, tmp_path):
    (tmp_path / "worksheet.csv").write_text(WORKSHEET)
    students = roster.read(tmp_path / "worksheet.csv")
    assert students["lee@uni.edu"] == Entry("lee@uni.edu", "Kim Lee", "lee@uni.edu")
    assert "can be any of these" in gather(MOODLE, students)["Kim Lee_18"].problem
    known = times.identities(tmp_path / "worksheet.csv", students)
    found = gather(MOODLE, students, known)
    assert sorted(found) == [f"{who}@uni.edu" for who in ("ada", "bob", "kim", "lee", "pia", "una", "zoe")]
    assert found["lee@uni.edu"].path.parent.name == "Kim Lee_19_assignsubmission_file"
    listed = times.read(tmp_path / "worksheet.csv", BERLIN, students)
    told, _ = received(tmp_path / "grades", found, listed=listed)
    assert told["lee@uni.edu"] == (datetime(2026, 10, 17, 9, 1, tzinfo=BERLIN), "list")


def test_two_files_of_which_moodle_does_not_say_which_is_newer_are_rejected_with_their_names(gather):
    found = gather(MOODLE)
    assert found["Zoe Zucker_22"].problem == "2 notebooks were handed in: lab.ipynb, other.ipynb."
    again = {
        "Ada L_17_assignsubmission_file/lab.ipynb": "old",
        "Ada L_17_assignsubmission_file/lab (1).ipynb": NOTEBOOK,
    }
    assert gather(again)["Ada L_17"].filename == "lab (1).ipynb"


# ---------------------------------------------------------------------- Blackboard, Brightspace, nbgrader's exchange


def test_blackboard_says_in_the_name_who_and_when(gather, tmp_path):
    """kwurst/bb-file-cleanup, README.md: assignmentname_username_attempt_datetime_filename.ext, and one .txt each."""
    found = gather(
        {
            "Homework 1_ada_attempt_2026-10-16-21-00-00_lab.ipynb": "old",
            "Homework 1_ada_attempt_2026-10-16-21-00-00.txt": "Name: Ada",
            "Homework 1_ada_attempt_2026-10-17-08-30-00_lab.ipynb": NOTEBOOK,
            "Homework 1_ada_attempt_2026-10-17-08-30-00.txt": "Name: Ada",
            "Homework 1_una_attempt_2026-10-16-22-00-00.txt": "Name: Una",
        }
    )
    assert list(found) == ["ada", "una"] and found["ada"].path.read_text() == NOTEBOOK
    assert found["una"].problem.startswith("No notebook was handed in, only Homework 1_una_attempt")
    told, unknown = received(tmp_path / "grades", {"ada": found["ada"]})
    assert (told, unknown) == ({"ada": (datetime(2026, 10, 17, 8, 30, tzinfo=BERLIN), "name")}, [])


def test_brightspace_says_in_the_folder_who_and_when(gather, tmp_path):
    found = gather(
        {
            "397063-2557369 - Mary-Ann Smith - Oct 16, 2026 926 PM/lab.ipynb": "old",
            "397063-2557369 - Mary-Ann Smith - Oct 17, 2026 1205 AM/lab.ipynb": NOTEBOOK,
            "397064-2557369 - Ada Lovelace - Oct 16, 2026 1158 PM/lab.ipynb": NOTEBOOK,
            "index.html": "<html>",
        }
    )
    assert list(found) == ["Ada Lovelace_397064", "Mary-Ann Smith_397063"] and gather.left_out
    assert found["Mary-Ann Smith_397063"].path.read_text() == NOTEBOOK
    told, _ = received(tmp_path / "grades", found)
    assert told["Mary-Ann Smith_397063"] == (datetime(2026, 10, 17, 0, 5, tzinfo=BERLIN), "name")
    assert told["Ada Lovelace_397064"] == (datetime(2026, 10, 16, 23, 58, tzinfo=BERLIN), "name")


def test_the_inbound_folder_of_nbgraders_exchange_is_read_as_it_is(tmp_path):
    """nbgrader 0.9.6, nbgrader/exchange/default/submit.py and collect.py."""
    for name, text in (
        ("ada+homework_1+2026-10-16 19:00:00.000000 UTC+cmFuZG9t", "old"),
        ("ada+homework_1+2026-10-17 06:30:00.000000 UTC+ZG9tcmFu", NOTEBOOK),
        ("bob+homework_1_bob+2026-10-16 19:00:00.000000 UTC+cmFuZG9t", NOTEBOOK),  # a variant of his own
        ("bob+homework_2+2026-10-16 19:00:00.000000 UTC", NOTEBOOK),
    ):
        (tmp_path / "inbound" / name).mkdir(parents=True)
        (tmp_path / "inbound" / name / "homework_1.ipynb").write_text(text)
        (tmp_path / "inbound" / name / "timestamp.txt").write_text("")
    found, left_out = collect(tmp_path / "inbound", tmp_path / "unpacked", ("homework_1", "homework_2"), "homework_1")
    assert [(each.student, each.path.read_text()) for each in found] == [("ada", NOTEBOOK), ("bob", NOTEBOOK)]
    assert left_out == ["bob+homework_2+2026-10-16 19:00:00.000000 UTC: another assignment."]
    told, _ = received(tmp_path / "grades", {each.student: each for each in found})
    assert told["ada"] == (datetime(2026, 10, 17, 8, 30, tzinfo=BERLIN), "name")


@pytest.mark.parametrize(
    "name", ["lab.ipynb", "a_b_c.ipynb", "ada_2026-10-16_lab.ipynb", "1-2 - x", "ada+b", "_1_2_", "x_attempt_y.ipynb"]
)
def test_what_no_lms_has_named_says_nothing(name):
    assert lms.named(name) is None
