"""A course from its plan to its marks: read with clear errors, handed out to each student, graded by who handed in."""

import csv
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import nbformat
import pytest
from grading_course import EXAMPLES, SEED, example
from grading_store import kept
from nbgrader import nbgraderformat
from test_grading_cli import needs_sandbox, run, succeeded

from course_rnn import variants
from course_rnn.grading import batch, course
from course_rnn.grading.intake import roster, times
from course_rnn.grading.intake.submissions import Submission, collect
from course_rnn.grading.limits import DEFAULTS
from course_rnn.grading.marks.final import settled
from course_rnn.grading.out.handouts import variant, variant_solution
from course_rnn.grading.store import Store, Verdict

COURSE, ROSTER = example(), EXAMPLES / "roster.csv"
BERLIN = ZoneInfo("Europe/Berlin")
SHORT = '"0123456789abcdef"'
PLAN = """\
title = "A course"
zone = "Europe/Berlin"
seed = "0123456789abcdef"

[[assignments]]
name = "hw"
title = "Homework"
due = 2026-10-23T23:59:00
late = { percent_per_day = 20, days = 3 }
attempts = "best"

[[assignments.questions]]
families = ["rnn_states", "gru_update"]
points = 2

[assignments.extensions]
ada = 2
"""


@pytest.fixture
def plan(tmp_path):
    """Write a course.toml with some parts replaced, and give its path."""

    def plan(*changes):
        text = PLAN
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path = tmp_path / "course.toml"
        path.write_text(text)
        return path

    return plan


# ---------------------------------------------------------------------- the plan


def test_the_example_can_be_read():
    found = course.read(COURSE)
    found.check_students(roster.read(ROSTER))
    first, second, third = found.assignments.values()
    assert first.due == datetime(2026, 10, 16, 23, 59, tzinfo=BERLIN)
    assert (first.attempts, second.attempts) == ("best", "last")
    assert (second.late, third.late) == (course.Late(20, 3), course.Late(10, 5))
    for student in roster.read(ROSTER):
        points = [
            sum(points for _, points in each.conventions(found.seed, student).values())
            for each in (first, second, third)
        ]
        assert points == [4, 5, 4]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('seed = "0123456789abcdef"', 'seed = "0123', "course.toml: Illegal character '\\n' (at line 3"),
        ('title = "A course"\n', "", "course.toml: course: it lacks title."),
        ('title = "A course"', "title = 3", "title: expected a text, got a whole number."),
        ('zone = "Europe/Berlin"', 'zone = "Berlin"', "there is no time zone 'Berlin' on this machine."),
        ('seed = "0123456789abcdef"', 'seed = ""', "the seed is empty"),
        ('seed = "0123456789abcdef"', 'seed = { env = "A", file = "B" }', 'seed is a text, { env = "VARIABLE" } or'),
        (
            'seed = "0123456789abcdef"',
            'seed = { file = "none.txt" }',
            "the file of the seed, none.txt, cannot be read: No such",
        ),
        ('seed = "0123456789abcdef"', "seed = true", "seed: expected a text or a table, got true or false."),
        ('name = "hw"', 'name = "h w"', "assignments[0].name: expected a text of letters, digits and _"),
        ('name = "hw"', 'nam = "hw"', "assignments[0]: nobody knows nam."),
        (
            "due = 2026-10-23T23:59:00",
            'due = "23 October"',
            "assignments[0].due: expected a date and time without quotes",
        ),
        (
            "due = 2026-10-23T23:59:00",
            "due = 2026-10-23",
            "such as 2026-10-16T23:59:00, got a date alone.",
        ),
        ("due = 2026-10-23T23:59:00", "due = 2026-10-23T23:59:00Z", "with no timezone component"),
        ("due = 2026-10-23T23:59:00", "", "assignments[0]: it lacks due."),
        ("late = { percent_per_day = 20, days = 3 }", "", "late is missing, here and for the whole course."),
        ("percent_per_day = 20,", "", "assignments[0].late: it lacks percent_per_day."),
        ("percent_per_day = 20", "percent_per_day = -20", "late: percent_per_day is -20, expected 0 or more."),
        ("days = 3", "days = 1.5", "assignments[0].late.days: expected a whole number, got a number."),
        ('"best"', '"first"', "assignments[0].attempts: nobody knows 'first'."),
        ('"gru_update"', '"gru"', "hw: there is no family 'gru'. There are: rnn_states,"),
        ('"gru_update"', '"rnn_states"', "rnn_states is asked twice, in hw and in hw."),
        ('"gru_update"', "7", "questions[0].families[1]: expected a text, got a whole number."),
        ("points = 2", "points = 2\ncount = 3", "count is 3, and there are 2 families to choose from."),
        ("points = 2", 'points = "two"', "questions[0].points: expected a number, got a text."),
        ("points = 2", "points = nan", "questions[0]: points is nan, expected 0 or more."),
        ("ada = 2", "ada = -1", "the extension of ada is -1, expected 0 or more."),
        ("ada = 2", 'ada = "2 days"', "extensions[...]: expected a number, got a text."),
        ("[[assignments.questions]]", "[assignments.questions]", "questions: expected a list, got a table."),
    ],
)
def test_what_is_wrong_with_a_plan_is_said_in_one_sentence(plan, old, new, said):
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        course.read(plan((old, new)))
    assert str(error.value).startswith("course.toml: ") and "\n" not in str(error.value)


def test_two_assignments_of_one_name_are_said(plan, tmp_path):
    twice = PLAN + PLAN[PLAN.index("[[assignments]]") :]
    (tmp_path / "twice.toml").write_text(twice)
    with pytest.raises(ValueError, match="two assignments are called hw"):
        course.read(tmp_path / "twice.toml")


def test_the_seed_may_lie_elsewhere(plan, tmp_path, monkeypatch):
    (tmp_path / "seed.txt").write_text(f"{SEED}\n")
    monkeypatch.setenv("COURSE_SEED", SEED)
    for seed in ('{ file = "seed.txt" }', '{ env = "COURSE_SEED" }'):
        assert course.read(plan((SHORT, seed))).seed == SEED
    monkeypatch.delenv("COURSE_SEED")
    with pytest.raises(ValueError, match="the seed is empty: is its environment variable set"):
        course.read(plan((SHORT, '{ env = "COURSE_SEED" }')))


def test_the_version_is_that_of_the_questions_and_not_of_the_dates(plan):
    version = course.read(plan()).version
    assert (
        course.read(plan(("ada = 2", "ada = 3"), ("2026-10-23", "2026-10-24"), ("days = 3", "days = 4"))).version
        == version
    )
    for change in (("points = 2", "points = 3"), (SHORT, f'"{SEED}"'), ('"rnn_states", ', "")):
        assert course.read(plan(change)).version != version


def test_an_extension_of_nobody_is_said(plan):
    with pytest.raises(ValueError, match="hw has an extension for 'ada', who is not on the roster"):
        course.read(plan()).check_students(["bob"])


def test_each_student_is_asked_as_many_as_are_to_be_drawn(plan):
    found = course.read(plan(("points = 2", "points = 2\ncount = 1")))
    drawn = [list(found.chapters(f"student{k}")["hw"].questions) for k in range(60)]
    assert all(len(each) == 1 for each in drawn)
    assert 15 < drawn.count(["gru_update"]) < 45


# ---------------------------------------------------------------------- late or not


@pytest.mark.parametrize(
    ("student", "submitted", "days"),
    [
        ("bob", "2026-10-23T23:59:00+02:00", 0),
        ("bob", "2026-10-23T21:59:00+00:00", 0),
        ("bob", "2026-10-23T23:59:01+02:00", 1),
        ("bob", "2026-10-24T23:59:00+02:00", 1),
        ("bob", "2026-10-25T22:59:00+01:00", 2),  # summer time has ended: two whole days
        ("bob", "2026-10-25T22:59:01+01:00", 3),
        ("ada", "2026-10-25T23:59:00+01:00", 0),  # her two days end at the same time of day
        ("ada", "2026-10-25T23:59:01+01:00", 1),
    ],
)
def test_days_are_counted_from_the_due_date_of_the_student(plan, student, submitted, days):
    submitted = datetime.fromisoformat(submitted)
    for same in (submitted, submitted.astimezone(BERLIN)):
        assert course.read(plan()).assignments["hw"].days_late(student, same) == days


@pytest.fixture
def folder(plan, tmp_path):
    """A folder of grades by the course: a verdict for each student, with the time of the file."""

    def folder(*handed_in, changes=(), times=True):
        out = tmp_path / "grades"
        out.mkdir(exist_ok=True)
        received, store = {}, Store(out, new=True)
        store.set({"questions": str(plan(*changes))})
        for student, sha, score, when in handed_in:
            status = "rejected" if score is None else "graded"
            store.keep(Verdict(student, "hw", "1", sha, 7, status, score, 4.0))
            received[student, sha] = datetime.fromisoformat(when), "file"
        if times:
            store.receive(received)
        return settled(out).verdicts

    return folder


DUE, LATE, TOO_LATE = "2026-10-23T20:00:00+02:00", "2026-10-25T10:00:00+01:00", "2026-10-29T10:00:00+01:00"


def test_a_late_answer_loses_points_and_is_told_why(folder):
    found = folder(
        ("bob", "1", 4.0, LATE), ("ada", "2", 4.0, LATE), ("chen", "3", 3.0, DUE), ("emmy", "4", 4.0, TOO_LATE)
    )
    assert {student: verdict.score for student, verdict in found.items()} == {
        "ada": 4,
        "bob": 2.4,
        "chen": 3,
        "emmy": 0,
    }
    assert found["bob"].messages == [
        "Handed in on 2026-10-25 at 10:00 (Europe/Berlin), by the time of the file. It was due on 2026-10-23 at 23:59; "
        "2 days begun late, 40 % are taken off 4 points: 2.4 are left."
    ]
    assert found["ada"].messages == [
        "Handed in on 2026-10-25 at 10:00 (Europe/Berlin), by the time of the file, in time."
    ]
    assert found["emmy"].messages[0].endswith("it is worth nothing of its 4 points.")


def test_a_mark_of_the_lms_takes_off_a_day_where_no_time_is_known(folder, tmp_path):
    folder(*((who, who, 4.0, DUE) for who in ("ada", "bob", "chen")), times=False)
    with Store(tmp_path / "grades") as store:
        marks = {"ada": times.LATE, "bob": times.LATE, "chen": times.IN_TIME}
        store.receive({(who, who): (None, mark) for who, mark in marks.items()})
    found = settled(tmp_path / "grades").verdicts
    assert {who: verdict.score for who, verdict in found.items()} == {"ada": 4, "bob": 3.2, "chen": 4}
    assert (
        "marks it as late, by how much is not known; up to a day counts, 20 % are taken off" in found["bob"].messages[0]
    )
    assert found["chen"].messages == ["Handed in in time, as the LMS says."]
    assert "extension of 2 days: taken as in time" in found["ada"].look[0], "the LMS does not know of it"


@pytest.mark.parametrize(
    "missing, due, score",
    [("", "2020-10-23", None), ("missing = 0\n", "2020-10-23", 0), ("missing = 0\n", "2099-10-23", None)],
)
def test_whoever_handed_in_nothing_gets_what_the_course_says_once_it_is_due(folder, tmp_path, missing, due, score):
    changes = [("due = 2026-10-23", f"{missing}due = {due}")]
    folder(("bob", "1", 4.0, "2020-10-20T10:00:00+02:00"), changes=changes)
    with Store(tmp_path / "grades") as store:
        store.keep(Verdict("una", "", "1", "", 7, "missing", None, 0))
    una = settled(tmp_path / "grades").verdicts["una"]
    assert (una.status, una.score, una.assignment, una.max_score) == ("missing", score, "hw", 4)
    (tmp_path / "grades" / "overrides.csv").write_text("student,question,points,reason,who\nuna,,3,By mail,M. Curie\n")
    assert settled(tmp_path / "grades").verdicts["una"].score == 3


def test_an_attempt_at_other_points_is_not_compared(folder, tmp_path):
    folder(("bob", "1", 4.0, DUE))
    with Store(tmp_path / "grades") as store:
        store.keep(Verdict("bob", "hw", "2", "2", 7, "graded", 5.0, 9.0))
        store.receive({("bob", "2"): (datetime.fromisoformat(DUE), "file")})
    bob = settled(tmp_path / "grades").verdicts["bob"]
    assert (bob.score, bob.max_score) == (5, 9) and not any("attempts" in message for message in bob.messages)


def test_an_extension_that_is_granted_later_needs_no_grading(folder):
    found = folder(("bob", "1", 4.0, LATE), changes=[("ada = 2", "ada = 2\nbob = 7")])
    assert found["bob"].score == 4


@pytest.mark.parametrize(
    ("attempts", "rule", "score", "sha"),
    [
        ([("1", 3.0, DUE), ("2", 4.0, LATE)], "best", 3.0, "1"),  # 4 less 40 %
        ([("1", 2.0, DUE), ("2", 4.0, LATE)], "best", 2.4, "2"),
        ([("1", 3.0, DUE), ("2", 4.0, LATE)], "last", 2.4, "2"),
        ([("1", 3.0, DUE), ("2", 3.0, DUE)], "best", 3.0, "2"),
        ([("1", 3.0, DUE), ("2", None, DUE)], "best", 3.0, "1"),
        ([("1", 0.0, DUE), ("2", None, DUE)], "best", 0.0, "1"),
        ([("1", 3.0, DUE), ("2", None, DUE)], "last", None, "2"),
        ([("1", 1.0, DUE), ("2", 3.0, DUE), ("3", 2.0, DUE)], "best", 3.0, "2"),
    ],
)
def test_the_best_attempt_counts_or_the_last(folder, attempts, rule, score, sha):
    mark = folder(*(("bob", *each) for each in attempts), changes=[('"best"', f'"{rule}"')])["bob"]
    assert (mark.score, mark.sha256) == (score, sha)
    assert (f"The best of {len(attempts)} attempts counts." in mark.messages) == (rule == "best")


def test_a_folder_that_was_graded_by_no_course_stays_as_it_is(tmp_path):
    found, store = {"bob": Verdict("bob", "hw", "1", "1", 7, "graded", 3.0, 4.0)}, Store(tmp_path, new=True)
    store.keep(found["bob"])
    for questions in ("", str(EXAMPLES / "leaky_integrator.py")):
        store.set({"questions": questions})
        assert settled(tmp_path).verdicts == found
    store.set({"questions": "/none/course.toml"})
    with pytest.raises(ValueError, match=r"The course /none/course\.toml cannot be read: No such file"):
        settled(tmp_path)


def told(folder, student="ada"):
    """What is kept of when a student handed in."""
    with Store(folder) as store:
        [(when, source)] = [told for (who, _), told in store.received().items() if who == student]
    return when and when.isoformat(), source


def receive(folder, *what):
    """Note when somebody handed in; of whom no time is known."""
    with Store(folder, new=True) as store:
        return times.receive(store, *what, DEFAULTS)


def test_of_a_file_that_is_downloaded_again_the_first_time_stands_and_a_list_is_believed_more(tmp_path):
    path = tmp_path / "ada.ipynb"
    path.write_text("work")
    noon = datetime(2026, 10, 16, 12, tzinfo=UTC)
    for submitted in (noon, noon + timedelta(days=2), noon - timedelta(hours=1)):
        receive(tmp_path, [Submission("ada", path, submitted)], None, False, BERLIN)
    assert told(tmp_path) == ("2026-10-16T13:00:00+02:00", "file")
    for listed in (noon + timedelta(hours=1), noon + timedelta(hours=3)):
        receive(tmp_path, [Submission("ada", path, noon)], {"ada": listed}, False, BERLIN)
    assert told(tmp_path) == ("2026-10-16T15:00:00+02:00", "list")


def test_the_times_in_a_zip_are_those_of_the_course(tmp_path):
    """Whatever the time zone of the machine that grades."""
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("ada.ipynb", (2026, 10, 16, 23, 58, 0)), "{}")
    submissions, _ = collect(tmp_path / "class.zip", tmp_path / "unpacked")
    assert receive(tmp_path, submissions, None, True, ZoneInfo("Asia/Tokyo")) == []
    assert told(tmp_path) == ("2026-10-16T23:58:00+09:00", "file")


@pytest.mark.parametrize(
    "name, known", [("lovelaceada_101_9001_hw.ipynb", True), ("Ada Lovelace_17_assignsubmission_file/hw.ipynb", False)]
)
def test_the_times_in_the_export_of_an_lms_are_not_believed(tmp_path, name, known):
    """They are those of the export: https://github.com/instructure/canvas-lms/issues/2219."""
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr(name, "{}")
    submissions, _ = collect(tmp_path / "export.zip", tmp_path / "unpacked")
    unknown = receive(tmp_path, submissions, None, True, BERLIN)
    if known:  # Canvas marks who was late
        assert (unknown, told(tmp_path, submissions[0].student)) == ([], (None, "not marked late"))
    else:
        assert unknown == [each.student for each in submissions]
    assert receive(tmp_path, submissions, {submissions[0].student: datetime.now(BERLIN)}, True, BERLIN) == []


def test_an_answer_of_which_no_time_is_known_is_taken_as_in_time(folder, tmp_path):
    bob = folder(("bob", "1", 4.0, TOO_LATE), times=False)["bob"]
    assert (bob.score, bob.messages) == (4.0, ["When it was handed in is not known: taken as in time."])


WORKSHEET = """\
Identifier,"Full name","Email address",Status,Grade,"Last modified (submission)","Last modified (grade)"
"Participant 17","Ada Lovelace",ada@uni.edu,"Submitted for grading",,"Friday, 16 October 2026, 11:58 PM",-
"Participant 18","Bob Bee",bob@uni.edu,"Submitted for grading",,"Saturday, October 17, 2026, 12:05 AM",-
"Participant 19","Bob Bee",bob2@uni.edu,"No submission",,-,-
"""


def test_a_list_of_times_is_moodles_worksheet_or_a_table_of_ones_own(tmp_path):
    worksheet, table = tmp_path / "worksheet.csv", tmp_path / "times.csv"
    worksheet.write_text(WORKSHEET)
    table.write_text("student;submitted\nada;2026-10-16 23:58\nbob;2026-10-16T22:05Z\n")
    class_ = {
        student: roster.Entry(student, name, mail)
        for student, name, mail in [
            ("ada", "Ada Lovelace", ""),
            ("bob", "Bob Bee", "bob@uni.edu"),
            ("b", "Bob Bee", ""),
        ]
    }
    ada, bob = datetime(2026, 10, 16, 23, 58, tzinfo=BERLIN), datetime(2026, 10, 17, 0, 5, tzinfo=BERLIN)
    assert times.read(worksheet, BERLIN) == {"Ada Lovelace_17": ada, "Bob Bee_18": bob}
    assert times.read(worksheet, BERLIN, class_) == times.read(table, BERLIN, class_) == {"ada": ada, "bob": bob}
    assert times.read(table, BERLIN) == {"ada": ada, "bob": bob}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("student,when\nada,2026-10-16\n", "times.csv has neither a column submitted nor a column Last modified"),
        ("student,submitted\nada,yesterday\n", "times.csv, line 2: 'yesterday' is no time, such as 2026-10-16 23:58."),
    ],
)
def test_what_is_wrong_with_a_list_of_times_is_said(tmp_path, text, said):
    (tmp_path / "times.csv").write_text(text)
    with pytest.raises(ValueError, match=re.escape(said)):
        times.read(tmp_path / "times.csv", BERLIN)


# ---------------------------------------------------------------------- the roster


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,name\nada,Ada\n", "roster.csv has no column student."),
        ("student\nada\nbob\nada\n", "roster.csv, line 4: ada stands there twice."),
        ("student\n../ada\n", "roster.csv, line 2: the student '../ada' must consist of letters"),
        ("student,name\n,Ada\n", "roster.csv, line 2: the student '' must consist of letters"),
        ("student\n", "roster.csv names nobody."),
        (b"student\nChlo\xeb\n", "roster.csv is not in UTF-8"),
    ],
)
def test_what_is_wrong_with_a_roster_is_said(tmp_path, text, said):
    path = tmp_path / "roster.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=re.escape(said)):
        roster.read(path)


def test_a_roster_from_a_spreadsheet_can_be_read(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text('\ufeffname,student,section\r\n"Lovelace, Ada",ada.l-1@uni.edu,3\r\n', newline="")
    assert roster.read(path) == {"ada.l-1@uni.edu": roster.Entry("ada.l-1@uni.edu", "Lovelace, Ada")}


def test_who_handed_in_is_found_on_the_roster_or_rejected():
    entries = [
        ("ada", "Ada Lovelace", "101"),
        ("bob", "Bob Bee", ""),
        ("bob2", "Bob Bee", ""),
        ("chen", "Chen Jing", "103"),
    ]
    class_ = {entry[0]: roster.Entry(*entry) for entry in entries}
    handed_in = ["lovelaceada_LATE_101", "Bob Bee_7", "bob2", "Chen Jing_9", "jingchen_103", "Mallory_4"]
    found = roster.identified([Submission(who, Path(who)) for who in handed_in], class_)
    assert [(each.student, each.problem) for each in found] == [
        ("ada", ""),
        ("Bob Bee_7", "Bob Bee_7 can be any of these on the roster: bob, bob2."),
        ("bob2", ""),
        ("Chen Jing_9", "There are 2 submissions of chen: Chen Jing_9, jingchen_103."),
        ("jingchen_103", "There are 2 submissions of chen: Chen Jing_9, jingchen_103."),
        ("Mallory_4", "Mallory_4 is not on the roster."),
    ]


# ---------------------------------------------------------------------- what is handed out


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    out = tmp_path_factory.mktemp("course") / "out"
    assert "15 notebooks in" in succeeded(run("release", "--course", COURSE, "--roster", ROSTER, out))
    return out


def test_every_student_gets_a_notebook_of_their_own(handed_out):
    plan, students = course.read(COURSE), list(roster.read(ROSTER))
    paths = sorted(path.relative_to(handed_out).as_posix() for path in handed_out.rglob("*.ipynb"))
    assert paths == sorted(f"{name}/{name}_{student}.ipynb" for name in plan.assignments for student in students)
    for name, assignment in plan.assignments.items():
        for student in students:
            path = handed_out / name / f"{name}_{student}.ipynb"
            notebook, text = nbgraderformat.read(path, as_version=4), path.read_text()
            assert notebook.metadata.course_rnn == {"assignment": name, "student": student}
            assert plan.seed not in text and "SOLUTION" not in text
            asked = assignment.conventions(plan.seed, student)
            says = "\n".join(cell.source for cell in notebook.cells)
            for family in variants.FAMILIES.values():
                shown = [token for token in family.conventions if family.instructions(token) in says]
                assert shown == ([asked[family.name][0]] if family.name in asked else [])
            assert "variants" not in text and "family" not in says


def test_the_same_is_handed_out_again(handed_out):
    plan = course.read(COURSE)
    path = handed_out / "homework_2" / "homework_2_emmy.ipynb"
    again = variant(plan, plan.assignments["homework_2"], "emmy")
    assert nbformat.writes(again) == path.read_text().rstrip("\n")


def test_a_notebook_says_until_when_its_student_has_time(handed_out):
    first_cells = [
        nbformat.read(handed_out / "homework_1" / f"homework_1_{student}.ipynb", as_version=4).cells[0].source
        for student in ("ada", "bob")
    ]
    assert "For **ada**, due on 2026-10-18 at 23:59 (Europe/Berlin)." in first_cells[0]
    assert "For **bob**, due on 2026-10-16 at 23:59 (Europe/Berlin)." in first_cells[1]


def code_of(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def worked_out(plan, name, student, by=None):
    """The notebook of a student as it is handed in: with their own answers, or with those of a classmate."""
    assignment = plan.assignments[name]
    notebook = variant(plan, assignment, student)
    answers = {cell.id: cell.source for cell in variant_solution(plan, assignment, by or student).cells}
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers[cell.id]
    return notebook


@pytest.mark.parametrize(("by", "said"), [(None, "2 of 2 questions, 5 of 5"), ("bob", "0 of 2 questions, 0 of 5")])
def test_the_checks_in_a_notebook_work_where_there_is_only_the_package(tmp_path, by, said):
    """No course.toml, no roster, no network: in an empty folder, in a process of its own."""
    plan = course.read(COURSE)
    code = "display = print\n" + code_of(worked_out(plan, "homework_2", "emmy", by)) + "\nprint(q.progress())"
    environment = {"COURSE_RNN_PROGRESS": "", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"homework_2: {said} points" in done.stdout
    assert "in another convention than yours" not in done.stdout  # which one it is, only the instructor's kit knows
    assert done.stdout.count("Smallest failing case: for ") == (2 if by else 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--course", COURSE, "OUT"], "Give NAME and OUT, or --course and --roster and OUT."),
        (["OUT"], "Give NAME and OUT, or --course and --roster and OUT."),
        (
            ["--course", COURSE, "--roster", ROSTER, "homework_9", "OUT"],
            "There is no assignment homework_9. There are: ",
        ),
        (["--course", ROSTER, "--roster", ROSTER, "OUT"], "roster.csv: Expected '=' after a key"),
    ],
)
def test_what_cannot_be_handed_out_is_said(arguments, said):
    result = run("release", *arguments)
    assert result.exit_code and said in result.output


def test_one_assignment_can_be_handed_out_alone(tmp_path):
    succeeded(run("release", "--course", COURSE, "--roster", ROSTER, "homework_3", tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["homework_3"]


# ---------------------------------------------------------------------- what comes back


WORK = {  # as Canvas calls them: whose notebook, whose answers, when, the points, and what they are told
    "lovelaceada_101_9001_homework_1_ada.ipynb": ("ada", "ada", (2026, 10, 18, 20, 0, 0), 4, "in time"),
    "byronbob_102_9002_homework_1_bob.ipynb": ("bob", "bob", (2026, 10, 16, 22, 0, 0), 4, "in time"),
    "jingchen_103_9003_homework_1_bob.ipynb": ("bob", "bob", (2026, 10, 16, 22, 0, 0), 0, "in time"),
    "erxlebendorothea_LATE_104_9004_homework_1_dorothea.ipynb": (
        "dorothea",
        "dorothea",
        (2026, 10, 17, 9, 0, 0),
        3.2,
        "20 %",
    ),
    "noetheremmy_105_9005_homework_1_emmy.ipynb": ("emmy", "dorothea", (2026, 10, 16, 22, 0, 0), 0, "in time"),
}
STUDENTS = ["ada", "bob", "chen", "dorothea", "emmy"]


def test_the_students_of_the_example_are_all_asked_something_else():
    plan = course.read(COURSE)
    asked = [plan.assignments["homework_1"].conventions(plan.seed, student) for student in STUDENTS]
    for name in asked[0]:
        assert len({conventions[name][0] for conventions in asked}) == len(STUDENTS)


def export(path, work):
    """A zip as Canvas exports it."""
    plan = course.read(COURSE)
    with zipfile.ZipFile(path, "w") as archive:
        for name, (whose, by, *_) in work.items():
            archive.writestr(name, nbformat.writes(worked_out(plan, "homework_1", whose, by)))
    return path


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The export of a class and the folder of its grades."""
    room = tmp_path_factory.mktemp("graded")
    example(room)
    handed_in = [datetime(*when) for _, _, when, *_ in WORK.values()]
    lines = [f"{student},{when}" for student, when in zip(STUDENTS, handed_in, strict=True)]
    (room / "times.csv").write_text("\n".join(["student,submitted", *lines]))
    arguments = (
        "--course",
        room / "course.toml",
        "--roster",
        ROSTER,
        "--out",
        room / "grades",
        "--seed",
        SEED,
        "--jobs",
        2,
    )
    said = succeeded(run("grade", export(room / "export.zip", WORK), *arguments))
    assert "5 submissions." in said and "no time of handing in" not in said  # Canvas marks who was late
    arguments = *arguments, "--times", room / "times.csv"
    succeeded(run("grade", room / "export.zip", *arguments))
    return room, arguments


@needs_sandbox
def test_everybody_is_graded_by_the_convention_of_their_own(graded):
    found = kept(graded[0] / "grades")
    assert [verdict.score for verdict in map(found.get, STUDENTS)] == [4, 4, 0, 4, 0]
    plan = course.read(COURSE)
    asked = plan.assignments["homework_1"].conventions
    for student, whose in (("chen", "bob"), ("emmy", "dorothea")):
        causes = {name: question["cause"] for name, question in found[student].questions.items()}
        assert causes == {name: token for name, (token, _) in asked(plan.seed, whose).items()}
    assert {verdict.version for verdict in found.values()} == {plan.version}
    assert not any("tlas" in verdict.to_json() for verdict in found.values())


@needs_sandbox
def test_marks_follow_the_due_date_the_extension_and_the_late_rule(graded):
    room, _ = graded
    with open(room / "grades" / "grades.csv", encoding="utf-8-sig", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    for student, (_, _, _, points, told) in zip(STUDENTS, WORK.values(), strict=True):
        assert float(rows[student]["score"]) == points
        assert "by the list of times" in rows[student]["messages"] and told in rows[student]["messages"]
    page = (room / "grades" / "feedback" / "dorothea.html").read_text()
    assert "3.2 of 4 points" in page and "20 % are taken off 4 points: 3.2 are left." in page


@needs_sandbox
def test_the_best_attempt_counts_and_an_extension_can_be_granted_afterwards(graded, tmp_path):
    room, arguments = graded
    second = WORK | {"byronbob_102_9002_homework_1_bob.ipynb": ("bob", "ada", (2026, 10, 16, 23, 0, 0))}
    export(room / "export.zip", second)
    succeeded(run("grade", room / "export.zip", *arguments))
    assert kept(room / "grades")["bob"].score == 0
    bob = settled(room / "grades").verdicts["bob"]
    assert bob.score == 4 and "The best of 2 attempts counts." in bob.messages
    plan = (room / "course.toml").read_text().replace("ada = 2", "ada = 2\ndorothea = 1")
    (room / "course.toml").write_text(plan)
    succeeded(run("report", room / "grades"))
    assert settled(room / "grades").verdicts["dorothea"].score == 4
    succeeded(run("grade", room / "export.zip", *arguments))  # the same questions: the run goes on


def test_a_stranger_to_the_roster_is_rejected(tmp_path, monkeypatch):
    (tmp_path / "class").mkdir()
    for student in ("ada", "mallory"):
        (tmp_path / "class" / f"homework_1_{student}.ipynb").write_text("{}")
    seen = []

    def grade(submission, *, plan, **options):
        seen.append((submission.student, bool(submission.problem)))
        return Verdict(submission.student, "homework_1", "1", "", 7, "graded", 0.0, 4.0)

    submissions, _ = collect(tmp_path / "class", tmp_path, course.read(COURSE).assignments)
    for each in roster.identified(submissions, roster.read(ROSTER)):
        batch.grade_one(each, grade, batch.Run("", str(COURSE), "homework_1", 7))
    assert seen == [("ada", False), ("mallory", True)]


def test_questions_and_course_exclude_each_other(tmp_path):
    questions = EXAMPLES / "leaky_integrator.py"
    result = run("grade", tmp_path, "--out", tmp_path / "g", "--course", COURSE, "--questions", questions)
    assert result.exit_code and "Give either --questions or --course." in result.output
