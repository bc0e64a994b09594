"""Grading one submission: its functions are called in a sandbox with hidden cases, and judged here."""

import hashlib
import re
import time
import warnings
from dataclasses import replace

import numpy as np

from course_rnn.checking import budget
from course_rnn.checking.certify import hidden_cases
from course_rnn.checking.project import Project
from course_rnn.checking.result import Result
from course_rnn.checking.trial import said
from course_rnn.grading import project, replies
from course_rnn.grading.course import Plan
from course_rnn.grading.intake.files import Rejected, assignment_of, read, sha256
from course_rnn.grading.limits import DEFAULTS
from course_rnn.grading.room.sandbox import Unavailable
from course_rnn.grading.room.session import Sessions
from course_rnn.grading.store import Verdict
from course_rnn.grading.text import plain

MOST_MESSAGES = 20
MOST_NUMBERS = 1000  # of a value that are compared with those of others
DERIVATIVES = re.compile("backward|gradient|jacobian")  # in a question's name: torch's own would be the answer


def grade_submission(submission, *, plan=None, assignment=None, seed, limits=DEFAULTS, trusted=False, alone=False):
    """Grade what one student handed in.

    Parameters
    ----------
    submission : intake.submissions.Submission
        Who, and which file. Where it is "", whoever of the group the notebook was made for.
    plan : Plan, optional
        Default: the course's own questions.
    assignment : str, optional
        A name such as "02_simple_rnn"; default: what the notebook's metadata say, else what its file name holds.
    seed : int
        The hidden cases are drawn from it: the same for every student.
    limits : Limits
    trusted : bool
        Run the student's code as a plain process, without the sandbox.
    alone : bool
        Nothing else is graded at the same time. What the machine has no time for costs its points; else the verdict is
        "ungraded", and it has to be tried again alone.

    Returns
    -------
    Verdict
        Whatever the student did, no exception comes out.

    Raises
    ------
    ValueError
        There is no such assignment.
    sandbox.Unavailable
        There is no sandbox on this machine.
    """
    plan = plan or Plan()
    chapters = plan.chapters(submission.student)
    if assignment is not None and assignment not in chapters:
        raise ValueError(f"There is no assignment {assignment}. There are: {', '.join(chapters)}.")
    found = {
        "student": submission.student,
        "assignment": assignment or "",
        "sha256": "",
        "max_score": points(chapters, assignment),
    }
    began = time.thread_time()
    try:
        if submission.problem:
            raise Rejected(submission.problem)
        content = read(submission.path, limits)
        found["sha256"] = sha256(content)
        with Sessions(content, limits, trusted=trusted, alone=alone) as sessions:
            named = sessions.named
            if named["student"] in submission.group:
                chapters = plan.chapters(named["student"])
            elif submission.group and not submission.student:
                raise Rejected("The notebook does not say whose it is, or they are not on the roster.")
            found["student"] = submission.student or named["student"]
            called = f"{named['inside']} {submission.filename}"
            found["assignment"] = assignment or assignment_of(named["assignment"], called, chapters)
            found["max_score"] = points(chapters, found["assignment"])
            found["look"] = _look(named, submission, found["assignment"])
            asked = list(chapters[found["assignment"]].questions.values())
            if isinstance(asked[0], Project):
                graded = project.grade(asked[0], sessions, submission.beside, seed)
                found["look"] += graded.pop("look")
            else:
                graded = _grade(sessions, asked, seed, limits, plan.partial_credit)
            found |= graded
            found["messages"] = [*submission.notes, *found["messages"]]
        found |= {"seconds": sessions.seconds, "peak_mb": round(sessions.peak_mb, 1)}
    except Rejected as error:
        found |= {"status": "rejected", "score": None, "messages": [str(error)]}
    except Unavailable:
        raise
    except Exception as error:  # a fault of ours costs nobody a mark
        found |= {"status": "ungraded", "score": None, "messages": [f"The grader failed. {said(error)}"]}
    found["seconds"] = round(found.get("seconds", 0.0) + time.thread_time() - began, 3)
    return Verdict(version=plan.version, seed=seed, **found)


def points(chapters, assignment):
    """The points of all questions of an assignment; 0 where it is none."""
    return sum(question.points for question in chapters[assignment].questions.values()) if assignment in chapters else 0


def _look(named, submission, assignment):
    """What an instructor should look at: a notebook that was made for somebody else, or for something else."""
    found = []
    if named["student"] not in ("", submission.student, *submission.group):
        found.append(f"The notebook was made for {named['student']}, and {submission.student} handed it in.")
    if named["assignment"] and named["assignment"] != assignment:
        found.append(f"The notebook says that it is {named['assignment']}. It was graded as {assignment}.")
    return found


def _grade(sessions, questions, seed, limits, partial):
    """Run a notebook and judge each question; what the verdict says of it."""
    with_torch = any(question.library == "torch" for question in questions)
    results, alike, times = {}, {}, {}
    for question in questions:
        name = question.name
        cases = hidden_cases(question, seed, limits.cases)
        by_hand = question.library != "torch" and DERIVATIVES.search(name)
        session = sessions.of(torch=with_torch and not by_hand)
        before = session.spent
        reply = session.call(name, question.library, cases)
        results[name], alike[name] = _judged(question, cases, reply, partial)
        beyond = _beyond(question, cases[0], session) if results[name].passed else ""
        if beyond:
            results[name], alike[name] = _nothing(question, plain(beyond, 1000)), "beyond"
        times[name] = round(session.spent - before, 3)
    notes = [note for _, note in sorted(sessions.notes.items())]
    if len(notes) > MOST_MESSAGES:
        notes[MOST_MESSAGES:] = [f"{len(notes) - MOST_MESSAGES} more code cells stopped."]
    return {
        "status": "graded",
        "score": sum(result.points for result in results.values()),
        "questions": {
            name: {
                "points": result.points,
                "max": result.max_points,
                "message": result.message,
                "cause": result.cause,
                "alike": alike[name],
            }
            for name, result in results.items()
        },
        "messages": notes,
        "times": times,
    }


def _judged(question, cases, reply, partial=True):
    """What a worker's reply about a question is worth, a `Result`, and by what it is like others that fail.

    Nothing in the reply is taken on trust.
    """
    if "dropped" in reply:
        return _nothing(question, f"The function was stopped: {plain(reply['dropped'])}."), ""
    if "missing" in reply:
        return _nothing(question, f"There is no function {question.name}: did its cell stop, or was it renamed?"), ""
    try:
        trials = replies.trials(cases, reply)
    except (AttributeError, KeyError, TypeError, ValueError):
        return _nothing(question, "What came of the function cannot be read."), ""
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        result = question.judge(trials, partial=partial)
    messages = {"passed": "The hidden checks passed.", "to do": "Still to do."}
    message = messages.get(result.state) or "\n".join(plain(line, 1000) for line in result.message.splitlines())
    return replace(result, message=message), _behaviour(trials) if result.state == "not yet" else ""


def _behaviour(trials):
    """The same for two answers that return the same on the hidden cases, whatever their code is: they err alike."""
    done = hashlib.sha256()
    for trial in trials:
        said = [trial.raised.partition(":")[0], trial.changed] if trial.raised or trial.changed else []
        for value in trial.values or ():
            numbers = isinstance(value, np.ndarray) and value.dtype.kind in "biufc"
            said += (
                [value.shape, [f"{x:.3g}" for x in value.ravel()[:MOST_NUMBERS].tolist()]]
                if numbers
                else [type(value).__name__]
            )
        done.update(repr(said).encode())
    return done.hexdigest()[:12]


def _beyond(question, arguments, session):
    """What is wrong with a function whose values are right, as a sentence: it takes too much, or cannot be trained."""
    found, name, library = "", question.name, question.library
    try:
        if question.trained:
            reply = session.effort(name, library, arguments, returns=question.returns)
            found = _stopped(reply) or budget.of_gradients(question, arguments, *_gradients(arguments, reply))
        if question.budget and not found:
            reply = session.effort(name, library, question.budget.case(), counted=question.budget.counted)
            found = _stopped(reply) or budget.of_count(question, _count(reply))
    except (AttributeError, KeyError, TypeError, ValueError):
        return "What the function takes cannot be read."
    return found


def _stopped(reply):
    return f"The values are right, but then it was stopped: {reply['dropped']}." if "dropped" in reply else ""


def _gradients(arguments, reply):
    found = [None if each is None else np.asarray(each, float) for each in reply["gradients"]]
    problem = plain(reply["problem"], 500)
    if len(found) != len(arguments) and not problem:
        raise ValueError("other gradients")
    return found, problem


def _count(reply):
    return None if reply["count"] is None else int(reply["count"])


def _nothing(question, message):
    return Result(question.name, "not yet", message, max_points=question.points)
