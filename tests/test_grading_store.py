"""The store survives a kill, a full disk and a second run, holds no part of a verdict, and takes old folders over."""

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime

import pytest

from course_rnn.grading.limits import Limits
from course_rnn.grading.store import FILE, Store, Verdict

ADA = Verdict("ada", "02_simple_rnn", "1", "ab", 7, "graded", 2.0, 5.0, {"rnn_step": {"points": 2.0}}, ["é\n"])
BOB = replace(ADA, student='b"ob\n<i>', score=None, status="ungraded")
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")])
}


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path, new=True) as store:
        yield store


def test_a_verdict_comes_back_as_it_was(store):
    for verdict in (ADA, BOB):
        line = verdict.to_json()
        assert Verdict.from_json(line) == verdict
        assert line.isascii() and "\n" not in line
        store.keep(verdict, b"/tmp/\xff".decode(errors="surrogateescape"))
    assert store.verdicts() == {"ada": ADA, BOB.student: BOB}
    assert os.fsencode(store.paths()["ada"]) == b"/tmp/\xff"


@pytest.mark.parametrize(
    "line", ["", "[]", "{}", '{"student": "ada"}', ADA.to_json()[:-1], ADA.to_json()[:-1] + ', "x": 1}']
)
def test_what_is_no_verdict_is_refused(line):
    with pytest.raises(ValueError):
        Verdict.from_json(line)


def test_not_a_number_is_never_kept(store):
    with pytest.raises(ValueError):
        store.keep(replace(ADA, score=float("nan")))
    assert store.verdicts() == {}


def test_a_new_verdict_takes_the_place_of_the_old_which_becomes_an_attempt(store):
    for verdict in (ADA, replace(ADA, sha256="cd", score=1.0), replace(ADA, sha256="ef", score=3.0)):
        store.keep(verdict)
    assert store.verdicts()["ada"].score == 3.0
    assert [each.score for each in store.attempts()["ada"]] == [2.0, 1.0]


def test_what_was_not_graded_is_no_attempt(store):
    store.keep(BOB)
    store.keep(replace(BOB, status="graded", score=1.0))
    assert store.attempts() == {}


def test_times_changes_and_settings_come_back_as_they_were(store):
    when = datetime(2026, 10, 16, 23, 58, tzinfo=UTC)
    store.receive({("ada", "ab"): (when, "list")})
    store.set({"seed": 2**64 - 1, "limits": {"cases": 9}, "trusted": True})
    change = {"student": "ada", "what": "score", "before": "1", "after": "2", "why": ""}
    store.changed([change, change | {"what": "rnn_step"}])
    assert store.received() == {("ada", "ab"): (when, "list")}
    assert store.settings()["seed"] == 2**64 - 1
    assert store.how() == (Limits(cases=9), True)
    first, second = store.changes()
    assert first | {"at": ""} == {"at": "", **change} and second["what"] == "rnn_step"


def test_there_is_no_store_where_there_are_no_grades(tmp_path):
    with pytest.raises(ValueError, match="There are no verdicts"):
        Store(tmp_path)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("content", [b"notes", b"SQLite format 3\0" + bytes(range(256)) * 64])
def test_a_file_of_somebody_else_is_named_and_kept(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises((ValueError, OSError), match=FILE):
        Store(tmp_path)
    assert (tmp_path / FILE).read_bytes() == content


def test_what_is_kept_survives_a_kill(tmp_path):
    code = """
import os, signal, sys
from test_grading_store import ADA, BOB, Store
store = Store(sys.argv[1], new=True)
store.keep(BOB)
store.keep(ADA)
store._file.execute("begin immediate")
store._file.execute("delete from verdicts")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code, tmp_path], env=ENVIRONMENT).returncode == -9
    with Store(tmp_path) as store:
        assert store.verdicts() == {"ada": ADA, BOB.student: BOB}


def test_after_a_full_disk_the_run_goes_on_where_it_was(tmp_path):
    code = """
import resource, signal, sys
from test_grading_store import ADA, BOB, Store, replace
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store(sys.argv[1], new=True)
store.keep(BOB)
size = store.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))  # what comes now does not fit
store.keep(replace(ADA, messages=["x" * 100_000]))
"""
    run = subprocess.run([sys.executable, "-c", code, tmp_path], env=ENVIRONMENT, capture_output=True, text=True)
    assert run.stderr.splitlines()[-1].startswith("OSError: ") and str(tmp_path / FILE) in run.stderr
    with Store(tmp_path) as store:
        assert store.verdicts() == {BOB.student: BOB}
        store.keep(ADA)
        assert store.verdicts() == {"ada": ADA, BOB.student: BOB}


def test_two_runs_cannot_grade_into_one_folder(tmp_path):
    with Store(tmp_path, new=True) as one, Store(tmp_path) as two:
        with one.alone(), pytest.raises(BlockingIOError, match="Another run"), two.alone():
            pass
        assert two.verdicts() == {}, "it can be read meanwhile"


# ---------------------------------------------------------------------- folders of grades as they were


def old_line(verdict):
    values = asdict(verdict)
    del values["look"]
    return json.dumps(values) + "\n"


@pytest.fixture
def old(tmp_path):
    """A folder as the grader left it before it had a store."""
    second = replace(ADA, sha256="cd", score=4.0)
    lines = [old_line(each) for each in (ADA, BOB, second)]
    (tmp_path / "verdicts.jsonl").write_text("".join(lines) + lines[0][:30])  # the last was cut short
    (tmp_path / "attempts.jsonl").write_text(old_line(ADA))
    (tmp_path / "run.json").write_text(json.dumps({"seed": 7, "questions": None, "limits": {"cases": 5}}))
    told = {"submitted": "2026-10-16T23:58:00+02:00", "source": "file"}
    (tmp_path / "received.json").write_text(json.dumps({"ada": {"ab": told}}))
    (tmp_path / "changes.csv").write_text("when,student,what,before,after,why\n2026-10-17,ada,score,1,2,asked\n")
    return tmp_path


def test_an_old_folder_is_taken_over_and_its_files_stay(old):
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    for _ in range(2):
        with Store(old) as store:
            assert {who: each.score for who, each in store.verdicts().items()} == {"ada": 4.0, BOB.student: None}
            assert [each.score for each in store.attempts()["ada"]] == [2.0]
            assert store.settings()["seed"] == 7 and store.how() == (Limits(cases=5), False)
            assert list(store.received()) == [("ada", "ab")]
            assert [(each["at"], each["why"]) for each in store.changes()] == [("2026-10-17", "asked")]
    after = {path.name: path.read_bytes() for path in old.iterdir()}
    assert before == {name: after[name] for name in before}


def test_an_old_folder_with_a_line_that_is_no_verdict_is_not_taken_over(old):
    with open(old / "verdicts.jsonl", "a") as file:
        file.write("\nnotes\n")
    for _ in range(2):
        with pytest.raises(ValueError, match="line 4, is not a verdict"):
            Store(old)


def test_the_store_is_what_a_tool_for_sqlite_can_read(store, tmp_path):
    store.keep(ADA)
    with sqlite3.connect(tmp_path / FILE) as file:
        assert file.execute("select student, verdict ->> 'score' from verdicts").fetchall() == [("ada", 2.0)]
