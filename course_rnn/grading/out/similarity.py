"""Submissions that look alike: a hint where to look, never a verdict.

What was handed out is taken away first: signatures, docstrings, comments, stubs and checks; then the names that a
student chose are made equal. An answer that a good part of the class gave in the same way says nothing, since short
right answers are alike, and is left out too. What remains of two students is compared token by token: twice the length
of the longest common subsequence by the sum of the lengths, with RapidFuzz.

Nothing of the students' code is executed or parsed; it is cut into tokens with a regular expression.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_rnn.grading.intake.files import Rejected, handed_in
from course_rnn.grading.out.report import environment
from course_rnn.grading.room.session import Room
from course_rnn.grading.store import Store
from course_rnn.grading.text import write_whole
from course_rnn.grading.worker.frames import unpack

PAGE = "similar.html"
LEAST = 0.9  # similarity from which a pair is shown
FEWEST = 40  # tokens: less than three lines are alike by chance
MOST_PAIRS = 50
COMMON, SEVERAL = 0.2, 5  # an answer that more than this part of a class, and more than so many, gave alike
MOST_TOKENS = 4_000  # of a student that are compared


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


def alike(written, least=LEAST):
    """The pairs of students whose answers are alike, the most alike first.

    Parameters
    ----------
    written : dict of str to dict
        For each student, by question, the code and its tokens.
    least : float
        The similarity from which a pair counts.

    Returns
    -------
    list of Pair
    """
    from rapidfuzz import process
    from rapidfuzz.distance import Indel

    cut = {who: {name: words for name, (_, words) in each.items()} for who, each in written.items()}
    times = Counter((name, tuple(each)) for answers in cut.values() for name, each in answers.items())
    common = {answer for answer, count in times.items() if count > max(SEVERAL, COMMON * len(cut))}
    letters = {}  # one for each token, as RapidFuzz compares strings fastest
    texts = {}
    for who, answers in cut.items():
        words = [word for name, each in answers.items() if (name, tuple(each)) not in common for word in each]
        if len(words) >= FEWEST:
            texts[who] = "".join(letters.setdefault(word, _letter(len(letters))) for word in words[:MOST_TOKENS])
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
    return chr(number + 0x100 if number < 0xD000 else min(number + 0x1000, 0x10FFFF))  # the last for all the rest


def _pair(one, other, similarity, written, cut, common):
    both = [name for name in written[one] if name in written[other]]
    left_out = [name for name in both if any((name, tuple(cut[who][name])) in common for who in (one, other))]
    shown = {name: (written[one][name][0], written[other][name][0]) for name in both if name not in left_out}
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
    with Store(folder) as store:
        found = {who: each for who, each in store.verdicts().items() if each.status == "graded"}
        limits, trusted = store.how()
        with Room(limits, trusted=trusted) as room:
            written = {who: _written(room, each, found[who]) for who, each in handed_in(store, found, limits)}
    for assignment in sorted({each.assignment for each in found.values()}):
        theirs = {who: each for who, each in written.items() if found[who].assignment == assignment}
        pairs[assignment] = alike(theirs, least)
    page = environment().get_template("similar.html").render(pairs=pairs, least=least, most=MOST_PAIRS)
    write_whole(folder / PAGE, page)
    return folder / PAGE, pairs


def _written(room, content, verdict):
    """By question, what a student wrote, as code and as tokens; nothing where it cannot be read."""
    try:
        said = room.read(content, "code", names=list(verdict.questions))
    except Rejected:
        return {}
    code, words = unpack(said["code"]), unpack(said["tokens"])
    return {name: (code, words.split("\n")) for name, code, words in zip(said["names"], code, words, strict=True)}
