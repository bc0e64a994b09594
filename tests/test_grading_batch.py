"""A class is graded on many processes: nothing is lost, nothing is graded twice, and nothing depends on the order."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest
from distributed import Client
from grading_store import kept, sha256

from course_rnn.grading import batch, course
from course_rnn.grading.batch import AHEAD, ATTEMPTS, Run, grade_class
from course_rnn.grading.intake.submissions import Submission
from course_rnn.grading.limits import Limits
from course_rnn.grading.room.sandbox import Unavailable
from course_rnn.grading.room.session import TooBusy
from course_rnn.grading.store import Store, Verdict

ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")])
}
CLASS = 12


def grade(submission, *, plan, assignment, seed, limits, trusted, alone):
    """In the place of the real grader: does what stands in the file, and notes each call beside it."""
    if submission.problem:
        return Verdict(submission.student, "", "1", "", seed, "rejected", None, 0, messages=[submission.problem])
    text = submission.path.read_text()
    with open(submission.path.with_suffix(".calls"), "a") as calls:
        calls.write("called\n")
    times = len(submission.path.with_suffix(".calls").read_text().splitlines())
    what, _, until = text.partition(" until call ")
    if until and times < int(until):
        if what == "wait":
            time.sleep(60)
        if what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "raise":
            raise RuntimeError("our fault")
    if what == "busy" and not alone:
        raise TooBusy("the machine was too busy for it")
    if what == "unavailable":
        raise Unavailable("There is no sandbox.")
    status = "ungraded" if what == "ungraded" and times < int(until) else "graded"
    score = int(sha256(submission.path), 16) % (seed + 2)
    return Verdict(
        submission.student,
        assignment or "02_simple_rnn",
        "1",
        sha256(submission.path),
        seed,
        status,
        float(score) if status == "graded" else None,
        5.0,
        seconds=time.process_time(),
    )


def calls(folder):
    """How often each student's submission was graded."""
    return {path.stem: len(path.read_text().splitlines()) for path in folder.glob("*.calls")}


def same(found):
    """What must not differ from run to run."""
    return {student: replace(verdict, seconds=0, peak_mb=0, times={}) for student, verdict in found.items()}


@pytest.fixture
def folder(tmp_path):
    """What a class handed in."""
    folder = tmp_path / "class"
    folder.mkdir()
    for number in range(CLASS):
        (folder / f"student{number:02}.ipynb").write_text(f"work {number}")
    return folder


def started(*arguments):
    """A process of Dask, started by hand."""
    command = [sys.executable, "-m", "dask", *map(str, arguments)]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def worker(address, folder):
    options = "--host", "127.0.0.1", "--nthreads", 1, "--no-nanny", "--no-dashboard", "--local-directory", folder
    return started("worker", address, *options)


@contextmanager
def by_hand(folder, workers):
    """A scheduler and workers, started by hand on loopback: its address, and the workers' processes."""
    file = folder / "scheduler.json"
    scheduler = started("scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file)
    running = []
    try:
        with Client(scheduler_file=str(file), timeout=60, set_as_default=False) as client:  # waits for the file
            address = client.scheduler.address
            running += [worker(address, folder) for _ in range(workers)]
            client.wait_for_workers(workers, timeout=60)
        yield address, running
    finally:
        for process in [*running, scheduler]:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a cluster of two workers that all tests share."""
    with by_hand(tmp_path_factory.mktemp("cluster"), workers=2) as (address, _):
        yield address


@pytest.fixture
def graded(folder, tmp_path, cluster):
    """Grade the class with the stand-in, and give the verdicts."""

    def graded(out="grades", source=folder, **options):
        what = {name: options.pop(name) for name in ("assignment", "limits", "trusted") if name in options}
        run = Run(str(source), seed=options.pop("seed", 7), **what)
        return grade_class(run, tmp_path / out, **{"scheduler": cluster, "grade": grade} | options)[0]

    return graded


def test_one_process_two_processes_and_a_cluster_give_the_same_verdicts(graded, tmp_path):
    on_cluster = graded("cluster")
    assert len(on_cluster) == CLASS and len({verdict.score for verdict in on_cluster.values()}) > 1
    assert (
        same(graded("one", scheduler=None, jobs=1)) == same(graded("two", scheduler=None, jobs=2)) == same(on_cluster)
    )
    assert list(kept(tmp_path / "two")) == sorted(on_cluster)


def test_a_worker_that_is_killed_midway_loses_nothing(folder, tmp_path, graded):
    expected = same(graded("expected"))
    (folder / "student05.ipynb").write_text("kill until call 2")
    (folder / "student05.calls").unlink()
    with by_hand(tmp_path, workers=2) as (address, running):
        found = graded(scheduler=address)
        assert sorted(process.poll() is None for process in running) == [False, True]
    assert found["student05"].status == "graded"
    del found["student05"], expected["student05"]
    assert same(found) == expected


def test_on_this_machine_too_a_killed_worker_loses_nothing(folder, graded):
    (folder / "student05.ipynb").write_text("kill until call 2")
    assert Counter(verdict.status for verdict in graded(scheduler=None, jobs=2).values()) == {"graded": CLASS}


def test_what_kills_every_worker_stays_ungraded_and_the_others_are_graded(folder, graded):
    (folder / "student05.ipynb").write_text("kill until call 1000")
    found = graded(scheduler=None, jobs=2)
    assert Counter(verdict.status for verdict in found.values()) == {"graded": CLASS - 1, "ungraded": 1}
    assert found["student05"].score is None and "KilledWorker" in found["student05"].messages[0]


def test_whoever_a_busy_machine_had_no_time_for_is_graded_alone(folder, graded):
    (folder / "student03.ipynb").write_text("busy")
    found = graded()
    assert found["student03"].status == "graded" and calls(folder)["student03"] == 2
    assert list(calls(folder).values()).count(1) == CLASS - 1


@pytest.mark.parametrize("what", ["ungraded", "raise"])
def test_a_fault_of_ours_is_tried_again_and_never_a_mark(folder, graded, what):
    (folder / "student03.ipynb").write_text(f"{what} until call 2")
    (folder / "student04.ipynb").write_text(f"{what} until call {ATTEMPTS + 1}")
    found = graded()
    assert found["student03"].status == "graded" and calls(folder)["student03"] == 2
    assert (found["student04"].status, found["student04"].score) == ("ungraded", None)
    assert calls(folder)["student04"] == ATTEMPTS
    assert what == "ungraded" or found["student04"].messages == ["RuntimeError: our fault"]
    assert graded()["student04"].status == "graded", "the next run tries again"
    assert Counter(calls(folder).values()) == {1: CLASS - 2, 2: 1, ATTEMPTS + 1: 1}


def test_without_a_sandbox_nothing_is_graded(folder, graded, tmp_path):
    for path in folder.glob("*.ipynb"):
        path.write_text("unavailable")
    with pytest.raises(Unavailable):
        graded()
    assert kept(tmp_path / "grades") == {}


# ---------------------------------------------------------------------- going on


def test_a_second_run_grades_only_what_is_new(folder, graded, tmp_path):
    first = graded()
    before = kept(tmp_path / "grades")
    assert graded() == first == before == kept(tmp_path / "grades")
    assert set(calls(folder).values()) == {1}
    (folder / "student02.ipynb").write_text("handed in again")
    (folder / "zoe.ipynb").write_text("handed in late")
    second = graded()
    assert calls(folder) == dict.fromkeys(first, 1) | {"student02": 2, "zoe": 1}
    assert second["student02"].sha256 != first["student02"].sha256 and second.keys() - first.keys() == {"zoe"}


def test_a_run_that_is_killed_goes_on_where_it_was_and_ends_with_the_same_file(folder, tmp_path, graded):
    for path in folder.glob("*.ipynb"):
        path.write_text(f"{path.stem}")
    expected = graded("expected")
    for path in folder.glob("*.calls"):
        path.unlink()
    (folder / "student11.ipynb").write_text("wait until call 2")
    code = """
import sys
from test_grading_batch import Run, grade, grade_class
grade_class(Run(sys.argv[1], seed=7), sys.argv[2], jobs=2, grade=grade)
"""
    out = tmp_path / "grades"
    command = [sys.executable, "-c", code, folder, out]
    run = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL, start_new_session=True)
    while not (out / "grades.sqlite").exists() or len(kept(out)) < CLASS - 1:
        assert run.poll() is None
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    found = graded()
    assert calls(folder) == dict.fromkeys(expected, 1) | {"student11": 2}
    del found["student11"], expected["student11"]
    assert same(found) == same(expected)


def test_the_seed_is_drawn_once_and_kept(folder, graded, tmp_path):
    seeds = {verdict.seed for verdict in graded(seed=None).values()}
    assert len(seeds) == 1
    (folder / "late.ipynb").write_text("late")
    assert {verdict.seed for verdict in graded(seed=None).values()} == seeds
    with Store(tmp_path / "grades") as store:
        assert store.settings()["seed"] == seeds.pop()
    assert graded("again", seed=None)["late"].seed not in seeds


@pytest.mark.parametrize(
    "changed", [{"seed": 8}, {"assignment": "02_simple_rnn"}, {"limits": Limits(cases=9)}, {"trusted": True}], ids=str
)
def test_a_folder_holds_the_verdicts_of_one_kind_of_run(folder, graded, tmp_path, changed):
    graded()
    before = kept(tmp_path / "grades")
    with pytest.raises(ValueError, match=f"other settings.*{next(iter(changed))} was"):
        graded(**changed)
    assert kept(tmp_path / "grades") == before


def test_another_class_does_not_go_into_the_same_folder(folder, graded, tmp_path):
    graded()
    other = tmp_path / "other"
    other.mkdir()
    (other / "zed.ipynb").write_text("zed")
    with pytest.raises(ValueError, match=r"another class.*submissions was"):
        graded(source=other)
    before = calls(folder)
    (other / "student00.ipynb").write_bytes((folder / "student00.ipynb").read_bytes())
    assert "zed" in graded(source=other), "the same class, exported to another place"
    assert calls(folder) == before and calls(other) == {"zed": 1}


# ---------------------------------------------------------------------- again, by other settings


def test_other_settings_grade_everybody_again_and_a_kill_in_between_loses_nothing(folder, graded, tmp_path):
    graded()
    with Store(tmp_path / "grades") as store:
        store.grade_again(store.settings() | {"seed": 8})  # as a run that is killed at once
    found = graded(seed=8)
    assert {verdict.seed for verdict in found.values()} == {8}
    assert calls(folder) == {f"student{number:02}": 2 for number in range(CLASS)}
    graded(seed=8)
    assert set(calls(folder).values()) == {2}, "it is done"
    assert {verdict.seed for verdict in graded(seed=9, again=True).values()} == {9}


def test_an_excuse_holds_for_one_student_from_then_on(folder, graded):
    seen = {"student03": ["Graded with limits of its own: cell_seconds 30."]}
    graded()
    told = {who: verdict.messages for who, verdict in graded(only=["student03"], excuse={"cell_seconds": 30}).items()}
    assert {who: messages for who, messages in told.items() if messages} == seen
    told = {who: verdict.messages for who, verdict in graded(seed=8, again=True).items()}
    assert {who: messages for who, messages in told.items() if messages} == seen


def test_what_a_command_does_not_say_is_as_before(folder, graded, tmp_path):
    graded(limits=Limits(cell_seconds=3), assignment="02_simple_rnn")
    nothing = {"questions": None, "assignment": None, "seed": None, "trusted": None}
    run = batch.run_of(tmp_path / "grades", folder, {"cases": 9}, **nothing)
    assert (run.limits, run.assignment, run.seed) == (Limits(cell_seconds=3, cases=9), "02_simple_rnn", 7)
    run = batch.run_of(tmp_path / "other", folder, {}, **nothing | {"seed": 3})
    assert (run.limits, run.assignment, run.seed) == (Limits(), None, 3)


def test_whoever_of_the_roster_handed_in_nothing_is_missing_until_they_do(folder, graded, tmp_path):
    lines = [f"student{number:02},red" if number < 2 else f"student{number:02}," for number in range(CLASS)]
    (tmp_path / "roster.csv").write_text("\n".join(["student,team", *lines, "una,", "ben,red"]))
    found = graded(roster=tmp_path / "roster.csv", assignment="02_simple_rnn")
    assert (found["una"].status, found["una"].score, found["una"].assignment) == ("missing", None, "02_simple_rnn")
    asked = course.read().chapters()["02_simple_rnn"].questions.values()
    assert found["una"].max_score == sum(question.points for question in asked)
    graded(roster=tmp_path / "roster.csv", assignment="02_simple_rnn", seed=8, again=True)
    with Store(tmp_path / "grades") as store:
        assert not store.stale() and store.verdicts()["una"].seed == 8
    assert found["ben"] == replace(found["student00"], student="ben"), "the first of the team handed in for him"
    (folder / "una.ipynb").write_text("una")
    assert graded(roster=tmp_path / "roster.csv", assignment="02_simple_rnn", seed=8)["una"].status == "graded"


# ---------------------------------------------------------------------- what comes in


def test_a_submission_without_a_notebook_is_rejected_without_being_opened(folder, graded):
    (folder / "ada.ipynb").symlink_to("/etc/passwd")
    (folder / "bob").mkdir()
    found = graded()
    assert (found["ada"].status, found["ada"].messages) == ("rejected", ["ada.ipynb is a link, not a file."])
    assert (found["bob"].status, found["bob"].messages) == ("rejected", ["Nothing was handed in."])
    assert not {"ada", "bob"} & calls(folder).keys()


def test_an_unknown_assignment_names_the_known_ones(graded, tmp_path):
    with pytest.raises(ValueError, match=r"There are: .*02_simple_rnn"):
        graded(assignment="02_complex_rnn")
    assert not (tmp_path / "grades").exists()


def test_no_cluster_at_the_address_is_said(graded, monkeypatch):
    monkeypatch.setattr(batch, "CONNECT", 1)
    with pytest.raises(ValueError, match=r"no cluster to use at tcp://127\.0\.0\.1:1"):
        graded(scheduler="tcp://127.0.0.1:1")


def test_the_scheduler_knows_only_a_few_tasks_at_a_time(folder, cluster):
    submissions = [Submission(f"{number}", folder / "student00.ipynb") for number in range(60)]
    with Client(cluster, set_as_default=False) as client:
        known = [len(client.futures) for _ in batch._verdicts(client, submissions, grade, Run("", seed=1))]
    assert len(known) == 60 and max(known) <= AHEAD * 2
