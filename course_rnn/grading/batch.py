"""Grading a class on the cores of this machine, or on a Dask cluster: one submission is one task.

Every verdict is on the disk before the next is waited for. Stopped at any moment and started again, the run goes on
where it was and ends with the same file.
"""

import importlib.util
import json
import logging
import secrets
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from course_rnn.grading import verdicts
from course_rnn.grading.assignments import chapters, is_course, version
from course_rnn.grading.course import read as read_course
from course_rnn.grading.grade import grade_submission
from course_rnn.grading.intake.roster import identified
from course_rnn.grading.intake.roster import read as read_roster
from course_rnn.grading.intake.submissions import collect, sha256
from course_rnn.grading.intake.times import read as read_times
from course_rnn.grading.limits import Limits
from course_rnn.grading.marks import late
from course_rnn.grading.room.sandbox import Unavailable, bubblewrap
from course_rnn.grading.verdicts import Verdict

SETTINGS = "run.json"
CONNECT = 20  # seconds to wait for a scheduler, and for its first worker
ATTEMPTS = 3  # at a submission that stays ungraded through a fault of ours
#: Dask keeps a log of 100,000 steps and a profile of each second, which would grow with the class.
FORGETFUL = {
    "distributed.admin.low-level-log-length": 100,
    "distributed.admin.log-length": 100,
    "distributed.admin.system-monitor.log-length": 100,
    "distributed.worker.profile.enabled": False,
}
AHEAD = 4  # tasks handed out for each core: none waits for work, and a class of any size takes the same memory


def grade_class(
    source,
    out,
    *,
    assignment=None,
    seed=None,
    limits=None,
    questions=None,
    roster=None,
    times=None,
    trusted=False,
    jobs=None,
    scheduler=None,
    only=(),
    grade=grade_submission,
):
    """Grade what a class handed in; the verdicts go to ``out/verdicts.jsonl``.

    Parameters
    ----------
    source : path
        What `submissions.collect` reads. On a cluster all workers must see it, and `out`, under the same path.
    out : path
        Goes on where an earlier run with the same settings stopped.
    assignment : str, optional
        For all; else each notebook tells its own.
    seed : int, optional
        Of the hidden cases; default: drawn at random and kept in ``out/run.json``.
    limits : Limits, optional
    questions : path, optional
        A module of questions instead of the course's own, or a course.toml, in which each student has their own.
    roster : path, optional
        Who the students are, and how an LMS calls them; default: as their submissions are called.
    times : path, optional
        When they handed in, for the late rule of a course; default: the times of their files.
    trusted : bool
        Run without a sandbox.
    jobs : int, optional
        Processes on this machine; default: one for each core.
    scheduler : str, optional
        The address of a Dask cluster to use instead.
    only : iterable of str
        The students to grade, again where they have been graded; default: those of whom there is no grade yet.
    grade : callable
        What grades one submission.

    Returns
    -------
    verdicts : dict of str to Verdict
    left_out : list of str
        What was found and is nobody's submission.

    Raises
    ------
    ValueError
        The settings are not those of the run that `out` holds, or there is nothing to grade.
    sandbox.Unavailable
        There is no sandbox to run strangers' code in.
    """
    source, out, limits = Path(source).absolute(), Path(out).absolute(), limits or Limits()
    questions = questions and Path(questions).absolute()
    known, students = chapters(questions), roster and read_roster(roster)
    if students and is_course(questions):
        read_course(questions).check_students(students)
    if assignment and assignment not in known:
        raise ValueError(f"There is no assignment {assignment}. There are: {', '.join(known)}.")
    if not (trusted or scheduler):
        bubblewrap()  # stop here if there is none
    out.mkdir(parents=True, exist_ok=True)
    settings = {"submissions": str(source), "assignment": assignment, "questions": questions and str(questions)}
    settings |= {"version": version(questions), "seed": seed, "limits": asdict(limits), "trusted": trusted}
    path = out / verdicts.FILE
    with verdicts.appending(path) as add:
        settings = _same_settings(out / SETTINGS, settings)
        submissions, left_out = collect(source, out / "submissions", known, assignment)
        submissions = identified(submissions, students) if students else submissions
        kept = verdicts.read(path)
        todo = _only(submissions, only) or [each for each in submissions if not _stands(kept.get(each.student), each)]
        if is_course(questions):
            zone, exported = read_course(questions).zone, source.is_file() and source.suffix != ".ipynb"
            told = times and read_times(times, zone, students)
            for student in late.receive(out, submissions, told, exported, zone):
                left_out.append(
                    f"{student}, for the late rule: there is no time of handing in. Give a list of --times."
                )
            late.keep_attempts(out, [kept[each.student] for each in todo if each.student in kept])
        options = {"assignment": assignment, "seed": settings["seed"], "limits": limits, "trusted": trusted}
        if todo:
            with _cluster(jobs, scheduler, len(todo)) as client:
                found = _verdicts(client, todo, grade, questions, options)
                _keep(add, found, len(submissions), len(submissions) - len(todo))
    return verdicts.read(path), left_out


def _only(submissions, names):
    """The submissions of some students."""
    unknown = set(names) - {each.student for each in submissions}
    if unknown:
        raise ValueError(f"Nothing was handed in by {', '.join(map(repr, sorted(unknown)))}.")
    return [each for each in submissions if each.student in names]


def _keep(add, found, total, done):
    """Add the verdicts as they come, and show how far it is."""
    counts = Counter()
    with tqdm(total=total, initial=done, unit="submission", disable=None) as bar:
        for verdict in found:
            add(verdict)
            counts[verdict.status] += 1
            bar.set_postfix({status: counts[status] for status in ("rejected", "ungraded") if counts[status]})
            bar.update()


def _same_settings(path, settings):
    """Keep the settings of a first run; of a later run, check that they are the same and take over the seed."""
    if not path.exists():
        settings["seed"] = secrets.randbits(32) if settings["seed"] is None else settings["seed"]
        verdicts.write_whole(path, json.dumps(settings, indent=2) + "\n")
        return settings
    before = json.loads(path.read_text())
    settings["seed"] = before["seed"] if settings["seed"] is None else settings["seed"]
    changed = [
        f"{name} was {before.get(name)!r}, now {now!r}" for name, now in settings.items() if before.get(name) != now
    ]
    if changed:
        raise ValueError(f"{path.parent} holds a run with other settings: give another folder. {'; '.join(changed)}.")
    return settings


def _stands(verdict, submission):
    """Whether a verdict of an earlier run is about this very file and needs no second look."""
    return verdict is not None and verdict.status != "ungraded" and verdict.sha256 == sha256(submission.path) != ""


@contextmanager
def _cluster(jobs, scheduler, tasks):
    """A client of the cluster at an address, or of one on this machine with as many processes as there is work for."""
    import dask
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster

    if scheduler:
        try:
            client = Client(scheduler, timeout=CONNECT, set_as_default=False)
            client.wait_for_workers(1, timeout=CONNECT)
        except (OSError, TimeoutError) as error:
            raise ValueError(f"There is no cluster to use at {scheduler}: {error}") from None
        with client:
            yield client
    else:
        options = {
            "n_workers": min(jobs or CPU_COUNT, tasks),
            "threads_per_worker": 1,
            "host": "127.0.0.1",
            "dashboard_address": "127.0.0.1:0",
            "scheduler_kwargs": {"allowed_failures": 0, "dashboard": False},  # it is we who try again
            "memory_limit": 0,  # the sandbox has limits of its own
            "security": importlib.util.find_spec("cryptography") is not None or None,  # TLS, where it can make keys
            "silence_logs": logging.CRITICAL,
        }
        with (
            dask.config.set(FORGETFUL),
            LocalCluster(**options) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client


def _verdicts(client, submissions, *task):
    """The verdicts as they come; what stays ungraded is tried again after the others, alone.

    Alone, since Dask blames the end of a worker on every task that it had been given.
    """
    again = []
    for submission, verdict in _outcomes(client, submissions, *task):
        if verdict.status == "ungraded":
            again.append(submission)
        else:
            yield verdict
    for submission in again:
        for _ in range(ATTEMPTS - 1):
            [(_, verdict)] = _outcomes(client, [submission], *task)
            if verdict.status != "ungraded":
                break
        yield verdict


def _outcomes(client, submissions, grade, questions, options):
    """Each submission with the verdict of one attempt; a few tasks at a time are known to the scheduler."""
    from distributed import as_completed

    waiting, running, done = iter(submissions), {}, as_completed(loop=client.loop)
    while True:
        cores = sum(client.nthreads().values()) or 1  # workers come and go
        for submission in islice(waiting, max(0, AHEAD * cores - len(running))):
            future = client.submit(grade_one, submission, grade, questions, options, pure=False)
            running[future.key] = submission
            done.add(future)
        if not running:
            return
        future = next(done)
        submission, error = running.pop(future.key), future.exception()
        if isinstance(error, Unavailable):
            raise error
        if error:
            reason = f"{type(error).__name__}: {error}"
            yield submission, without_grade(submission, "ungraded", reason, questions, options)
        else:
            yield submission, future.result()


def grade_one(submission, grade, questions, options):
    """The task that a worker runs: all that it needs comes in, the verdict goes out."""
    if submission.problem:
        return without_grade(submission, "rejected", submission.problem, questions, options)
    verdict = grade(submission, chapters=chapters(questions, submission.student), **options)
    return _of_own_questions(verdict, questions) if questions else verdict


def _of_own_questions(verdict, questions):
    """A verdict that names the version of an instructor's module, and not the atlas of the course."""
    answers = {
        name: answer | {"message": answer["message"].partition("\nAtlas of mistakes:")[0]}
        for name, answer in verdict.questions.items()
    }
    return replace(verdict, version=version(questions), questions=answers)


def without_grade(submission, status, reason, questions, options):
    """A verdict on a submission that was not graded."""
    chapter = chapters(questions).get(options["assignment"])
    return Verdict(
        student=submission.student,
        assignment=options["assignment"] or "",
        version=version(questions),
        sha256=sha256(submission.path),
        seed=options["seed"],
        status=status,
        score=None,
        max_score=sum(question.points for question in chapter.questions.values()) if chapter else 0,
        messages=[reason],
    )
