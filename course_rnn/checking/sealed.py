"""Questions without their answers: what a notebook for marks carries, so that its checks work and nothing else is told.

Who asks the questions seals them: the arguments of the visible cases, what is right for each, the hints. What comes
out is a text for a cell of the notebook, which `unseal` makes questions of. No code is in it, so neither an answer nor
a known mistake is; of a wrong result a check says what can be seen from the right one.
"""

import base64
import inspect
import json
import zlib
from types import SimpleNamespace

import numpy as np

from course_rnn.checking.cases import Exhausted, Small
from course_rnn.checking.compare import as_array
from course_rnn.checking.question import Chapter, Question
from course_rnn.checking.result import Shown
from course_rnn.checking.shrink import weight

SMALL = 12  # cases that are small enough for paper are tried, at most
KEPT = 4  # of them are sealed


class Sealed(Question):
    """A question that knows its visible cases and what is right for them, and no more.

    Parameters
    ----------
    chapter : Chapter
    stored : dict
        As `sealed` has it.
    """

    def __init__(self, chapter, stored):
        super().__init__(
            chapter,
            _stub(stored["name"], stored["parameters"]),
            points=stored["points"],
            returns=tuple(stored["returns"]),
            cases=_no_further_case,
            hints=tuple(stored["hints"]),
            see=stored["see"],
            page=stored["page"],
            library=stored["library"],
            tolerance=stored["tolerance"],
            seeds=range(len(stored["cases"])),
        )
        self._drawn = {seed: _values(case["arguments"]) for seed, case in enumerate(stored["cases"])}
        right = (tuple(map(_value, case["right"])) for case in stored["cases"])
        self._right = {id(case): (case, values) for case, values in zip(self._drawn.values(), right, strict=True)}
        self.slips = []

    def expected(self, arguments):
        """What is right for the arguments of a sealed case; None for any others."""
        return self._right.get(id(arguments), (None, None))[1]

    def solution(self):
        """That there is none."""
        return Shown(f"{self.name} is asked for marks: there is no solution to show. Ask for a hint.")

    def address(self, mistake):
        """None: it knows no mistakes."""
        return ""


def seal(chapter) -> str:
    """The questions of a chapter as a text, without their answers.

    Parameters
    ----------
    chapter : Chapter

    Returns
    -------
    str
        Lines of 76 letters; the same for the same questions.
    """
    stored = {"chapter": chapter.name, "questions": [sealed(question) for question in chapter.questions.values()]}
    return base64.encodebytes(zlib.compress(json.dumps(stored).encode(), 9)).decode()


def unseal(text):
    """The sealed questions of a notebook by name, and `progress`.

    Raises
    ------
    ValueError
        The text is not what `seal` made.
    """
    try:
        stored = json.loads(zlib.decompress(base64.b64decode(text)))
    except (ValueError, zlib.error):
        raise ValueError(
            "The questions of this notebook were changed. Take them from the notebook as you got it."
        ) from None
    chapter = Chapter(stored["chapter"])
    chapter.questions = {each["name"]: Sealed(chapter, each) for each in stored["questions"]}
    return SimpleNamespace(**chapter.questions, progress=chapter.progress)


def sealed(question):
    """What a sealed question keeps of a question, as plain values."""
    return {
        "name": question.name,
        "parameters": list(inspect.signature(question.reference).parameters),
        "points": question.points,
        "returns": list(question.returns),
        "hints": list(question.hints),
        "see": question.see,
        "page": question.page,
        "library": question.library,
        "tolerance": question.tolerance,
        "cases": [_case(question, arguments) for arguments in _cases(question)],
    }


def _cases(question):
    """A few small cases, and the visible ones: the smallest first, as the first that fails is shown."""
    small = []
    for attempt in range(SMALL):
        try:
            small.append(question.cases(Small(attempt, 2)))
        except (Exhausted, ValueError, IndexError):  # some questions have no case that is so small
            continue
    small = [case for case in small if question.expected(case) is not None]
    return sorted(small, key=weight)[-KEPT:] + [question.draw(seed) for seed in question.seeds]


def _case(question, arguments):
    """One case, with decimals as float32 has them, and what is right for just these."""
    exact = {name: _rounded(value) for name, value in arguments.items()}
    right = question.expected(exact)
    return {
        "arguments": {name: _stored(value) for name, value in exact.items()},
        "right": [_stored(as_array(value)) for value in right],
    }


def _rounded(value):
    """An array whose numbers are those of float32: half the letters, and nothing is lost in a case."""
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
        return value
    return value.astype(np.float32).astype(np.float64)


def _stored(value):
    """A value for JSON: an array as its dtype, its shape, and its bytes in letters."""
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    array = np.asarray(value)
    short = array.astype(np.float32) if array.dtype == np.float64 else array
    return {"": [array.dtype.str, short.dtype.str, array.shape, base64.b64encode(short.tobytes()).decode()]}


def _value(stored):
    """The value that `_stored` stored."""
    if not isinstance(stored, dict):
        return stored
    dtype, short, shape, letters = stored[""]
    return np.frombuffer(base64.b64decode(letters), short).reshape(shape).astype(dtype)


def _values(stored):
    return {name: _value(value) for name, value in stored.items()}


def _stub(name, parameters):
    """A function with these parameters, which is to be written."""

    def stub(*given):
        raise NotImplementedError

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    stub.__signature__ = inspect.Signature([inspect.Parameter(each, kind) for each in parameters])
    stub.__name__ = name
    return stub


def _no_further_case(rng):
    """A sealed question has the cases that it has."""
    raise Exhausted
