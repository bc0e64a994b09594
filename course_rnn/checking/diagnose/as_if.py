"""An argument that is taken for something else: the results are right for other arguments than those given."""

from itertools import combinations

import numpy as np

from course_rnn.checking.diagnose.evidence import Cause

AGREEING = 2  # cases that must say so
TURNED = "with the signs of {} and {} turned round."


def one_argument(evidence):
    """The one change of an argument for which the answer's results are right in every case.

    Of two arguments that are multiplied, the change of either does the same: both are named.
    """
    if not evidence.ran:
        return None
    said = fitting(evidence, evidence.does)
    return Cause("as_if", f"your results are those {said}") if said else None


def one_value(evidence):
    """The one change of an argument for which one of several wrong values is right in every case."""
    if not evidence.ran or evidence.count < 2 or evidence.question.library != "numpy":
        return None
    for place in evidence.wrong:
        said = fitting(evidence, lambda function, place=place: evidence.does_in(function, place))
        if said:
            return Cause("as_if", f"{evidence.question.returns[place]} is what it would be {said}")
    return None


def fitting(evidence, does):
    """What is said of the change that fits; "" where none does, or changes of several kinds."""
    fits = {}
    for words, names, change in substitutions(evidence.trials[evidence.failing[0]].arguments):
        if does(answering(evidence.question.reference, change)):
            fits.setdefault(words, []).append(names)
    if len(fits) != 1:
        return ""
    (words, names), *_ = fits.items()
    return words.format(*names[0]) if len(names) == 1 else words.format(" or ".join(name for name, *_ in names), "")


def two_arguments(evidence):
    """Two arguments, both left out or both with their signs turned, for which all results are right.

    Of two that are multiplied either may be meant, and both are named.
    """
    if not evidence.ran or evidence.question.library != "numpy":  # in torch each try takes ten times as long
        return None
    arguments, fits = evidence.trials[evidence.failing[0]].arguments, {}
    places = {k: name for k, (name, value) in enumerate(arguments.items()) if decimals(value)}
    for pair in combinations(places, 2):
        for words, factor in (("for {} = 0 and {} = 0: are they left out?", 0), (TURNED, -1)):
            if evidence.does(answering(evidence.question.reference, scaled(pair, factor))):
                fits.setdefault(words, []).append({places[k] for k in pair})
    if len(fits) != 1:
        return None
    (words, pairs), *_ = fits.items()
    shared = set.intersection(*pairs)
    others = [name for name in places.values() if name in set.union(*pairs) - shared]
    if len(pairs) > 1 and len(shared) != 1:
        return None
    first, *rest = [name for name in places.values() if name in shared]
    return Cause("as_if", f"your results are those {words.format(first, ' or '.join(rest or others))}")


def scaled(places, factor):
    """The change of some values in the list: each times a factor."""

    def changed(values):
        return [value * factor if k in places else value for k, value in enumerate(values)]

    return changed


def a_mask(evidence):
    """A mask taken the other way round, where that leaves nothing in some cases: these say nothing."""
    if not evidence.ran:
        return None
    arguments = evidence.trials[evidence.failing[0]].arguments
    for k, (name, value) in enumerate(arguments.items()):
        if isinstance(value, np.ndarray) and value.dtype.kind == "b":
            function = answering(evidence.question.reference, one(k, lambda mask: ~mask))
            agreed = [evidence.agrees(function, case) for case in evidence.failing]
            if agreed.count(True) >= AGREEING and False not in agreed:
                return Cause("as_if", f"your results are those with the mask {name} turned round.")
    return None


def answering(function, change):
    """A function that gets its arguments changed."""

    def answer(*values):
        return function(*change(list(values)))

    return answer


def substitutions(arguments):
    """Each change of the arguments that learners make: its words, the names in them, a function of the values."""
    names, values = list(arguments), list(arguments.values())
    for k, (name, value) in enumerate(arguments.items()):
        for words, test, change in CHANGES:
            if test(value):
                yield words, (name,), one(k, change)
        for other in range(k + 1, len(names)):
            if alike_in_kind(value, values[other]):
                yield "with {} and {} exchanged.", (name, names[other]), exchanged(k, other)


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
    ("for {} = 0: is it left out?", decimals, lambda v: v * 0),
    ("with the sign of {} turned round.", decimals, lambda v: -v),
    ("with {} counted twice.", decimals, lambda v: 2 * v),
    ("with {} transposed.", lambda v: decimals(v) and v.ndim == 2 and v.shape[0] == v.shape[1], lambda v: v.T),
    ("with {} turned round along its first axis.", lambda v: decimals(v) and len(v) > 1, flipped),
    ("with tanh({0}) in the place of {0}.", decimals, lambda v: v.tanh() if hasattr(v, "tanh") else np.tanh(v)),
    (
        "with the mask {} turned round.",
        lambda v: isinstance(v, np.ndarray) and v.dtype.kind == "b",
        lambda v: ~v,
    ),
    ("with {} larger by one.", a_number, lambda v: v + 1),
    ("with {} smaller by one.", a_number, lambda v: v - 1),
    (
        "with {} larger by one.",
        lambda v: isinstance(v, np.ndarray) and v.dtype.kind == "i",
        lambda v: v + 1,
    ),
    (
        "with {} smaller by one.",
        lambda v: isinstance(v, np.ndarray) and v.dtype.kind == "i",
        lambda v: v - 1,
    ),
    ("with {} turned round.", lambda v: isinstance(v, bool), lambda v: not v),
)
