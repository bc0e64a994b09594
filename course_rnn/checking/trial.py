"""Running a learner's function on the arguments of one case, and keeping what came of it."""

import copy
import linecache
import traceback
from dataclasses import dataclass, replace

import numpy as np

from course_rnn.checking import shapes
from course_rnn.checking.compare import TOLERANCE, as_array, as_tuple, difference

LONGEST = 300  # characters of an exception that are shown


@dataclass(frozen=True)
class Trial:
    """What came of one call.

    Attributes
    ----------
    arguments : dict
        What the function was given.
    values : tuple or None
        What it returned; None where it returned nothing or stopped.
    raised : str
        The exception that stopped it, as "TypeError: ...".
    place : str
        Where in the learner's code that was, as ", at line 2 of your cell: ...".
    to_do : bool
        Whether it is still the stub of the exercise.
    changed : str
        The name of an input that it changed in place.
    met : str
        Where shapes did not fit: which, in words.
    """

    arguments: dict
    values: tuple | None = None
    raised: str = ""
    place: str = ""
    to_do: bool = False
    changed: str = ""
    met: str = ""

    def only(self, place):
        """The same trial with only one of its values."""
        return replace(self, values=self.values and self.values[place : place + 1])

    def spread(self, count):
        """The same trial, where one array came for several values, with its rows as the values."""
        if self.values is None or len(self.values) != 1 or count == 1:
            return self
        return replace(self, values=as_tuple(self.values[0], count))

    def joined(self, shape):
        """The same trial, with the list that it returned for its only value as an array, where that has a shape."""
        rows = None if self.values is None else as_array(list(self.values))
        return self if rows is None or rows.shape != shape else replace(self, values=(rows,))

    def does_as(self, other, tolerance=TOLERANCE, loosely=False):
        """Whether another trial on the same arguments ended in the same way.

        `loosely`, two exceptions are the same where the same sizes met, in whatever words.
        """
        if self.raised or other.raised:
            said = (shapes.fingerprint(t.raised) if loosely else t.raised for t in (self, other))
            return bool(self.raised and other.raised) and len(set(said)) == 1
        if self.values is None or other.values is None:
            return self.values is other.values
        return len(self.values) == len(other.values) and all(
            as_array(want) is not None and difference("", got, want, tolerance) is None
            for got, want in zip(self.values, other.values, strict=True)
        )


def run(function, arguments, library="numpy", count=None):
    """Call a function with copies of the arguments.

    Parameters
    ----------
    function : callable
    arguments : dict
        By name, in the order of the function's parameters.
    library : str
        "torch" hands the arrays over as tensors.
    count : int, optional
        How many values are expected.

    Returns
    -------
    Trial
        Whatever the function does, no exception comes out but an interrupt by the user.
    """
    given = copy.deepcopy(arguments)
    try:
        returned = function(*adapt(given, library).values())
        values = None if returned is None else as_tuple(returned, count)
    except KeyboardInterrupt:
        raise
    except NotImplementedError:
        return Trial(arguments, to_do=True)
    except BaseException as error:  # SystemExit is none of the usual ones
        return Trial(arguments, raised=said(error), place=place(error), met=shapes.met(error, said(error)))
    changed = [name for name, value in arguments.items() if not _equal(given[name], value)]
    return Trial(arguments, values, changed=changed[0] if changed else "")


def adapt(arguments, library):
    """The arguments as the library of a question wants them; a tensor shares the memory of its array."""
    if library == "numpy":
        return arguments
    import torch

    return {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in arguments.items()
    }


def _equal(value, other):
    if isinstance(other, np.ndarray):
        return np.array_equal(value, other, equal_nan=other.dtype.kind in "fc")
    return value == other


def said(error):
    """An exception as text on one line: its type and what it says, cut where that is long."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # an exception class of the learner's may not know what to say
        text = ""
    text = text.encode(errors="replace").decode()  # a lone surrogate cannot be shown
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return f"{type(error).__name__}: {cut}" if cut else type(error).__name__


def place(error):
    """Where in the learner's code an exception came from: their own line, not ours."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is the call in `run`
    if not frames:
        return ""
    own = [frame for frame in frames if frame.filename == frames[0].filename][-1]
    line = own.line or linecache.getline(own.filename, own.lineno).strip()
    return f", at line {own.lineno} of your cell{f': {line}' if line else '.'}"
