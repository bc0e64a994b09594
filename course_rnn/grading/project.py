"""Grading a project: its function runs on hidden inputs in the room, and what comes out is scored here."""

from dataclasses import replace
from zlib import crc32

import numpy as np

from course_rnn.grading import replies
from course_rnn.grading.intake import files
from course_rnn.grading.text import plain


class Stopped(Exception):
    """Why a function gave no answers, as a sentence."""


def grade(project, sessions, beside, seed):
    """Score a project on its hidden part.

    Parameters
    ----------
    project : Project
    sessions : Sessions
        Of the notebook.
    beside : dict of str to Path
        The files that were handed in with it.
    seed : int
        The hidden inputs are drawn from it.

    Returns
    -------
    dict
        What the verdict says of it; under "look" what an instructor should look at.
    """
    path = beside.get(project.file)
    weights = files.read_plain(path, project.weights_mb, "file of weights") if path else b""
    result, look = _scored(project, sessions, weights, np.random.default_rng([seed, crc32(project.name.encode())]))
    answer = {
        "points": result.points,
        "max": project.points,
        "message": result.message,
        "cause": "",
        "alike": "",
        "beside": {project.file: files.sha256(weights)} if path else {},
    }
    return {
        "status": "graded",
        "score": result.points,
        "questions": {project.name: answer},
        "messages": [],
        "times": {project.name: round(sessions.seconds, 3)},
        "look": look,
    }


def _scored(project, sessions, weights, rng):
    """The result, and what is to be looked at."""
    cases = project.draw("hidden", rng)
    looks = project.second_look(cases, rng)
    inputs = [each for each, _ in cases]
    sent = {"weights": np.frombuffer(weights, np.uint8), "weights_mb": project.weights_mb}
    try:
        trials = _called(project, sessions.fresh(), inputs, sent | {"blank": False})
        result = project.judge(cases, trials, "hidden")
        if not result.points:
            return _plain(result), []
        doubtful = project.is_doubtful(cases, trials)
        room = sessions.fresh()  # which knows nothing of the first look
        again = _called(project, room, [each for each, _ in looks], sent | {"blank": False}) if looks else []
        blank = _called(project, room, inputs, sent | {"blank": True}, may_stop=True)
        result = project.confirmed(result, trials, looks, again, cases, blank)
    except Stopped as stopped:
        return project.not_yet(str(stopped)), []
    said = f"{project.name}: better than anything honest that is known. Look at the code and at what the weights hold."
    return _plain(result), [said] if doubtful else []


def _called(project, room, inputs, sent, may_stop=False):
    """The trials of some inputs.

    Raises
    ------
    Stopped
        There are none; where it may stop, that is a trial as well.
    """
    try:
        return replies.trials(inputs, _reply(project, room.call(project.name, project.library, inputs, **sent), room))
    except Stopped as stopped:
        if not may_stop:
            raise
        return [replies.trial(each, {"raised": str(stopped)}) for each in inputs]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Stopped("What came of the function cannot be read.") from None


def _reply(project, reply, room):
    """A reply with trials in it.

    Raises
    ------
    Stopped
    """
    if "dropped" in reply:
        raise Stopped(f"The function was stopped: {plain(reply['dropped'])}.")
    if "refused" in reply:
        raise Stopped(plain(reply["refused"]))
    if "missing" in reply:
        notes = " ".join(room.notes.values())
        raise Stopped(f"There is no function {project.name}. {notes}".strip())
    return reply


def _plain(result):
    """A result whose words are safe to show, whatever a stranger's exception said."""
    if result.state == "to do":
        return replace(result, message="Still to do.")
    return replace(result, message="\n".join(plain(line, 1000) for line in result.message.splitlines()))
