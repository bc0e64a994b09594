"""An argument that does not matter: it is nudged, the right result moves, and the learner's does not."""

import numpy as np

from course_rnn.checking.compare import as_array
from course_rnn.checking.diagnose.evidence import Cause
from course_rnn.checking.mistake import quietly

NUDGES = 3


def argument(evidence):
    """The arguments that no wrong value depends on, although the right ones do."""
    if evidence.answer is None or not evidence.ran:
        return None
    case = largest(evidence)
    arguments, rng = evidence.trials[case].arguments, np.random.default_rng(0)
    unused = [name for name in arguments if stays(evidence, case, name)]
    passing = [k for k, trial in enumerate(evidence.trials) if not evidence.question.finding(trial)]
    unused = [name for name in unused if not any(moves(evidence, k, name) for k in passing)]
    moving = [name for name, value in arguments.items() if nudged(value, rng)]
    if not unused:
        return None
    values = said([evidence.question.returns[place] for place in evidence.wrong])
    does = "does" if len(evidence.wrong) == 1 else "do"
    if len(unused) == len(moving) > 1:
        return Cause("unused", f"{values} {does} not depend on what the function is given.")
    names = said(unused, "or")
    return Cause("unused", f"{values} {does} not depend on {names}: whatever stands there, nothing changes.")


def said(names, last="and"):
    """Names as they are said."""
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def largest(evidence):
    """The failing case with the most numbers: in one of size 1 little shows."""
    failing = [k for k in evidence.failing if evidence.question.finding(evidence.trials[k])]
    return max(failing, key=lambda k: sum(np.size(v) for v in evidence.trials[k].arguments.values()))


def stays(evidence, case, name):
    """Whether a nudge of one argument moves the right values in the wrong places, and not one of the learner's."""
    question, rng, moved = evidence.question, np.random.default_rng(0), set()
    arguments = evidence.trials[case].arguments
    for _ in range(NUDGES):
        values = nudged(arguments[name], rng)
        if not values:
            return False
        other = arguments | {name: values[0]}
        right = quietly(question.reference, other, question.library, evidence.count)
        theirs = quietly(evidence.answer, other, question.library, evidence.count)
        if not right.values or not theirs.values or len(theirs.values) != evidence.count:
            return False
        for place in evidence.wrong:
            if not evidence.same(as_array(right.values[place]), evidence.want[case][place]):
                moved.add(place)
            now = as_array(theirs.values[place])
            if now is None or not np.array_equal(now, evidence.got[case][place], equal_nan=now.dtype.kind in "fc"):
                return False
    return moved == set(evidence.wrong)


def moves(evidence, case, name):
    """Whether a nudge of one argument moves any wrong value of the learner's, in a case that passes."""
    question, arguments = evidence.question, evidence.trials[case].arguments
    for value in nudged(arguments[name], np.random.default_rng(0)):
        theirs = quietly(evidence.answer, arguments | {name: value}, question.library, evidence.count)
        if not theirs.values or len(theirs.values) != evidence.count:
            return True
        return any(not evidence.same(as_array(theirs.values[k]), evidence.got[case][k]) for k in evidence.wrong)
    return False


def nudged(value, rng):
    """Another value of the same kind and sign, in a list; [] for what is a size or a label."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return [value * rng.uniform(0.6, 1.5, size=value.shape).astype(value.dtype)]
    if isinstance(value, bool):
        return [not value]
    return [value * rng.uniform(0.6, 1.5)] if isinstance(value, float) else []
