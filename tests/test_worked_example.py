"""The worked example of book/teaching.md as it stands there: from a roster of sixty to grades in Canvas and in Moodle.

Every command of the page is run, in its order. What an instructor downloads, the LMS of this file writes, by the rules
that `course_rnn.grading.intake.lms` and `course_rnn.grading.out.lms` quote.
"""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from shutil import copy

import nbformat
import pytest
from grading_course import SEED
from grading_store import kept
from test_grading_cli import needs_sandbox
from test_grading_give_back import canvas_takes, moodle_takes

from course_rnn.grading import course
from course_rnn.grading.out.handouts import variant_solution
from course_rnn.grading.store import Store

pytestmark = [needs_sandbox, pytest.mark.timeout(900)]  # the first test waits until the whole example has run

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## A class from roster to grades")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```bash\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
WHO = ["ada", "bob", "dorothea", "emmy", "kim1", "kim2", "zoe", "pia", "una", "eve", "nil"]
CLASS = [*WHO, *(f"s{number:02}" for number in range(len(WHO) + 1, 61))]
NAMES = {who: f"{who.capitalize()} Surname" for who in CLASS} | {"kim1": "Kim Lee", "kim2": "Kim Lee"}
NUMBERS = {who: 100 + place for place, who in enumerate(CLASS)}  # in Canvas; in Moodle another one for each assignment
NOTHING = {"nil"}


def bash(room, block):
    """Run a block of the page as an instructor does; what it said."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    options = {"cwd": room, "env": os.environ | {"PATH": path}, "capture_output": True, "text": True}
    done = subprocess.run(["bash", "-e", "-c", block], **options)
    assert done.returncode == 0, (block, done.stdout, done.stderr)
    return done.stdout


def sit_down(room, block):
    """Run the command that opens the desk, and end it as a person does; what it said."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    command = [*block.split(), "--no-browser"]
    options = {"cwd": room, "env": os.environ | {"PATH": path, "PYTHONUNBUFFERED": "1"}, "text": True}
    with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as desk:
        said = desk.stdout.readline()
        desk.send_signal(signal.SIGINT)
        return said + desk.communicate(timeout=60)[0]


def answered(room, assignment, student, plan, whose=None):
    """What a student hands in: the notebook that they were given, with the right answers in it, or somebody else's."""
    notebook = nbformat.read(room / "handouts" / assignment / f"{assignment}_{student}.ipynb", as_version=4)
    right = variant_solution(plan, plan.assignments[assignment], whose or student)
    answers = {cell.id: cell.source for cell in right.cells}
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
    return notebook


def wrong(notebook, name):
    """The notebook with nothing in the place of one answer."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == name:
            cell.source = re.sub(r"### BEGIN SOLUTION.*", "return None", cell.source, flags=re.DOTALL)
    return notebook


# ---------------------------------------------------------------------- what stands in for Canvas and Moodle


def write_gradebook(path):
    """instructure/canvas-lms, lib/gradebook_exporter.rb."""
    rows = [["Student", "ID", "SIS Login ID", "Section", "Homework 1 (11)", "Homework 2 (12)", "Final Score"]]
    rows += [["    Points Possible", "", "", "", "4.00", "5.00", "(read only)"]]
    rows += [[", ".join(reversed(NAMES[who].split())), NUMBERS[who], who, "A", "", "", ""] for who in CLASS]
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)


def in_canvas(who, late=False):
    """How Canvas begins the name of a file."""
    name = "".join(filter(str.isalnum, ", ".join(reversed(NAMES[who].split())).lower()))
    return f"{name}_{'LATE_' if late else ''}{NUMBERS[who]}"


def write_export(path, works):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in works.items():
            archive.writestr(name, content)


def hello(room):
    """Everybody but one has handed in some file."""
    write_export(room / "hello.zip", {f"{in_canvas(who)}_{5000 + NUMBERS[who]}_hi.txt": "hi" for who in CLASS[:-1]})


def homework_1(room):
    """What came into Canvas, and when."""
    plan, works, times = course.read(room / "course.toml"), {}, []
    for who in CLASS:
        late = who == "bob"
        begin, number = in_canvas(who, late), 7000 + NUMBERS[who]
        whose = {"s20": "s19"}.get(who)  # a copy of somebody else's answers
        notebook = answered(room, "homework_1", who, plan, whose)
        content = nbformat.writes(wrong(notebook, "rnn_states") if who in ("dorothea", "zoe") else notebook)
        if who == "zoe":  # and a better one after it
            works[f"{begin}_{number + 1000}_second.ipynb"] = nbformat.writes(answered(room, "homework_1", who, plan))
        if who == "una":
            works[f"{begin}_text.html"] = "<p>I could not</p>"
        elif who == "eve":
            works[f"{begin}_{number}_essay.pdf"] = "%PDF"
        elif who == "pia":
            with zipfile.ZipFile(room / "pia.zip", "w") as archive:
                archive.writestr("work/homework_1.ipynb", content)
            works[f"{begin}_{number}_work.zip"] = (room / "pia.zip").read_bytes()
        elif who not in NOTHING:
            works[f"{begin}_{number}_homework_1_{who}-1.ipynb"] = content
        when = None if who in NOTHING else "2026-10-17T06:30:00Z" if late else "2026-10-16T19:00:00Z"
        times.append({"user_id": NUMBERS[who], "submitted_at": when, "late": late})
    write_export(room / "homework_1.zip", works)
    (room / "submissions.json").write_text("while(1);" + json.dumps(times))


def participants():
    """The numbers of one assignment of Moodle."""
    return {who: 900 + place for place, who in enumerate(reversed(CLASS))}


def write_worksheet(path):
    """moodle/moodle, mod/assign/feedback/offline/locallib.php, with the user names shown."""
    header = "Identifier", "Full name", "Username", "Email address", "Status", "Grade", "Maximum Grade"
    header += "Grade can be changed", "Last modified (submission)", "Last modified (grade)", "Feedback comments"
    rows = [header]
    for who, number in participants().items():
        when = "Saturday, 28 November 2026, 7:00 AM" if who == "ada" else "Friday, 27 November 2026, 11:58 PM"
        when = "-" if who in NOTHING else when
        rows.append([f"Participant {number}", NAMES[who], who, f"{who}@uni.edu", "", "", "4.00", "Yes", when, "-", ""])
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)


def homework_3(room):
    """What came into Moodle."""
    plan, numbers = course.read(room / "course.toml"), participants()
    works = {
        f"{NAMES[who]}_{numbers[who]}_assignsubmission_file/homework_3.ipynb": nbformat.writes(
            answered(room, "homework_3", who, plan)
        )
        for who in CLASS
        if who not in NOTHING
    }
    write_export(room / "homework_3.zip", works)


DOWNLOADS = {
    "gradebook.csv": lambda room: write_gradebook(room / "gradebook.csv"),
    "hello.zip": hello,
    "homework_1.zip": homework_1,
    "worksheet.csv": lambda room: write_worksheet(room / "worksheet.csv"),
    "homework_3.zip": homework_3,
}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """The instructor's folder after all of it, and what every block said."""
    room = tmp_path_factory.mktemp("course")
    copy(ROOT / "examples" / "course.toml", room)
    said = []
    for block in BLOCKS:
        for name, download in DOWNLOADS.items():
            if name in block.replace(f"handouts/{name}", "") and not (room / name).exists():
                download(room)
        said.append(sit_down(room, block) if block.startswith("course-rnn desk") else bash(room, block))
        if not (room / "seed.was").exists():  # the drawn seed, once; then the one with which all is known
            (room / "seed.txt").rename(room / "seed.was")
            (room / "seed.txt").write_text(SEED)
            bash(room, block.partition("\n")[2])
    return room, said


def column(path, name, value):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return {row[name]: row[value] for row in csv.DictReader(file)}


def names_in(path):
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_the_page_has_the_blocks_that_are_run_here():
    assert len(BLOCKS) == 10 and all("course-rnn" in block for block in BLOCKS)


def test_everybody_has_three_notebooks_and_canvas_takes_them(room):
    folder, said = room
    assert "180 notebooks in handouts" in said[0] and len(list(folder.glob("handouts/*/*.ipynb"))) == 180
    assert said[1].startswith("Left out: s60: ") and "59 notebooks are in handouts/homework_1.zip" in said[1]
    attached = {NUMBERS[who]: [5000 + NUMBERS[who]] for who in CLASS[:-1]}
    assert {canvas_takes(name, attached) for name in names_in(folder / "handouts" / "homework_1.zip")} == set(attached)


def test_all_sixty_are_accounted_for(room):
    folder, said = room
    assert "60 submissions." in said[2] and "Left out" not in said[2]
    assert "una: rejected. No notebook was handed in, only" in said[2] and "nil: missing." in said[2]
    found = kept(folder / "grades_1")
    assert sorted(found) == sorted(CLASS)
    assert found["zoe"].score == 4 and "the newest counts: second.ipynb" in " ".join(found["zoe"].messages)
    assert found["pia"].score == found["kim1"].score == found["kim2"].score == 4
    assert [each.student for each in found.values() if each.status != "graded"] == ["eve", "nil", "una"]


def test_the_desk_opens_on_this_machine_and_closes(room):
    [said] = [text for text in room[1] if text.startswith("The desk: ")]
    assert re.fullmatch(r"The desk: http://127\.0\.0\.1:\d+/\?token=[\w-]{32,}\nThe desk is closed\.\n", said)


def test_late_disputed_missing_and_copied_grades_are_in_the_file_for_canvas(room):
    folder, said = room
    plan = course.read(folder / "course.toml")
    over = datetime.now(UTC) > plan.assignments["homework_1"].due  # else nobody is missing yet
    found = column(folder / "grades_1" / "canvas.csv", "SIS Login ID", "Homework 1 (11)")
    mine, theirs = (plan.assignments["homework_1"].conventions(plan.seed, who) for who in ("s20", "s19"))
    copied = sum(points for name, (token, points) in mine.items() if theirs[name][0] == token)
    expected = dict.fromkeys(CLASS, "4") | {"": "4.00", "bob": "3.2", "una": "", "eve": "3", "nil": "0" if over else ""}
    assert found == expected | {"s20": str(copied)} and copied < 4
    assert "Changed: dorothea, score: 2 → 4" in said[4] and "Changed: eve, score: none → 3" in said[4]
    page = (folder / "grades_1" / "feedback" / "dorothea.html").read_text()
    assert "The task could be read in two ways" in page and "M. Curie" in page


def test_feedback_reaches_in_canvas_everybody_with_a_file(room):
    folder, said = room
    assert "Left out: nil" in said[5] and "Left out: una" in said[5] and "58 pages of feedback" in said[5]
    attached = {NUMBERS[who]: [7000 + NUMBERS[who], 8000 + NUMBERS[who]] for who in CLASS}
    reached = {canvas_takes(name, attached) for name in names_in(folder / "grades_1" / "feedback.zip")}
    assert reached == {NUMBERS[who] for who in CLASS if who not in ("nil", "una")}


def test_an_excuse_and_other_settings_keep_what_was_decided(room):
    folder, said = room
    found = kept(folder / "grades_1")
    assert "cell_seconds 30" in " ".join(found["bob"].messages) and "cell_seconds" not in str(found["ada"].messages)
    with Store(folder / "grades_1") as store:
        assert store.settings()["limits"]["cases"] == 12 and not store.stale()
        assert [change["student"] for change in store.changes()] == ["dorothea", "dorothea", "eve"]
    assert column(folder / "grades_1" / "grades.csv", "student", "score")["dorothea"] == "4"
    assert "Changed" not in said[7], "the same notebook gets the same mark with any cases"


def test_moodle_takes_the_handouts_and_the_grades_and_the_feedback(room):
    folder, said = room
    numbers = set(participants().values())
    handouts = [moodle_takes(name, numbers) for name in names_in(folder / "handouts" / "homework_3.zip")]
    assert {number for number, name in handouts if name == "homework_3.ipynb"} == numbers
    found = column(folder / "grades_3" / "moodle.csv", "Username", "Grade")
    assert found == dict.fromkeys(CLASS, "4") | {"ada": "3.6", "nil": ""}
    comments = column(folder / "grades_3" / "moodle.csv", "Username", "Feedback comments")
    assert "10 % are taken off" in comments["ada"] and "59 grades are in grades_3/moodle.csv" in said[9]
    feedback = [moodle_takes(name, numbers) for name in names_in(folder / "grades_3" / "feedback.zip")]
    assert {number for number, _ in feedback} == numbers


def test_the_verdicts_stay_as_they_were_measured(room):
    found = kept(room[0] / "grades_1")
    assert (found["bob"].score, found["dorothea"].score, found["eve"].score) == (4, 2, None)
