"""Blocks of the arguments that are taken for one another: gates in another order, or cut number by number in turn."""

from itertools import combinations

import numpy as np

from course_rnn.checking.compare import as_array
from course_rnn.checking.diagnose.evidence import Cause
from course_rnn.checking.diagnose.part import in_words, shared_axes
from course_rnn.checking.mistake import quietly

COUNTS = (2, 3, 4)  # directions, the gates of a GRU, those of an LSTM


def of_the_arguments(evidence):
    """The one other order of blocks for which the wrong values are right, in every case."""
    if not evidence.ran:
        return None
    found = {}
    for axes in shared_axes(evidence.trials):
        for words, order in orders([length(trial, axes) for trial in evidence.trials]):
            if all(made_of(evidence, k, axes, order) for k in evidence.failing):
                found[f"{words} of {in_words(axes)}"] = None
    if len(found) != 1:
        return None
    return Cause("blocks", f"your results are those with {next(iter(found))}.")


def length(trial, axes):
    """How long the axes of a group are in one case."""
    name, axis = axes[0]
    return trial.arguments[name].shape[axis]


def orders(lengths):
    """The other orders that learners cut blocks in: its words, and the places as a function of the length."""
    for count in COUNTS:
        if any(n % count for n in lengths) or max(lengths) == count:
            continue
        for a, b in combinations(range(count), 2):
            blocks = list(range(count))
            blocks[a], blocks[b] = b, a
            yield (
                f"blocks {a + 1} and {b + 1} of the {count} exchanged, along the axis",
                lambda n, blocks=blocks: np.arange(n).reshape(len(blocks), -1)[blocks].ravel(),
            )
        every = ("second", "third", "fourth")[count - 2]
        yield (
            f"every {every} number taken for a block, where a block is in one piece, along the axis",
            lambda n, count=count: np.arange(n).reshape(-1, count).T.ravel(),
        )


def made_of(evidence, case, axes, order):
    """Whether the wrong values of one case are those of the data in another order."""
    question, arguments = evidence.question, dict(evidence.trials[case].arguments)
    for name, axis in axes:
        arguments[name] = np.take(arguments[name], order(arguments[name].shape[axis]), axis)
    values = quietly(question.reference, arguments, question.library, evidence.count).values
    if not values or len(values) != evidence.count:
        return False
    return all(evidence.same(evidence.got[case][place], as_array(values[place])) for place in evidence.wrong)
