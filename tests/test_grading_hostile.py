"""A class in which everybody attacks the grader, and some hand in honest work: each gets what is fair.

The whole class is graded once, in random order, by two processes, and every student is a test. Then comes a look at
what is left: files, processes, connections, memory.
"""

import json
import os
import random
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from grading_attacks import CLASS, FULL, KINDS, ONLY_TWO_QUESTIONS, RIGHT, SECRET, book, table

from course_rnn.grading.batch import Run, grade_class
from course_rnn.grading.limits import Limits

pytestmark = [
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap: apt install bubblewrap"),
    pytest.mark.timeout(900),  # the whole class is graded for the first of them
]

LIMITS = Limits(cell_seconds=2, question_seconds=2, total_seconds=60)


def hand_in(folder, name, content):
    folder.mkdir()
    (folder / name).write_bytes(content)


def processes_named(name):
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):  # it has just ended
            found += [path] * (path.read_text().strip() == name)
    return found


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The class, graded: the verdicts by name, and what else can be looked at."""
    folder = tmp_path_factory.mktemp("class")
    everywhere = Path("/var/tmp") / f"course_rnn-{os.getpid()}-gradebook.csv"
    everywhere.write_text(SECRET)
    everywhere.chmod(0o666)
    os.environ["COURSE_RNN_TEST_SECRET"] = SECRET
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    submissions, order = folder / "submissions", random.Random(os.getpid())
    submissions.mkdir()
    names = {}
    for name, (content, *_) in CLASS.items():
        names[name] = f"{order.randrange(10**6):06} {name}"  # graded in this order
        content = content.replace(b"PORT", str(listener.getsockname()[1]).encode())
        content = content.replace(b"GRADEBOOKS", json.dumps([str(everywhere)]).replace('"', "'").encode())
        hand_in(submissions / names[name], "lab (2).ipynb" if name == "right" else "lab.ipynb", content)
    for number in range(6):
        names[f"honest {number}"] = f"{order.randrange(10**6):06} honest {number}"
        hand_in(submissions / names[f"honest {number}"], "lab.ipynb", book(RIGHT))
    for name in ("a link", "a pipe", "two notebooks", "a folder"):
        names[name] = f"{order.randrange(10**6):06} {name}"
        (submissions / names[name]).mkdir()
    (submissions / names["a link"] / "lab.ipynb").symlink_to(submissions / names["right"] / "lab (2).ipynb")
    os.mkfifo(submissions / names["a pipe"] / "lab.ipynb")
    (submissions / names["a folder"] / "lab.ipynb").mkdir()
    for name in ("lab.ipynb", "lab (2).ipynb"):
        (submissions / names["two notebooks"] / name).write_bytes(book(RIGHT))
        os.utime(submissions / names["two notebooks"] / name, (10**9, 10**9))  # so that none is the newest
    questions = folder / "two_questions.py"
    questions.write_text(ONLY_TWO_QUESTIONS)
    before = {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}
    run = Run(str(submissions), str(questions), "02_simple_rnn", 11, LIMITS)
    verdicts, _ = grade_class(run, folder / "grades", jobs=2)
    after = {path: path.lstat().st_mtime_ns for path in folder.rglob("*") if folder / "grades" not in path.parents}
    after.pop(folder / "grades")
    yield SimpleNamespace(
        verdicts={name: verdicts[student] for name, student in names.items()},
        files=(before, after),
        listener=listener,
        everywhere=everywhere,
        folder=folder,
    )
    everywhere.unlink()
    listener.close()
    del os.environ["COURSE_RNN_TEST_SECRET"]


def test_the_instructors_page_says_what_was_tried():
    page = (Path(__file__).parent.parent / "book" / "for_instructors.md").read_text(encoding="utf-8")
    assert table() in page, "write it again: from grading_attacks import table; print(table())"
    assert set(KINDS) <= set(CLASS)


@pytest.mark.parametrize("name", CLASS)
def test_everybody_gets_what_is_fair(graded, name):
    _, score, text = CLASS[name]
    verdict = graded.verdicts[name]
    said = " ".join([*verdict.messages, *(f"{q['message']} {q['cause']}" for q in verdict.questions.values())])
    assert text in said
    if score == "rejected":
        assert (verdict.status, verdict.score) == ("rejected", None)
    else:
        assert verdict.status == "graded", said
        assert score is None or verdict.score == score, said


@pytest.mark.parametrize("name", ["a link", "a pipe", "two notebooks", "a folder"])
def test_what_is_no_notebook_is_rejected_with_a_reason(graded, name):
    assert graded.verdicts[name].status == "rejected"
    assert graded.verdicts[name].messages


def test_honest_students_among_them_get_their_marks_and_all_the_same(graded):
    questions = [graded.verdicts[f"honest {number}"].questions for number in range(6)]
    assert all(found == questions[0] for found in questions)
    assert all(graded.verdicts[f"honest {number}"].score == FULL for number in range(6))


def test_whoever_is_right_has_no_complaint(graded):
    assert graded.verdicts["right"].messages == graded.verdicts["magics"].messages == []


def test_no_file_is_lost_or_changed(graded):
    before, after = graded.files
    assert after == before
    assert graded.everywhere.read_text() == SECRET


def test_no_process_is_left(graded):
    assert not processes_named("hostile-daemon")


def test_no_connection_was_made(graded):
    with pytest.raises(BlockingIOError):
        graded.listener.accept()


def test_nothing_of_the_instructor_is_in_a_verdict(graded):
    text = "\n".join(each.to_json() for each in graded.verdicts.values())
    assert SECRET not in text
    assert str(graded.folder) not in text


def test_a_verdict_holds_no_control_characters(graded):
    said = str(graded.verdicts["text with tricks"])
    assert "alert(1)" in said
    assert not any(trick in said for trick in "\x1b\u202e\ud800")
