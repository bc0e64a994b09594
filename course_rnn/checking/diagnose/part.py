"""Only a part of what was given counts: the last sample, all steps but the first."""

import numpy as np

from course_rnn.checking.compare import as_array
from course_rnn.checking.diagnose.evidence import Cause
from course_rnn.checking.mistake import quietly

AGREEING = 3  # cases that must say so; one in which nothing is left says nothing
PARTS = (
    (slice(-1, None), "the last of {n} alone"),
    (slice(0, 1), "the first of {n} alone"),
    (slice(0, -1), "all but the last of {n}"),
    (slice(1, None), "all but the first of {n}"),
)


def of_the_data(evidence):
    """The one part of an axis of the arguments that the wrong values are made of, in every case that shows it."""
    if not evidence.ran:
        return None
    found = {}
    for axes in shared_axes(evidence.trials):
        for part, words in PARTS:
            seen = [made_of(evidence, k, axes, part) for k in evidence.failing]
            if False not in seen and seen.count(True) >= AGREEING:
                found[words.format(n=in_words(axes))] = None
    if len(found) != 1:
        return None
    names = evidence.question.returns
    wrong = [names[place] for place in evidence.wrong]
    return Cause("part", f"{' and '.join(wrong)} {'comes' if len(wrong) == 1 else 'come'} of {next(iter(found))}.")


def shared_axes(trials):
    """The groups of axes of the arguments that always have one length: samples, steps, units."""
    lengths = {}
    for name, value in trials[0].arguments.items():
        for axis in range(value.ndim if isinstance(value, np.ndarray) else 0):
            key = tuple(trial.arguments[name].shape[axis] for trial in trials)
            lengths.setdefault(key, []).append((name, axis))
    return [axes for key, axes in lengths.items() if max(key) > 1]


def in_words(axes):
    """The axes of a group, as they are said."""
    names = list(dict.fromkeys(name for name, _ in axes))
    return f"{' and '.join(names[:2])} along axis {axes[0][1]}"


def made_of(evidence, case, axes, part):
    """Whether the wrong values of one case are those of a part of the data; None where there are none of it."""
    question, arguments = evidence.question, dict(evidence.trials[case].arguments)
    for name, axis in axes:
        arguments[name] = arguments[name][(slice(None),) * axis + (part,)]
    values = quietly(question.reference, arguments, question.library, evidence.count).values
    if not values or len(values) != evidence.count:
        return None
    return all(evidence.same(evidence.got[case][place], as_array(values[place])) for place in evidence.wrong)
