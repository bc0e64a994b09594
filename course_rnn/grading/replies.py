"""What a worker's reply means: nothing in it is taken on trust."""

import re

import numpy as np

from course_rnn.checking.trial import Trial
from course_rnn.grading.text import plain

LONG_NUMBER = re.compile(r"\d{9,}")  # in an exception: it would carry a hidden case out


def trials(cases, reply):
    """A trial of each case.

    Raises
    ------
    AttributeError, KeyError, TypeError, ValueError
        The reply is in disorder.
    """
    found = [trial(case, what) for case, what in zip(cases, reply["trials"], strict=False)]
    if len(found) != len(cases) and not any(each.to_do for each in found):
        raise ValueError("cases without an answer")
    return found


def trial(arguments, what):
    """A trial of what a worker says that came of a case.

    Raises
    ------
    AttributeError, KeyError, TypeError, ValueError
        It says something else.
    """
    if what.get("to_do"):
        return Trial(arguments, to_do=True)
    if what.get("raised"):
        raised = LONG_NUMBER.sub("…", plain(what["raised"]))
        return Trial(arguments, raised=raised, place=plain(what.get("place", "")))
    values, changed = what["values"], _changed(arguments, what["after"])
    return Trial(arguments, None if values is None else tuple(map(_value, values)), changed=changed)


def _changed(arguments, after):
    """The name of the first argument that a call has changed; "" where it has changed none."""
    for name, value in arguments.items():
        if isinstance(value, np.ndarray):
            same = isinstance(after[name], np.ndarray) and after[name].dtype == value.dtype
            if not (same and np.array_equal(after[name], value, equal_nan=value.dtype.kind in "fc")):
                return name
        elif isinstance(value, list) and not (isinstance(after[name], list) and after[name] == value):
            return name
    return ""


def _value(value):
    """An array of numbers as it is; for anything else an object whose type has the name that the student's had."""
    return value if isinstance(value, np.ndarray) else type(plain(value["type"], 60), (), {})()
