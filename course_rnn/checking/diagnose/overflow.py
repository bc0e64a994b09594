"""Numbers too large for exp: inf and nan come out where numbers should, and only there is anything wrong."""

import numpy as np

from course_rnn.checking.diagnose.evidence import Cause

LARGE = 50


def of_large_numbers(evidence):
    """All that is wrong are numbers that are none: the same formula would do, worked out in another order."""
    if not evidence.ran:
        return None
    failed = [k for k, trial in enumerate(evidence.trials) if evidence.question.finding(trial)]
    if len(failed) == len(evidence.trials):
        return None
    largest = max(largest_of(evidence.trials[k].arguments) for k in failed)
    if not all(not_a_number(evidence, k) for k in failed):
        return Cause("large", large(largest)) if only_the_large(evidence, failed) else None
    return Cause(
        "overflow",
        f"numbers up to {largest:.3g} come in: exp of more than 709 is inf, exp of less than -745 is 0, and inf / inf "
        "and 0 / 0 are no numbers. Take the largest of each group that is summed off before exp, and make a logarithm "
        "from the scores, not from a probability that may be 0.",
    )


def only_the_large(evidence, failed):
    """Whether all cases of large numbers fail, and no other one."""
    sizes = [largest_of(trial.arguments) for trial in evidence.trials]
    return all((size > LARGE) == (k in failed) for k, size in enumerate(sizes)) and len(failed) < len(sizes) - 1


def large(largest):
    """What is said where large numbers come out wrong, but as numbers."""
    return (
        f"it is right for small numbers and wrong only for large ones, here up to {largest:.3g}: exp of more than "
        "709 is inf, exp of less than -745 is 0, and what is added or cut off to hide that changes the result."
    )


def not_a_number(evidence, case):
    """Whether inf or nan stands where there should be a number, in one case of large numbers."""
    return largest_of(evidence.trials[case].arguments) > LARGE and any(
        got is not None and got.shape == want.shape and not np.isfinite(got[np.isfinite(want)]).all()
        for got, want in zip(evidence.got[case], evidence.want[case], strict=True)
    )


def largest_of(arguments):
    """The largest number of all arguments."""
    arrays = [np.asarray(value) for value in arguments.values()]
    return max((np.abs(array).max(initial=0) for array in arrays if array.dtype.kind == "f"), default=0)


def without(evidence):
    """The evidence without the cases that overflow, where others fail as well: those tell more."""
    if not evidence.ran:
        return evidence
    rest = [trial for k, trial in enumerate(evidence.trials) if not not_a_number(evidence, k)]
    if len(rest) < len(evidence.trials) and any(map(evidence.question.finding, rest)):
        return type(evidence)(evidence.question, rest, evidence.answer)
    return evidence
