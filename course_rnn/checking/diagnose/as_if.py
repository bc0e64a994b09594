"""An argument that is taken for something else: the results are right for other arguments than those given."""

import numpy as np

from course_rnn.checking.diagnose.evidence import Cause


def one_argument(evidence):
    """The one change of an argument for which the answer's results are right in every case."""
    if not evidence.ran:
        return None
    fits = {}
    for sentence, change in substitutions(evidence.trials[evidence.failing[0]].arguments):
        if evidence.does(answering(evidence.question.reference, change)):
            fits[sentence] = None
    if len(fits) != 1:
        return None
    return Cause("as_if", f"your results are those {next(iter(fits))}")


def answering(function, change):
    """A function that gets its arguments changed."""

    def answer(*values):
        return function(*change(list(values)))

    return answer


def substitutions(arguments):
    """Each change of the arguments that learners make, as a sentence and a function of the list of values."""
    names, values = list(arguments), list(arguments.values())
    for k, (name, value) in enumerate(arguments.items()):
        for words, test, change in CHANGES:
            if test(value):
                yield words.format(name=name), one(k, change)
        for other in range(k + 1, len(names)):
            if alike_in_kind(value, values[other]):
                yield f"with {name} and {names[other]} exchanged.", exchanged(k, other)


def one(k, change):
    """The change of one value in the list."""

    def changed(values):
        values[k] = change(values[k])
        return values

    return changed


def exchanged(k, other):
    """The exchange of two values in the list."""

    def changed(values):
        values[k], values[other] = values[other], values[k]
        return values

    return changed


def alike_in_kind(a, b):
    """Whether two arguments may be taken for one another."""
    if hasattr(a, "shape") and hasattr(b, "shape"):
        return a.shape == b.shape and a.dtype == b.dtype
    return type(a) is type(b) and isinstance(a, (int, float, str)) and not isinstance(a, bool)


def decimals(value):
    """Whether a value is an array of decimals."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim > 0


def a_number(value):
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def flipped(value):
    """A value with its first axis turned round, an array or a tensor."""
    return value.flip(0) if hasattr(value, "flip") else value[::-1]


#: The words, for which values they have a sense, and the change.
CHANGES = (
    ("for {name} = 0: is it left out?", decimals, lambda v: v * 0),
    ("with the sign of {name} turned round.", decimals, lambda v: -v),
    ("with {name} transposed.", lambda v: decimals(v) and v.ndim == 2 and v.shape[0] == v.shape[1], lambda v: v.T),
    ("with {name} turned round along its first axis.", lambda v: decimals(v) and len(v) > 1, flipped),
    ("with tanh({name}) in the place of {name}.", decimals, lambda v: v.tanh() if hasattr(v, "tanh") else np.tanh(v)),
    (
        "with the mask {name} turned round.",
        lambda v: isinstance(v, np.ndarray) and v.dtype.kind == "b",
        lambda v: ~v,
    ),
    ("with {name} larger by one.", a_number, lambda v: v + 1),
    ("with {name} smaller by one.", a_number, lambda v: v - 1),
    (
        "with {name} larger by one.",
        lambda v: isinstance(v, np.ndarray) and v.dtype.kind == "i",
        lambda v: v + 1,
    ),
    (
        "with {name} smaller by one.",
        lambda v: isinstance(v, np.ndarray) and v.dtype.kind == "i",
        lambda v: v - 1,
    ),
    ("with {name} turned round.", lambda v: isinstance(v, bool), lambda v: not v),
)
