"""How hard each question was, and how well it tells students apart.

The difficulty of a question is the share of its points that the class got: 1 is easy, 0 is hard. Its discrimination is
the corrected item-total correlation: Pearson's correlation of the points for the question with the points for all the
others, over the students. "Corrected" means that the question itself is left out of the total, which it would otherwise
correlate with by being a part of it.

Source: L. Crocker and J. Algina, Introduction to Classical and Modern Test Theory, 1986, chapter 14; the bound of 0.2
below which a question wants a look is Ebel's, quoted there.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist, StatisticsError, correlation, mean

LOOK = 0.2  # a discrimination below it
FEW = 30  # students: with fewer, chance alone makes correlations of 0.4


@dataclass(frozen=True)
class Item:
    """What a class made of a question.

    Attributes
    ----------
    difficulty : float
    discrimination : float or None
        None where it has none: everybody got the same points for the question, or for all the others.
    """

    difficulty: float
    discrimination: float | None

    @property
    def look(self):
        """Why the question wants a look, as a sentence; "" where it does not."""
        if self.discrimination is None or self.discrimination >= LOOK:
            return ""
        if self.discrimination < 0:
            return "Those who did well on the rest did worse here: is the question clear, and its answer right?"
        return "It tells strong and weak students hardly apart."


def analyse(answers):
    """The difficulty and the discrimination of each question.

    Parameters
    ----------
    answers : list of dict
        For each student, by question: {"points", "max", ...}. A question that somebody lacks counts over the others.

    Returns
    -------
    dict of str to Item

    Examples
    --------
    >>> points = [(2, 3), (0, 0), (2, 1)]
    >>> class_ = [{"a": {"points": a, "max": 2}, "b": {"points": b, "max": 3}} for a, b in points]
    >>> analyse(class_)["a"]
    Item(difficulty=0.6666666666666666, discrimination=0.7559289460184544)
    """
    names = dict.fromkeys(name for each in answers for name in each)
    return {name: _item(name, [each for each in answers if name in each]) for name in names}


def interval(passed, answers, level=0.95):
    """The confidence interval of a pass rate: Wilson's score interval.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).

    Examples
    --------
    >>> [round(share, 2) for share in interval(9, 10)], [round(share, 2) for share in interval(90, 100)]
    ([0.6, 0.98], [0.83, 0.94])
    """
    z, share = NormalDist().inv_cdf((1 + level) / 2), passed / answers
    middle = share + z * z / (2 * answers)
    width = z * math.sqrt(share * (1 - share) / answers + (z / (2 * answers)) ** 2)
    scale = 1 + z * z / answers
    return max(0.0, (middle - width) / scale), min(1.0, (middle + width) / scale)


def _item(name, answers):
    got = [each[name]["points"] for each in answers]
    rest = [sum(answer["points"] for other, answer in each.items() if other != name) for each in answers]
    share = mean(each[name]["points"] / each[name]["max"] if each[name]["max"] else 1 for each in answers)
    try:
        return Item(share, correlation(got, rest))
    except StatisticsError:  # one student, or no variance
        return Item(share, None)
