"""Grading one submission: its functions are called in a sandbox with hidden cases, and judged here."""

import re
import time
import warnings
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from zlib import crc32

import numpy as np

from course_rnn.checking.result import Result
from course_rnn.checking.trial import Trial, said
from course_rnn.grading import notebook
from course_rnn.grading.limits import DEFAULTS
from course_rnn.grading.notebook import Rejected, plain
from course_rnn.grading.room.sandbox import Unavailable
from course_rnn.grading.room.session import Session
from course_rnn.grading.verdicts import Verdict
from course_rnn.questions import chapters as course_chapters

IMPORTS_TORCH = re.compile(r"^[ \t]*(?:from[ \t]+torch\b|import\b.*\btorch\b)", re.MULTILINE)
MOST_MESSAGES = 20


def grade_submission(
    submission,
    *,
    assignment=None,
    seed,
    limits=DEFAULTS,
    chapters=None,
    trusted=False,
) -> Verdict:
    """Grade what one student handed in.

    Parameters
    ----------
    submission : submissions.Submission
        Who, and which file.
    assignment : str, optional
        A name such as "02_simple_rnn"; default: what the notebook's metadata say, else what its file name holds.
    seed : int
        The hidden cases are drawn from it: the same for every student.
    limits : Limits
    chapters : dict, optional
        The chapters of questions by name; default: the course's.
    trusted : bool
        Run the student's code as a plain process, without the sandbox.

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
    chapters = course_chapters() if chapters is None else chapters
    if assignment is not None and assignment not in chapters:
        raise ValueError(f"There is no assignment {assignment}. There are: {', '.join(chapters)}.")
    found = {"assignment": assignment or "", "sha256": "", "max_score": _points(chapters, assignment)}
    began = time.thread_time()
    try:
        content = notebook.read(submission.path, limits)
        found["sha256"] = notebook.fingerprint(content)
        book = notebook.parse(content, limits)
        found["assignment"] = assignment or notebook.assignment_of(book, submission.filename, chapters)
        found["max_score"] = _points(chapters, found["assignment"])
        found |= _grade(book, chapters[found["assignment"]].questions, seed, limits, trusted)
    except Rejected as error:
        found |= {"status": "rejected", "score": None, "messages": [str(error)]}
    except Unavailable:
        raise
    except Exception as error:  # a fault of ours costs nobody a mark
        found |= {"status": "ungraded", "score": None, "messages": [f"The grader failed. {said(error)}"]}
    found["seconds"] = round(found.get("seconds", 0.0) + time.thread_time() - began, 3)
    return Verdict(student=submission.student, version=version("course-rnn"), seed=seed, **found)


def hidden_cases(question, seed, count):
    """The arguments of the hidden cases of a question: the same for the same seed."""
    return [question.cases(np.random.default_rng([seed, crc32(question.name.encode()), k])) for k in range(count)]


def _points(chapters, assignment):
    return sum(question.points for question in chapters[assignment].questions.values()) if assignment else 0


def _grade(book, questions, seed, limits, trusted):
    """Run a notebook and judge each question; what the verdict says of it."""
    torch = any(question.library == "torch" for question in questions.values())
    if not torch and find_spec("torch"):  # an answer in torch counts where it means the same
        torch = any(map(IMPORTS_TORCH.search, book.cells))
    results = {}
    with Session(book.cells, limits, torch=torch, trusted=trusted) as session:
        for name, question in questions.items():
            cases = hidden_cases(question, seed, limits.cases)
            results[name] = _judged(question, cases, session.call(name, question.library, cases))
    notes = [note for _, note in sorted(session.notes.items())]
    if len(notes) > MOST_MESSAGES:
        notes[MOST_MESSAGES:] = [f"{len(notes) - MOST_MESSAGES} more code cells stopped."]
    return {
        "status": "graded",
        "score": sum(result.points for result in results.values()),
        "questions": {
            name: {"points": result.points, "max": result.max_points, "message": result.message, "cause": result.cause}
            for name, result in results.items()
        },
        "messages": notes,
        "seconds": session.seconds,
        "peak_mb": round(session.peak_mb, 1),
    }


def _judged(question, cases, reply) -> Result:
    """What a worker's reply about a question is worth; nothing in it is taken on trust."""
    if "dropped" in reply:
        return _nothing(question, f"The function was stopped: {plain(reply['dropped'])}.")
    if "missing" in reply:
        return _nothing(question, f"There is no function {question.name}: did its cell stop, or was it renamed?")
    try:
        trials = [_trial(case, what) for case, what in zip(cases, reply["trials"], strict=False)]
        if len(trials) != len(cases) and not any(trial.to_do for trial in trials):
            raise ValueError("cases without an answer")
    except (AttributeError, KeyError, TypeError, ValueError):
        return _nothing(question, "What came of the function cannot be read.")
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        result = question.judge(trials)
    messages = {"passed": "The hidden checks passed.", "to do": "Still to do."}
    message = messages.get(result.state) or "\n".join(plain(line, 1000) for line in result.message.splitlines())
    return replace(result, message=message)


def _nothing(question, message):
    return Result(question.name, "not yet", message, max_points=question.points)


def _trial(arguments, what):
    """A trial of what a worker says that came of a case."""
    if what.get("to_do"):
        return Trial(arguments, to_do=True)
    if what.get("raised"):
        return Trial(arguments, raised=plain(what["raised"]), place=plain(what.get("place", "")))
    values = what["values"]
    changed = what["changed"] if what["changed"] in arguments else ""
    return Trial(arguments, None if values is None else tuple(map(_value, values)), changed=changed)


def _value(value):
    """An array of numbers as it is; for anything else an object whose type has the name that the student's had."""
    return value if isinstance(value, np.ndarray) else type(plain(value["type"], 60), (), {})()
