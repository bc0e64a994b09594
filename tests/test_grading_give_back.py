"""What goes back to students: each file reaches its student by the rules of the LMS that takes it.

The rules of Moodle and Canvas are written down here once more, from their sources; nbgrader is asked itself.
"""

import os
import re
import subprocess
import sys
import zipfile

import pytest
from grading_store import keep
from test_grading_cli import run, succeeded
from test_grading_exports import CANVAS, CANVAS_ROSTER, MOODLE, WORKSHEET, gather  # noqa: F401
from test_grading_report import verdict

from course_rnn.grading.intake import lms, roster, times
from course_rnn.grading.intake.submissions import collect
from course_rnn.grading.out import give_back
from course_rnn.grading.out.report import write_report


def moodle_takes(name, participants):
    """Whose a file of a zip is in Moodle, and under which name it is kept.

    moodle/moodle, mod/assign/feedback/file/importziplib.php, is_valid_filename_for_import.
    """
    parts = name.split("/")
    if parts[-1][0] in ".~":
        return None
    while parts:
        info = parts.pop(0).split("_", 4)
        if len(info) < 4 or not info[1].isdigit() or int(info[1]) not in participants:
            continue
        if (info[2], info[3]) not in (("assignsubmission", "file"), ("assignfeedback", "file")):
            continue
        return int(info[1]), "/".join([*info[4:], *parts]).lstrip("/")
    return None


def canvas_takes(name, attachments):
    """Whose a file of a zip is in Canvas: instructure/canvas-lms, infer_comment_context_from_filename."""
    parts = name.rpartition("/")[2].split("_")
    numbers = [part for part in parts if re.fullmatch(r"\d+", part)][:2]
    if len(numbers) < 2 or parts[-1].startswith("link") or name.startswith("._"):
        return None
    return int(numbers[0]) if int(numbers[1]) in attachments.get(int(numbers[0]), ()) else None


@pytest.fixture
def graded(tmp_path, gather):  # noqa: F811
    """Grades of a class that an LMS exported, with their report."""

    def graded(layout, students, known=None):
        found = gather(layout, students, known)
        verdicts = {who: verdict(who, 2, 3) for who in found}
        keep(tmp_path / "grades", verdicts, paths={who: each.path for who, each in found.items()})
        write_report(tmp_path / "grades")
        return tmp_path / "grades"

    return graded


def names_in(path):
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_feedback_goes_back_to_everybody_of_whom_canvas_has_a_file(graded):
    folder = graded(CANVAS, CANVAS_ROSTER)
    sent = give_back.feedback(folder)
    attachments = {101: [5001], 102: [5002], 103: [5003], 104: [5004], 105: [5005, 5006], 108: [5007], 109: [5008]}
    attachments[110] = [5009, 5010]
    numbers = {int(entry.lms): who for who, entry in CANVAS_ROSTER.items()}
    reached = {numbers[canvas_takes(name, attachments)]: name for name in names_in(sent.path)}
    assert sorted(reached) == sent.students == sorted(CANVAS_ROSTER.keys() - {"una", "leo", "nil"})
    assert reached["bob"] == "byronbob_LATE_102_5002_feedback_02_simple_rnn.html"
    assert [line.partition(":")[0] for line in sent.left_out] == ["leo", "una"]
    with zipfile.ZipFile(sent.path) as archive:
        assert archive.read(reached["bob"]) == (folder / "feedback" / "bob.html").read_bytes()


def test_feedback_goes_back_to_everybody_in_moodle(graded, tmp_path):
    (tmp_path / "worksheet.csv").write_text(WORKSHEET)
    students = roster.read(tmp_path / "worksheet.csv")
    folder = graded(MOODLE, students, times.identities(tmp_path / "worksheet.csv", students))
    participants = range(17, 25)
    for worksheet in (None, tmp_path / "worksheet.csv"):
        sent = give_back.feedback(folder, worksheet=worksheet, students=students)
        taken = [moodle_takes(name, participants) for name in names_in(sent.path)]
        assert taken == [(number, "feedback_02_simple_rnn.html") for number in (17, 21, 18, 19, 23, 20, 22)]
        assert len(sent.students) == 7 and not sent.left_out


def test_notebooks_reach_everybody_of_moodles_worksheet_before_anything_is_handed_in(tmp_path):
    (tmp_path / "worksheet.csv").write_text(WORKSHEET.replace("Ada Lovelace", "Ada_de/la Love"))
    students = roster.read(tmp_path / "worksheet.csv")
    (tmp_path / "homework_1").mkdir()
    for who in students:
        (tmp_path / "homework_1" / f"homework_1_{who}.ipynb").write_text(who)
    said = succeeded(
        run(
            "handout",
            tmp_path / "homework_1",
            "--roster",
            tmp_path / "worksheet.csv",
            "--moodle",
            tmp_path / "worksheet.csv",
        )
    )
    assert said == f"8 notebooks are in {tmp_path / 'homework_1.zip'}.\n"
    with zipfile.ZipFile(tmp_path / "homework_1.zip") as archive:
        got = {moodle_takes(name, range(17, 25)): archive.read(name).decode() for name in archive.namelist()}
    assert got[17, "homework_1.ipynb"] == "ada@uni.edu" and got[24, "homework_1.ipynb"] == "nil@uni.edu"
    assert len(got) == 8


def test_notebooks_reach_in_canvas_whoever_has_handed_in_some_file(tmp_path):
    (tmp_path / "homework_1").mkdir()
    for who in CANVAS_ROSTER:
        (tmp_path / "homework_1" / f"homework_1_{who}.ipynb").write_text(who)
    with zipfile.ZipFile(tmp_path / "hello.zip", "w") as archive:
        for name, content in CANVAS.items():
            archive.writestr(name, content)
    sent = give_back.handouts(
        tmp_path / "homework_1", CANVAS_ROSTER, tmp_path / "out.zip", export=tmp_path / "hello.zip"
    )
    assert "lovelaceada_101_5001_homework_1.ipynb" in names_in(tmp_path / "out.zip")
    assert [line.partition(":")[0] for line in sent.left_out] == ["leo", "nil", "una"]


def test_an_anonymous_export_of_canvas_takes_nothing_back(tmp_path):
    """Of its names the first number is a file's, which Canvas would take for a student."""
    name = "anon_aB3dE_5001_lab.ipynb"
    assert canvas_takes(name, {101: [5001]}) is None
    assert give_back.address(lms.named(name)) == ""


def test_what_cannot_go_back_is_said(tmp_path):
    keep(tmp_path, {"ada": verdict("ada", 2, 3)})
    with pytest.raises(ValueError, match="No LMS has named"):
        give_back.feedback(tmp_path)
    with pytest.raises(ValueError, match="worksheet of Moodle, or an export"):
        give_back.handouts(tmp_path, {}, tmp_path / "out.zip")
    with pytest.raises(ValueError, match="There are no notebooks"):
        give_back.handouts(tmp_path, CANVAS_ROSTER, tmp_path / "out.zip", worksheet="worksheet.csv")
    (tmp_path / "not.zip").write_text("")
    with pytest.raises(ValueError, match="no zip that Canvas has exported"):
        give_back.of_export(tmp_path / "not.zip", CANVAS_ROSTER)


# ---------------------------------------------------------------------- nbgrader's exchange


def nbgrader(home, *arguments):
    """A command that a student gives."""
    home.mkdir(exist_ok=True)
    environment = os.environ | {"HOME": str(home), "JUPYTER_CONFIG_DIR": str(home), "JUPYTER_DATA_DIR": str(home)}
    command = [sys.executable, "-m", "nbgrader", *map(str, arguments)]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_variant_goes_through_nbgraders_exchange_and_its_feedback_comes_back(tmp_path, monkeypatch):
    """A student fetches, hands in and fetches feedback with nbgrader's own commands."""
    (tmp_path / "homework_1").mkdir()
    (tmp_path / "homework_1" / "homework_1_ada.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    (tmp_path / "roster.csv").write_text("student\nada\n")
    course = tmp_path / "exchange" / "rnn"
    arguments = "--roster", tmp_path / "roster.csv", "--exchange", course
    assert succeeded(run("handout", tmp_path / "homework_1", *arguments)).startswith("1 notebooks are in")
    where = f"--Exchange.root={tmp_path / 'exchange'}", "--course=rnn", "--CourseDirectory.student_id=ada"
    cache = f"--Exchange.cache={tmp_path / 'cache'}"
    home = tmp_path / "home"
    nbgrader(home, "fetch_assignment", "homework_1_ada", *where, cache)
    assert (home / "homework_1_ada" / "homework_1_ada.ipynb").is_file()
    nbgrader(home, "submit", "homework_1_ada", *where, cache)
    [handed_in], _ = collect(course / "inbound", tmp_path / "unpacked", ("homework_1",), "homework_1")
    assert handed_in.student == "ada" and handed_in.named.when
    keep(tmp_path / "grades", {"ada": verdict("ada", 2, 3)}, paths={"ada": handed_in.path})
    write_report(tmp_path / "grades")
    said = succeeded(run("feedback", tmp_path / "grades", "--exchange", course))
    assert said == f"1 pages of feedback are in {course / 'feedback'}.\n"
    nbgrader(home, "fetch_feedback", "homework_1_ada", *where, cache)
    [page] = home.glob("homework_1_ada/feedback/*/homework_1_ada.html")
    assert page.read_bytes() == (tmp_path / "grades" / "feedback" / "ada.html").read_bytes()
    handed_in.path.with_name("submission_secret.txt").unlink()
    handed_in.path.with_name("submission_secret.txt").symlink_to("/etc/passwd")
    assert give_back.feedback_to_exchange(tmp_path / "grades", course).left_out
