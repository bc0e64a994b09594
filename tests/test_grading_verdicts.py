"""verdicts.jsonl survives a kill, a full disk and a second run, and never holds a part of a verdict."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from course_rnn.grading import verdicts
from course_rnn.grading.verdicts import Verdict, appending, read, write

ADA = Verdict("ada", "02_simple_rnn", "1", "ab", 7, "graded", 2.0, 5.0, {"rnn_step": {"points": 2.0}}, ["é\n"])
BOB = replace(ADA, student='b"ob\n<i>\udcff', score=None, status="ungraded")
ENVIRONMENT = os.environ | {"PYTHONPATH": os.path.dirname(__file__)}


@pytest.fixture
def file(tmp_path):
    return tmp_path / verdicts.FILE


def test_a_verdict_comes_back_as_it_was():
    for verdict in (ADA, BOB):
        line = verdict.to_json()
        assert Verdict.from_json(line) == verdict
        assert line.isascii() and "\n" not in line


@pytest.mark.parametrize(
    "line", ["", "[]", "{}", '{"student": "ada"}', ADA.to_json()[:-1], ADA.to_json()[:-1] + ', "x": 1}']
)
def test_what_is_no_verdict_is_refused(line):
    with pytest.raises(ValueError):
        Verdict.from_json(line)


def test_not_a_number_is_never_written():
    with pytest.raises(ValueError):
        replace(ADA, score=float("nan")).to_json()


def test_the_finished_file_is_sorted_and_names_each_student_once(file):
    with appending(file) as add:
        for verdict in (BOB, ADA, replace(BOB, status="graded", score=1.0)):
            add(verdict)
    assert list(read(file)) == ["ada", BOB.student]
    assert read(file)[BOB.student].score == 1.0
    assert len(file.read_text().splitlines()) == 2


def test_there_are_no_verdicts_in_a_file_that_is_not_there(file):
    assert read(file) == {}


def test_after_add_the_verdict_survives_a_kill(file):
    code = """
import os, signal, sys
from test_grading_verdicts import ADA, BOB
from course_rnn.grading.verdicts import appending
with appending(sys.argv[1]) as add:
    add(BOB)
    add(ADA)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code, file], env=ENVIRONMENT).returncode == -9
    assert read(file) == {BOB.student: BOB, "ada": ADA}


@pytest.mark.parametrize("part", [b"{", ADA.to_json().encode(), b"\0" * 50])
def test_a_line_that_was_cut_short_does_not_count_and_is_removed(file, part):
    file.write_bytes(BOB.to_json().encode() + b"\n" + part)
    assert read(file) == {BOB.student: BOB}
    with appending(file) as add:
        add(ADA)
    assert read(file) == {BOB.student: BOB, "ada": ADA}


def test_a_whole_line_that_is_no_verdict_is_named_and_kept(file):
    file.write_text(f"{ADA.to_json()}\nnotes\n")
    with pytest.raises(ValueError, match="line 2, is not a verdict"):
        read(file)
    with pytest.raises(ValueError, match="line 2"), appending(file):
        pass
    assert file.read_text().endswith("notes\n")


def test_two_runs_cannot_write_into_one_file(file):
    with appending(file), pytest.raises(BlockingIOError, match="Another run"), appending(file):
        pass


def test_after_a_full_disk_the_run_goes_on_where_it_was(file):
    code = """
import resource, sys
from test_grading_verdicts import ADA, BOB
from course_rnn.grading.verdicts import appending
with appending(sys.argv[1]) as add:
    add(BOB)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))  # the second line does not fit
    add(ADA)
"""
    run = subprocess.run([sys.executable, "-c", code, file], env=ENVIRONMENT, capture_output=True, text=True)
    assert "OSError" in run.stderr
    assert file.stat().st_size == 500 and read(file) == {BOB.student: BOB}
    with appending(file) as add:
        add(ADA)
    assert read(file) == {BOB.student: BOB, "ada": ADA}


def test_a_failure_while_writing_leaves_the_old_file(file, monkeypatch):
    write(file, {"ada": ADA})
    before = file.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        write(file, {"bob": BOB})
    assert file.read_bytes() == before
