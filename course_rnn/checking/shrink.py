"""The smallest case in which an answer goes wrong in the same way: small enough for paper, and callable."""

from dataclasses import dataclass, field

import numpy as np

from course_rnn.checking.cases import Exhausted, Small
from course_rnn.checking.compare import as_array, errors
from course_rnn.checking.trial import adapt, run

ATTEMPTS = 60
LONGEST = 420  # characters of arguments that are written out
NUMBERS = 60


@dataclass(frozen=True)
class Case:
    """A case that fails: call it, and your function gets its arguments.

    Attributes
    ----------
    arguments : dict
        By name, in the order of the parameters.
    expected : tuple
        What should come out, one for each value.
    """

    arguments: dict
    expected: tuple
    answer: object = field(default=None, repr=False, compare=False)
    library: str = "numpy"

    def __call__(self, answer=None):
        """What a function returns for these arguments: yours, or another one that you give."""
        return (answer or self.answer)(*adapt(self.arguments, self.library).values())

    def __str__(self):
        return in_words(self.arguments)


def smallest(question, answer, trial):
    """The smallest case that can be found in which the answer fails as it does in a trial.

    Parameters
    ----------
    question : Question
    answer : callable
    trial : Trial
        One that failed.

    Returns
    -------
    Trial
        The trial itself where no smaller one fails like it.
    """
    kind, best, least = way(question, trial), trial, weight(trial.arguments)
    for attempt in range(ATTEMPTS):
        try:
            arguments = question.cases(Small(attempt, 1 + attempt * 3 // ATTEMPTS))
        except (Exhausted, ValueError, IndexError):  # some questions have no case that is so small
            continue
        if weight(arguments) >= least or question.expected(arguments) is None:
            continue
        tried = run(answer, arguments, question.library, len(question.returns))
        (tried,) = question.joined([tried.spread(len(question.returns))])
        if way(question, tried) == kind:
            best, least = tried, weight(arguments)
    return best


def way(question, trial):
    """In which way a trial fails: by what it raised, or by the first value and what is said of it; None if it passes.

    A result that is not a number, or right by accident, is no example.
    """
    finding = question.finding(trial)
    if not finding:
        return None
    if trial.raised:
        return trial.raised.partition(":")[0]
    return finding.partition(":")[0].partition(",")[0].partition("(")[0]


def weight(arguments):
    """How much there is to write down: first the numbers, then those that are not 0."""
    values = [np.asarray(value) for value in arguments.values()]
    numbers = sum(value.size if value.dtype.kind in "biuf" else len(str(value)) for value in values)
    return numbers, sum(int(np.count_nonzero(value)) for value in values if value.dtype.kind in "biuf")


def in_words(arguments):
    """The arguments as they would be written, or their shapes where that is too long."""
    values = {name: as_array(value) for name, value in arguments.items()}
    text = ", ".join(f"{name} = {written(value)}" for name, value in arguments.items())
    if len(text) <= LONGEST:
        return text
    return ", ".join(
        f"{name} {shape_of(values[name])}" if values[name] is not None and values[name].ndim else f"{name} = {value}"
        for name, value in arguments.items()
    )


def shape_of(array):
    """A shape in words."""
    return f"of shape {array.shape}"


def written(value):
    """A value as short as code can have it; a whole array of one number as that number everywhere."""
    array = as_array(value)
    if array is None or not array.ndim:
        return repr(value) if isinstance(value, (str, list)) else number(value)
    if array.size > NUMBERS:
        return shape_of(array)
    if array.size > 4 and len(np.unique(array)) == 1:
        return f"all {number(array.flat[0])}, {array.shape}"
    return nested(array.tolist())


def nested(values):
    """A nested list with short numbers."""
    return f"[{', '.join(map(nested, values))}]" if isinstance(values, list) else number(values)


def number(value):
    """A number in at most four digits."""
    if isinstance(value, (bool, np.bool_)) or not np.isscalar(value) or isinstance(value, str):
        return str(value)
    return f"{value:.4g}" if np.asarray(value).dtype.kind in "fc" else str(value)


def yours(question, trial):
    """What came and what should have come of the first wrong value, in words."""
    expected = question.expected(trial.arguments)
    if trial.raised:
        return f"it stops with {trial.raised.partition(':')[0]}"
    if trial.values is None or len(trial.values) != len(question.returns):
        return ""
    for name, got, want in zip(question.returns, trial.values, expected, strict=True):
        array, right = as_array(got), as_array(want)
        if array is None or array.shape != right.shape:
            return "" if array is None else f"your {name} has shape {array.shape}, expected {right.shape}"
        error, allowed = errors(array, right, question.tolerance)
        if (error > allowed).any():
            if right.size <= 6:
                return f"your {name} is {nested(array.tolist())}, expected {nested(right.tolist())}"
            where = np.unravel_index(error.argmax(), error.shape)
            at = f"{name}{[int(i) for i in where]}"
            return f"your {at} is {number(array[where])}, expected {number(right[where])}"
    return ""
