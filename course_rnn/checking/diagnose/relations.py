"""How wrong values relate to the right ones: another order, a sign, a factor, turned round, one place late."""

from itertools import permutations

import numpy as np

from course_rnn.checking.compare import alike
from course_rnn.checking.diagnose.evidence import Cause
from course_rnn.checking.diagnose.places import filled, joined, rows_alike
from course_rnn.checking.diagnose.sums import common, counts, factors, named_sizes, ratio, ratios, sizes, terms
from course_rnn.checking.diagnose.unused import said

CONSTANTS = {
    "as a logarithm to base 2 is": 1 / np.log(2),
    "as a logarithm to base 10 is": 1 / np.log(10),
    "the root of 2": 2**0.5,
}
BLOCKS = (2, 3, 4)  # directions, the gates of a GRU, those of an LSTM
ENOUGH = 3  # different numbers that a relation must hold for: fewer fit by chance


def order(evidence):
    """All results are right, but in another order; or one of them stands where another should."""
    if not evidence.ran or evidence.count < 2:
        return None
    names, places = evidence.question.returns, range(evidence.count)
    holds = {k: [other for other in places if is_value(evidence, k, other)] for k in evidence.wrong}
    if not all(len(others) == 1 for others in holds.values()):
        return None
    found = [names[holds[k][0]] if k in holds else names[k] for k in places]
    if len(set(found)) == evidence.count:
        return Cause("order", f"the results are right, but in another order: you return {said(found)}.")
    k = evidence.wrong[0]
    return Cause("order", f"what you return as {names[k]} is {found[k]}.")


def a_row(evidence):
    """A wrong value is, in every case, one row of what another one should be."""
    if not evidence.ran:
        return None
    names = evidence.question.returns
    for place in evidence.wrong:
        for other in sorted(range(evidence.count), key=lambda k, place=place: k != place):
            for k in (-1, 0, 1, -2):
                if is_row(evidence, place, other, k):
                    return Cause("row", f"what you return as {names[place]} is {names[other]}[{k}].")
    return None


def is_row(evidence, place, other, k):
    """Whether one value is, in every case in which it is wrong, a row of what another should be."""
    told = 0
    for got, want in zip(evidence.got, evidence.want, strict=True):
        if evidence.same(got[place], want[place]):
            continue
        rows = want[other]
        if not rows.ndim or not -len(rows) <= k < len(rows) or not evidence.same(got[place], rows[k]):
            return False
        told += 1
    return told > 1


def is_value(evidence, place, other):
    """Whether one value is, in every case, what another should be."""
    return all(evidence.same(got[place], want[other]) for got, want in zip(evidence.got, evidence.want, strict=True))


def an_input(evidence):
    """The first wrong value that is an argument as it came in."""
    return of_values(evidence, (inputs,))


def other_places(evidence):
    """The first wrong value that has the right numbers in other places: little, but certain."""
    return of_values(evidence, (exchanged,))


def of_values(evidence, groups=None):
    """What holds between the first wrong value that anything can be said of, and the right one, in every case."""
    if not evidence.ran:
        return None
    for place in evidence.wrong:
        pairs = evidence.pairs(place)
        if any(got is None or want is None for got, want in pairs):
            continue
        arguments = [trial.arguments for trial in evidence.trials]
        found = relation(pairs, arguments, evidence.question.tolerance, groups or GROUPS)
        if found:
            return Cause(found[0], f"{evidence.question.returns[place]} {found[1]}")
    return None


def of_a_block(evidence):
    """What holds between one block of the first wrong value and the right one: gates are stacked in blocks."""
    if not evidence.ran:
        return None
    place = evidence.wrong[0]
    arguments, tolerance = [trial.arguments for trial in evidence.trials], evidence.question.tolerance
    if any(got is None or got.shape != want.shape for got, want in evidence.pairs(place)):
        return None
    for axis in range(max(want.ndim for _, want in evidence.pairs(place))):
        for count in BLOCKS:
            if any(want.shape[axis] % count for _, want in evidence.pairs(place)):
                continue
            for k in range(count):
                pairs = [tuple(np.split(side, count, axis)[k] for side in pair) for pair in evidence.pairs(place)]
                found = not all(alike(*pair, tolerance) for pair in pairs) and relation(
                    pairs, arguments, tolerance, (scalings, factors, functions, terms)
                )
                if found:
                    name = f"block {k + 1} of the {count} in {evidence.question.returns[place]}"
                    return Cause(found[0], f"{name} (along axis {axis}) {found[1]}")
    return None


def relation(pairs, arguments, tolerance, groups):
    """The one relation between what came and what is right, as its name and the sentence on it.

    It must hold in every case that is wrong, and these must be two at least, if others are right. None where none
    holds, or two do.
    """
    telling = [k for k, (got, want) in enumerate(pairs) if not alike(got, want, tolerance)]
    if len(telling) < min(len(pairs), 2):
        return None
    pairs, arguments = [pairs[k] for k in telling], [arguments[k] for k in telling]
    for group in groups:
        fits = {}
        for name, sentence, test in group(pairs, arguments):
            seen = [numbers_alike(test, *pair, case, tolerance) for pair, case in zip(pairs, arguments, strict=True)]
            if None not in seen and len(set().union(*seen)) >= FEWER.get(group, ENOUGH):
                fits[sentence] = name
        if len(fits) == 1:
            sentence, name = next(iter(fits.items()))
            return name, sentence
        if fits:
            return None
    return None


def numbers_alike(test, got, want, arguments, tolerance):
    """The different numbers of two arrays that are to be the same, None where they are not."""
    with np.errstate(all="ignore"):
        try:
            left, right = map(np.asarray, test(got, want, arguments))
        except (ValueError, IndexError, TypeError, OverflowError):
            return None
        return set(right.ravel().tolist()) if alike(left, right, tolerance) else None


# ---------------------------------------------------------------------- what may hold, by kind; the surest kind first


def inputs(pairs, arguments):
    """The value is an argument as it came in."""
    for name, value in arguments[0].items():
        if isinstance(value, np.ndarray):
            yield "input", f"is {name}, as it came in.", lambda got, want, case, name=name: (got, case[name])


def arrangements(pairs, arguments):
    """The right numbers in another arrangement."""
    dimensions = max(want.ndim for _, want in pairs)
    for axes in permutations(range(dimensions)):
        if axes == tuple(range(dimensions)) or dimensions < 2:
            continue
        words = "is transposed." if dimensions == 2 else "has the right numbers, but its axes are exchanged."
        yield "transposed", words, lambda got, want, case, axes=axes: (got, want.transpose(axes))
    for axis in range(dimensions):
        words = f"is turned round along axis {axis}: the last stands first."
        yield "turned_round", words, lambda got, want, case, axis=axis: (got, np.flip(want, axis))


def shifts(pairs, arguments):
    """The right rows, in other places; where there are two, only one would be compared, and may fit by chance."""
    if max((len(want) for _, want in pairs if want.ndim), default=0) < 3:
        return
    yield (
        "late",
        "is one place late: at [k + 1] stands what belongs at [k].",
        lambda got, want, case: (got[1:], want[:-1] if len(got) == len(want) else want),
    )
    yield (
        "early",
        "is one place early: at [k] stands what belongs at [k + 1].",
        lambda got, want, case: (got[:-1], want[1:]) if len(got) == len(want) else (0, 1),
    )
    yield "one_too_many", "has one row too many at its end.", lambda got, want, case: (got[:-1], want)
    yield "first_missing", "lacks its first row.", lambda got, want, case: (got, want[1:])
    yield "last_missing", "lacks its last row.", lambda got, want, case: (got, want[:-1])


def other_shapes(pairs, arguments):
    """The right numbers, in their order, in another shape."""
    if all(got.shape == want.shape for got, want in pairs):
        return
    yield (
        "shape",
        "has the right numbers in their order, but in another shape: an axis was lost, or added, or two were joined.",
        lambda got, want, case: (got.ravel(), want.ravel()),
    )


def sums(pairs, arguments):
    """An axis that was added up and should not have been, or the other way round."""
    if all(got.shape == want.shape for got, want in pairs):
        return
    for axis in range(max(got.ndim for got, _ in pairs)):
        for word in ("sum", "mean"):
            yield (
                f"not_{word}",
                f"still has an axis too many: the {word} over axis {axis} would be right.",
                lambda got, want, case, axis=axis, word=word: (getattr(got, word)(axis=axis), want),
            )
    for axis in range(max(want.ndim for _, want in pairs)):
        for word in ("sum", "mean", "max"):
            yield (
                f"{word}_too_many",
                f"is the {word} of the right values over axis {axis}: that axis should stay.",
                lambda got, want, case, axis=axis, word=word: (got, getattr(want, word)(axis=axis)),
            )


def scalings(pairs, arguments):
    """A sign, a factor or a number added."""
    yield "sign", "has the wrong sign: it is minus what is right.", lambda got, want, case: (got, -want)
    factor = ratio(pairs)
    if factor is not None and not np.isclose(factor, -1):  # that is the sign; float32 makes it -0.99999999
        known = next((f" ({words})" for words, value in CONSTANTS.items() if abs(factor - value) < 1e-3 * value), "")
        yield (
            "factor",
            f"is {factor:.4g}{known} times what is right, everywhere: a constant factor is missing, or one too many.",
            lambda got, want, case: (got, factor * want),
        )
    for words, size in named_sizes(arguments):
        if factor is None:
            yield (
                "divided",
                f"is divided by {words}: a mean where a sum belongs?",
                lambda got, want, case, size=size: (got * size(case), want),
            )
            yield (
                "multiplied",
                f"is multiplied by {words}: a sum where a mean belongs?",
                lambda got, want, case, size=size: (got, want * size(case)),
            )
    offset = common([got - want for got, want in pairs if got.shape == want.shape and got.dtype.kind in "iuf"])
    if offset:
        yield (
            "offset",
            f"is too {'large' if offset > 0 else 'small'} by {abs(offset):.4g} everywhere.",
            lambda got, want, case: (got, want + offset),
        )


def functions(pairs, arguments):
    """A function that is missing, or one too many."""
    if any(want.dtype.kind not in "f" for _, want in pairs):
        if all(want.dtype.kind == "b" and got.dtype.kind == "b" for got, want in pairs):
            yield "not", "is turned round: False where it should be True.", lambda got, want, case: (~got, want)
        return
    for name, function in (("tanh", np.tanh), ("exp", np.exp), ("log", np.log), ("the root", np.sqrt)):
        yield (
            "function_missing",
            f"would be right if {name} of it were taken: is it forgotten?",
            lambda got, want, case, function=function: (function(got), want),
        )
        if name in ("exp", "log"):  # one of them too many is the other one missing
            continue
        yield (
            "function_too_many",
            f"is {name} of what is right: one step too many.",
            lambda got, want, case, function=function: (got, function(want)),
        )
    for name, function in (("the logistic sigmoid", sigmoid), ("the softmax", softmax), ("the positive part", relu)):
        yield (
            "function_too_many",
            f"is {name} of what is right: one step too many.",
            lambda got, want, case, function=function: (got, function(want)),
        )
    yield "complement", "is 1 minus what is right.", lambda got, want, case: (got, 1 - want)
    yield "inverse", "is 1 divided by what is right.", lambda got, want, case: (got, 1 / want)


def sigmoid(a):
    """Between 0 and 1."""
    return 1 / (1 + np.exp(-a))


def softmax(a):
    """Probabilities along the last axis."""
    p = np.exp(a - a.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def relu(a):
    """Nothing below 0."""
    return np.maximum(a, 0)


def exchanged(pairs, arguments):
    """The right numbers in other places."""
    yield (
        "places",
        "has the right numbers, but not in their places.",
        lambda got, want, case: (np.sort(got, axis=None), np.sort(want, axis=None)) if same(got, want) else (0, 1),
    )


def same(got, want):
    """Whether two arrays have one shape and enough different numbers to be recognised."""
    return got.shape == want.shape and (want.size < 3 or len(np.unique(want)) > 2)


FEWER = {inputs: 0, sizes: 2}  # what is an argument is so by no chance
GROUPS = (
    arrangements,
    shifts,
    joined,
    other_shapes,
    sums,
    scalings,
    ratios,
    sizes,
    functions,
    factors,
    terms,
    counts,
    filled,
    rows_alike,
)
