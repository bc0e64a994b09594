"""Grading a class on the cores of this machine, or on a Dask cluster: one submission is one task.

Every verdict is on the disk before the next is waited for. Stopped at any moment and started again, the run goes on
where it was and ends with the same file.
"""

import importlib.util
import json
import logging
import secrets
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from course_rnn.grading import course
from course_rnn.grading.grade import grade_submission, points
from course_rnn.grading.intake import times as lists
from course_rnn.grading.intake.files import fingerprint
from course_rnn.grading.intake.roster import identified
from course_rnn.grading.intake.roster import read as read_roster
from course_rnn.grading.intake.submissions import collect
from course_rnn.grading.limits import Limits
from course_rnn.grading.room import cgroup
from course_rnn.grading.room.sandbox import Unavailable, bubblewrap
from course_rnn.grading.store import Store, Verdict

SEED_BITS = 64  # of the seed of the hidden cases
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


@dataclass(frozen=True)
class Run:
    """What a class is graded by: the same for all of it, kept with its grades, and the same when it goes on.

    Attributes
    ----------
    submissions : str
        What `intake.submissions.collect` reads. On a cluster all workers must see it under the same path.
    questions : str
        The path of a module of questions or of a course.toml; "" for the course's own questions.
    assignment : str, optional
        For all; else each notebook tells its own.
    seed : int, optional
        Of the hidden cases; default: drawn at random when the first is graded.
    limits : Limits
    trusted : bool
        Without a sandbox.
    excuses : dict of str to dict
        By student, the limits that are others for them.
    """

    submissions: str
    questions: str = ""
    assignment: str | None = None
    seed: int | None = None
    limits: Limits = field(default_factory=Limits)
    trusted: bool = False
    excuses: dict = field(default_factory=dict)

    def settings(self):
        """As the store keeps it."""
        settings = asdict(self) | {"version": course.read(self.questions).version}
        del settings["excuses"]  # they are kept by student
        return settings

    def limits_of(self, student):
        """The limits of a student."""
        return replace(self.limits, **self.excuses.get(student, {}))


def run_of(out, submissions, limits, **said):
    """The run of a command: what it does not say is as it was in the folder before, if anything was.

    Parameters
    ----------
    out : path
        Of the grades.
    submissions : path
    limits : dict
        Those that the command says.
    said
        The other attributes of a `Run`; None for what it does not say. To trust strangers has to be said each time.
    """
    before = {}
    if Path(out).exists():
        with suppress(ValueError), Store(out) as store:
            before = store.settings()
            limits = vars(store.how()[0]) | limits
    told = {name: before.get(name) if value is None else value for name, value in said.items()}
    told = {name: value for name, value in told.items() if value is not None}
    return Run(str(submissions), limits=Limits(**limits), **told)


def grade_class(
    run,
    out,
    *,
    roster=None,
    times=(),
    jobs=None,
    scheduler=None,
    only=(),
    again=False,
    excuse=None,
    grade=grade_submission,
):
    """Grade what a class handed in; the verdicts go into the store of ``out``.

    Parameters
    ----------
    run : Run
    out : path
        Goes on where an earlier run with the same settings stopped.
    roster : path, optional
        Who the students are, and how an LMS calls them; default: as their submissions are called.
    times : iterable of path
        When they handed in, for the late rule of a course; without any: the times of their files.
    jobs : int, optional
        Processes on this machine; default: one for each core.
    scheduler : str, optional
        The address of a Dask cluster to use instead.
    only : iterable of str
        The students to grade, again where they have been graded; default: those of whom there is no grade yet.
    again : bool
        The settings may be others than before; then everybody is graded again. What was decided by hand stays.
    excuse : dict, optional
        Limits by name that from now on are others for the students of `only`.
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
    run, out, plan = _absolute(run), Path(out).absolute(), course.read(run.questions)
    students = roster and read_roster(roster)
    known = plan.chapters()
    if students:
        plan.check_students(students)
    if run.assignment and run.assignment not in known:
        raise ValueError(f"There is no assignment {run.assignment}. There are: {', '.join(known)}.")
    if not (run.trusted or scheduler):
        bubblewrap()  # stop here if there is none
        cgroup.parent()  # before there are other processes
    out.mkdir(parents=True, exist_ok=True)
    with Store(out, new=True) as store, store.alone():
        run = _same_settings(store, run, again)
        submissions, left_out = collect(run.submissions, out / "submissions", known, run.assignment, plan.files)
        if students:
            submissions = identified(submissions, students, _identities(times, students))
        _same_class(store, submissions, run)
        store.located({who: each.path for each in submissions for who in (each.student, *each.group)})
        left_out += _without_time(store, plan, run, submissions, _times(times, plan.zone, students))
        todo = _only(submissions, only)
        if excuse:
            store.excuse([each.student for each in todo], excuse)
        run = replace(run, excuses=store.excuses())
        kept, stale = store.verdicts(), store.stale()
        todo = todo or [each for each in submissions if each.student in stale or not _stands(kept, each, run.limits)]
        if todo:
            with _cluster(jobs, scheduler, len(todo)) as client:
                _keep(store, _verdicts(client, todo, grade, run), len(submissions), len(submissions) - len(todo))
        for verdict in _missing(students or {}, submissions, store.verdicts(), run):
            store.keep(verdict)
        return store.verdicts(), left_out


def _times(paths, zone, students):
    """The times of some lists together; None without a list."""
    found = [lists.read(path, zone, students) for path in paths]
    return {student: when for each in found for student, when in each.items()} if found else None


def _identities(paths, students):
    """Who the numbers in some lists are."""
    return {number: who for path in paths for number, who in lists.identities(path, students).items()}


def _missing(students, submissions, kept, run):
    """A verdict on everybody of the roster who has handed in nothing, alone or in a group, now or before."""
    there = {who for each in submissions for who in (each.student, *each.group)}
    for student in students:
        if student not in there and (student not in kept or kept[student].status == "missing"):
            plan = course.read(run.questions)
            most = points(plan.chapters(student), run.assignment)
            yield Verdict(student, run.assignment or "", plan.version, "", run.seed, "missing", None, most)


def _absolute(run):
    """The same run, whatever folder it is looked at from."""
    source, questions = Path(run.submissions).absolute(), run.questions and Path(run.questions).absolute()
    return replace(run, submissions=str(source), questions=str(questions))


def _without_time(store, plan, run, submissions, times):
    """Note when everybody handed in, where a course has due dates; a sentence on each of whom that is not known."""
    if not plan.assignments:
        return []
    exported = Path(run.submissions).is_file() and not run.submissions.endswith(".ipynb")
    unknown = lists.receive(store, submissions, times, exported, plan.zone, run.limits)
    return [f"{who}, for the late rule: there is no time of handing in. Give a list of --times." for who in unknown]


def _only(submissions, names):
    """The submissions of some students."""
    unknown = set(names) - {each.student for each in submissions}
    if unknown:
        raise ValueError(f"Nothing was handed in by {', '.join(map(repr, sorted(unknown)))}.")
    return [each for each in submissions if each.student in names]


def _keep(store, found, total, done):
    """Keep the verdicts as they come, and show how far it is."""
    counts = Counter()
    with tqdm(total=total, initial=done, unit="submission", disable=None) as bar:
        for submission, verdict in found:
            for student in (submission.student, *submission.group):
                store.keep(replace(verdict, student=student), submission.path)
            counts[verdict.status] += 1
            bar.set_postfix({status: counts[status] for status in ("rejected", "ungraded") if counts[status]})
            bar.update()


def _same_settings(store, run, again):
    """Keep the settings of a first run; of a later run, take over the seed, and see whether they are the same.

    Where the submissions lie is none of it: an LMS calls each export in another way.
    """
    before = store.settings()
    if not before:
        run = replace(run, seed=secrets.randbits(SEED_BITS) if run.seed is None else run.seed)
        store.set(run.settings())
        return run
    run = replace(run, seed=before["seed"] if run.seed is None else run.seed)
    changed = [
        f"{name} was {before[name]!r}, now {now!r}"
        for name, now in json.loads(json.dumps(run.settings())).items()
        if name in before and before[name] != now and name != "submissions"
    ]
    if changed and not again:
        cure = "let --again grade all of it by the new ones, or give another folder"
        raise ValueError(f"{store.folder} holds a run with other settings: {cure}. {'; '.join(changed)}.")
    if changed:
        store.grade_again(run.settings() | {"submissions": before["submissions"]})
    return run


def _same_class(store, submissions, run):
    """Note where the submissions lie now, if they are of the same class as before.

    Raises
    ------
    ValueError
        No student is one of before.
    """
    before, kept = store.settings()["submissions"], store.verdicts()
    if before != run.submissions and kept and not any(each.student in kept for each in submissions):
        was = f"submissions was {before!r}, now {run.submissions!r}, and nobody is in both"
        raise ValueError(f"{store.folder} holds another class: give another folder. {was}.")
    store.set({"submissions": run.submissions})


def _stands(kept, submission, limits):
    """Whether a verdict of an earlier run is about this very file and needs no second look."""
    verdict = kept.get(submission.student)
    if verdict is None or verdict.status == "ungraded":
        return False
    known = [answer["beside"] for answer in verdict.questions.values() if "beside" in answer]
    theirs = {name: fingerprint(path, limits) for name, path in submission.beside.items()}
    same = all(theirs.get(name) == sha256 for beside in known for name, sha256 in beside.items())
    return verdict.sha256 == fingerprint(submission.path, limits) != "" and same and not (theirs and known == [{}])


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


def _verdicts(client, submissions, grade, run):
    """The verdicts as they come; what stays ungraded is tried again after the others, alone.

    Alone, since Dask blames the end of a worker on every task that it had been given, and since a machine that was too
    busy for somebody is not so any more.
    """
    again = []
    for submission, verdict in _outcomes(client, submissions, grade, run):
        if verdict.status == "ungraded":
            again.append(submission)
        else:
            yield submission, verdict
    for submission in again:
        for _ in range(ATTEMPTS - 1):
            [(_, verdict)] = _outcomes(client, [submission], grade, run, alone=True)
            if verdict.status != "ungraded":
                break
        yield submission, verdict


def _outcomes(client, submissions, grade, run, alone=False):
    """Each submission with the verdict of one attempt; a few tasks at a time are known to the scheduler."""
    from distributed import as_completed

    waiting, running, done = iter(submissions), {}, as_completed(loop=client.loop)
    while True:
        cores = sum(client.nthreads().values()) or 1  # workers come and go
        for submission in islice(waiting, max(0, AHEAD * cores - len(running))):
            future = client.submit(grade_one, submission, grade, run, alone, pure=False)
            running[future.key] = submission
            done.add(future)
        if not running:
            return
        future = next(done)
        submission, error = running.pop(future.key), future.exception()
        if isinstance(error, Unavailable):
            raise error
        yield submission, _ungraded(submission, error, run) if error else future.result()


def grade_one(submission, grade, run, alone=False):
    """The task that a worker runs: all that it needs comes in, the verdict goes out."""
    plan, limits = course.read(run.questions), run.limits_of(submission.student)
    how = {"seed": run.seed, "limits": limits, "trusted": run.trusted}
    verdict = grade(submission, plan=plan, assignment=run.assignment, alone=alone, **how)
    if not verdict.sha256:
        verdict = replace(verdict, sha256=fingerprint(submission.path, run.limits))
    if limits != run.limits:
        said = ", ".join(f"{name} {value:g}" for name, value in run.excuses[submission.student].items())
        verdict = replace(verdict, messages=[*verdict.messages, f"Graded with limits of its own: {said}."])
    return verdict if type(plan) is course.Plan else _without_atlas(verdict)


def _without_atlas(verdict):
    """A verdict on an instructor's own questions, of which the atlas of the course knows nothing."""
    answers = {
        name: answer | {"message": answer["message"].partition("\nAtlas of mistakes:")[0]}
        for name, answer in verdict.questions.items()
    }
    return replace(verdict, questions=answers)


def _ungraded(submission, error, run):
    """The verdict on a submission at which a worker failed."""
    plan = course.read(run.questions)
    return Verdict(
        student=submission.student,
        assignment=run.assignment or "",
        version=plan.version,
        sha256=fingerprint(submission.path, run.limits),
        seed=run.seed,
        status="ungraded",
        score=None,
        max_score=points(plan.chapters(submission.student), run.assignment),
        messages=[f"{type(error).__name__}: {error}"],
    )
