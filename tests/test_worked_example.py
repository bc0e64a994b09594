"""The worked example of book/teaching.md from its roster to the grades that an LMS imports, as it is written there."""

import csv
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from shutil import copy

import nbformat
import pytest
from grading_course import SEED
from grading_store import kept
from test_grading_cli import needs_sandbox

from course_rnn.grading import course
from course_rnn.grading.intake import roster
from course_rnn.grading.out.handouts import variant_solution

pytestmark = pytest.mark.timeout(600)  # the first test waits until the whole example has run

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## A class from roster to grades")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```bash\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
TIMES = re.search(r"^```text\n(student,submitted.*?)^```", SECTION, re.MULTILINE | re.DOTALL)[1]
STUDENTS = roster.read(ROOT / "examples" / "roster.csv")


pytestmark = pytest.mark.timeout(300)  # the whole example is gone through for the first of them


def bash(room, block):
    """Run a block of the page as an instructor does; what it said."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    options = {"cwd": room, "env": os.environ | {"PATH": path}, "capture_output": True, "text": True}
    done = subprocess.run(["bash", "-e", "-c", block], **options)
    assert done.returncode == 0, (block, done.stdout, done.stderr)
    return done.stdout


def answered(room, assignment, student, plan):
    """What a student hands in: the notebook that they were given, with the right answers in it."""
    notebook = nbformat.read(room / "handouts" / assignment / f"{assignment}_{student}.ipynb", as_version=4)
    right = variant_solution(plan, plan.assignments[assignment], student)
    answers = {cell.id: cell.source for cell in right.cells}
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers[cell.metadata.nbgrader.grade_id]
    return notebook


def wrong(notebook, name):
    """The notebook with nothing in the place of one answer."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == name:
            cell.source = re.sub(r"### BEGIN SOLUTION.*", "return None", cell.source, flags=re.DOTALL)
    return notebook


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """The instructor's folder after all of it, with what every block said under "said"."""
    room = tmp_path_factory.mktemp("course")
    for name in ("course.toml", "roster.csv"):
        copy(ROOT / "examples" / name, room)
    said = [bash(room, BLOCKS[0])]
    (room / "seed.txt").write_text(SEED)  # in the place of the one that was drawn
    bash(room, BLOCKS[0].partition("\n")[2])
    plan = course.read(room / "course.toml")
    for number, assignment in enumerate(plan.assignments, start=1):
        with zipfile.ZipFile(room / f"{assignment}.zip", "w") as archive:
            for student in ("ada", "bob", "dorothea", "emmy"):  # chen hands in nothing
                notebook = answered(room, assignment, student, plan)
                if (student, number) == ("dorothea", 1):
                    notebook = wrong(notebook, "rnn_states")
                if (student, number) == ("emmy", 2):  # it is bob's
                    notebook = answered(room, assignment, "bob", plan)
                entry = STUDENTS[student]
                letters = "".join(filter(str.isalpha, "".join(reversed(entry.name.rsplit(" ", 1))))).lower()
                name = f"{letters}_{entry.lms}_900{entry.lms}_{assignment}.ipynb"
                if number == 3:
                    name = f"{entry.name}_{70 + int(entry.lms)}_assignsubmission_file/{assignment}.ipynb"
                archive.writestr(name, nbformat.writes(notebook))
    (room / "times_1.csv").write_text(TIMES + "dorothea,2026-10-16 20:00\nemmy,2026-10-16 20:00\n")
    times = [f"{student},2026-11-06 12:00\n" for student in ("ada", "bob", "dorothea", "emmy")]
    (room / "times_2.csv").write_text("student,submitted\n" + "".join(times))
    write_gradebook(room / "gradebook.csv")
    write_worksheet(room / "worksheet.csv")
    return room, said + [bash(room, block) for block in BLOCKS[1:]]


def write_gradebook(path):
    rows = [["Student", "ID", "SIS Login ID", "Section", "Homework 1 (11)", "Homework 2 (12)", "Final Score"]]
    rows += [["    Points Possible", "", "", "", "4.00", "5.00", "(read only)"]]
    rows += [
        [", ".join(reversed(each.name.rsplit(" ", 1))), each.lms, each.student, "A", "", "", ""]
        for each in STUDENTS.values()
    ]
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)


def write_worksheet(path):
    header = "Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade"
    header += "Grade can be changed", "Last modified (submission)", "Last modified (grade)", "Feedback comments"
    rows = [header]
    for each in STUDENTS.values():
        when = "-" if each.student == "chen" else "Friday, 27 November 2026, 11:58 PM"
        when = "Saturday, 28 November 2026, 7:00 AM" if each.student == "ada" else when
        address = f"{each.student}@uni.edu"
        rows.append([f"Participant {70 + int(each.lms)}", each.name, address, "", "", "4.00", "Yes", when, "-", ""])
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)


def column(path, name, value):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return {row[name]: row[value] for row in csv.DictReader(file)}


def test_the_page_has_the_blocks_that_are_run_here():
    assert len(BLOCKS) == 5 and all("course-rnn" in block for block in BLOCKS)


@needs_sandbox
def test_every_student_gets_three_notebooks_of_their_own(room):
    folder, said = room
    assert "15 notebooks in handouts" in said[0] and len(list(folder.glob("handouts/*/*.ipynb"))) == 15


@needs_sandbox
def test_a_late_submission_and_a_disputed_grade_are_in_the_file_for_canvas(room):
    folder, said = room
    found = column(folder / "grades_1" / "canvas.csv", "SIS Login ID", "Homework 1 (11)")
    assert found == {"": "4.00", "ada": "4", "bob": "3.2", "chen": "", "dorothea": "4", "emmy": "4"}
    assert "Changed: dorothea, score: 2 → 4" in said[2] and "Changed: dorothea, rnn_states: 0 → 2" in said[2]
    assert "bob" not in said[2], "nothing changed"
    page = (folder / "grades_1" / "feedback" / "dorothea.html").read_text()
    assert "The task could be read in two ways" in page and "M. Curie" in page
    assert "20 % are taken off" in (folder / "grades_1" / "feedback" / "bob.html").read_text()


@needs_sandbox
def test_a_classmates_answers_are_worth_nothing_where_the_conventions_differ(room):
    folder, _ = room
    plan = course.read(folder / "course.toml")
    mine, theirs = (plan.assignments["homework_2"].conventions(plan.seed, who) for who in ("emmy", "bob"))
    expected = sum(points for name, (token, points) in mine.items() if theirs.get(name, ("", 0))[0] == token)
    found = column(folder / "grades_2" / "canvas.csv", "SIS Login ID", "Homework 2 (12)")
    assert float(found["emmy"]) == expected < 5 and (found["ada"], found["bob"]) == ("5", "5")


@needs_sandbox
def test_moodle_gets_its_worksheet_back_and_told_who_was_late(room):
    folder, said = room
    found = column(folder / "grades_3" / "moodle.csv", "Full name", "Grade")
    assert found.pop("Chen Jing") == "" and found.pop("Ada Lovelace") == "3.6" and set(found.values()) == {"4"}
    comments = column(folder / "grades_3" / "moodle.csv", "Full name", "Feedback comments")
    assert "10 % are taken off" in comments["Ada Lovelace"] and "4 grades are in grades_3/moodle.csv" in said[4]


@needs_sandbox
def test_the_verdicts_stay_as_they_were_measured(room):
    folder, _ = room
    found = kept(folder / "grades_1")
    assert {who: each.score for who, each in found.items()} == {"ada": 4, "bob": 4, "dorothea": 2, "emmy": 4}
