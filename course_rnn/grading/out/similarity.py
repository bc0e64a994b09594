"""Submissions that look alike: a hint where to look, never a verdict.

What was handed out is taken away first: signatures, docstrings, comments, stubs and checks; then the names that a
student chose are made equal. An answer that a good part of the class gave in the same way says nothing, since short
right answers are alike, and is left out too. What remains of two students is compared token by token: twice the length
of the longest common subsequence by the sum of the lengths, with RapidFuzz.

Nothing of the students' code is executed or parsed; it is cut into tokens with a regular expression.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_rnn.grading import verdicts
from course_rnn.grading.handed_in import notebooks
from course_rnn.grading.notebook import sources
from course_rnn.grading.out.report import environment

PAGE = "similar.html"
LEAST = 0.9  # similarity from which a pair is shown
FEWEST = 40  # tokens: less than three lines are alike by chance
MOST_PAIRS = 50
COMMON, SEVERAL = 0.2, 5  # an answer that more than this part of a class, and more than so many, gave alike
LONGEST = 20_000  # characters of an answer that are looked at
TOKEN = re.compile(
    r"""(?P<left_out>\#[^\n]*|\"{3}.*?(?:\"{3}|\Z)|'{3}.*?(?:'{3}|\Z))|"[^"\n]*"|'[^'\n]*'|\d[\w.]*|\w+|\S""",
    re.DOTALL | re.VERBOSE,
)
GIVEN = re.compile(r"^(?:\w+\.\w+\.check\(.*\)|[ \t]*raise NotImplementedError.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Pair:
    """Two students whose answers are alike.

    Attributes
    ----------
    students : tuple of str
    similarity : float
        From 0 to 1.
    answers : dict of str to tuple of str
        By question, what both wrote.
    left_out : list of str
        Questions that many of the class answered in this way; they do not count.
    """

    students: tuple
    similarity: float
    answers: dict
    left_out: list


def tokens(code, name):
    """What a student wrote themselves, as a list of tokens, in which all names of their own are the same.

    Examples
    --------
    >>> tokens("def double(x):\\n    'Twice x.'\\n    y = 2 * x  # why not\\n    return y", "double")[1:]
    ['own', '=', '2', '*', 'x', 'return', 'own']
    """
    code = re.sub(rf"^def {name}\b[^:]*:", "", GIVEN.sub("", code[:LONGEST]), flags=re.MULTILINE)
    code = TOKEN.sub(lambda found: " " if found["left_out"] else found[0], code)
    lines = [[found[0] for found in TOKEN.finditer(line)] for line in code.splitlines()]
    own = set().union(*map(_assigned, lines))
    return ["own" if word in own else word for line in lines for word in line]


def _assigned(line):
    """The names that a line of tokens gives values to."""
    places = [place for place, sign in enumerate(line) if sign == "=" and "=" not in line[place + 1 : place + 2]]
    if line[:1] == ["for"] and "in" in line:
        before = line[1 : line.index("in")]
    elif places and not {"(", "!", "<", ">"} & set(line[: places[0]]) and "=" not in line[: places[0]]:
        before = line[: places[0]]
    else:
        before = []
    return {word for word in before if word.isidentifier()}


def answers_of(cells, names):
    """By question the code cell in which a student wrote the function, the last one if there are several."""
    code = [source for kind, source in cells if kind == "code"]
    found = {name: [source for source in code if re.search(rf"^def {name}\b", source, re.MULTILINE)] for name in names}
    return {name: sources[-1] for name, sources in found.items() if sources}


def alike(written, least=LEAST):
    """The pairs of students whose answers are alike, the most alike first.

    Parameters
    ----------
    written : dict of str to dict
        For each student, by question, the code.
    least : float
        The similarity from which a pair counts.

    Returns
    -------
    list of Pair
    """
    from rapidfuzz import process
    from rapidfuzz.distance import Indel

    cut = {who: {name: tokens(code, name) for name, code in each.items()} for who, each in written.items()}
    times = Counter((name, tuple(each)) for answers in cut.values() for name, each in answers.items())
    common = {answer for answer, count in times.items() if count > max(SEVERAL, COMMON * len(cut))}
    letters = {}  # one for each token, as RapidFuzz compares strings fastest
    texts = {}
    for who, answers in cut.items():
        words = [word for name, each in answers.items() if (name, tuple(each)) not in common for word in each]
        if len(words) >= FEWEST:
            texts[who] = "".join(letters.setdefault(word, _letter(len(letters))) for word in words)
    who, queries = list(texts), list(texts.values())
    if len(who) < 2:
        return []
    found = process.cdist(queries, queries, scorer=Indel.normalized_similarity, score_cutoff=least, workers=-1)
    first, second = np.nonzero(np.triu(found >= least, k=1))
    order = np.argsort(-found[first, second], kind="stable")[:MOST_PAIRS]
    return [
        _pair(who[i], who[j], float(found[i, j]), written, cut, common)
        for i, j in zip(first[order], second[order], strict=True)
    ]


def _letter(number):
    """A character for a number; those that are no characters of their own, the surrogates, are left out."""
    return chr(number + 0x100 if number < 0xD000 else number + 0x1000)


def _pair(one, other, similarity, written, cut, common):
    both = [name for name in written[one] if name in written[other]]
    left_out = [name for name in both if any((name, tuple(cut[who][name])) in common for who in (one, other))]
    shown = {name: (written[one][name], written[other][name]) for name in both if name not in left_out}
    return Pair((one, other), similarity, shown, left_out)


def write_similar(folder, least=LEAST):
    """Write a page with the pairs of a graded class that are alike, both sides beside each other.

    Parameters
    ----------
    folder : path
        What `batch.grade_class` wrote.
    least : float
        The similarity from which a pair is shown.

    Returns
    -------
    page : Path
    pairs : dict of str to list of Pair
        By assignment.
    """
    folder, pairs = Path(folder), {}
    found = {who: each for who, each in verdicts.read(folder / verdicts.FILE).items() if each.status == "graded"}
    written = {who: answers_of(sources(each), found[who].questions) for who, each in notebooks(folder, found)}
    for assignment in sorted({each.assignment for each in found.values()}):
        theirs = {who: each for who, each in written.items() if found[who].assignment == assignment}
        pairs[assignment] = alike(theirs, least)
    page = environment().get_template("similar.html").render(pairs=pairs, least=least, most=MOST_PAIRS)
    verdicts.write_whole(folder / PAGE, page)
    return folder / PAGE, pairs
