"""Submissions that look alike: a hint where to look, never a verdict.

What was handed out is taken away first: signatures, docstrings, comments, stubs and checks; then the names that a
student chose are made equal. A short answer that a good part of the class gave in the same way says nothing, since
short right answers are alike, and is left out too; a long one says the more, the more have it. What remains of two
students is compared token by token: twice the length of the longest common subsequence by the sum of the lengths, with
RapidFuzz. Who is alike by one or several steps makes a ring, which is shown whole.

Nothing of the students' code is executed or parsed; it is cut into tokens with a regular expression.
"""

from collections import Counter, defaultdict
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
COMMON, SEVERAL = 0.2, 5  # an answer that more than this part of a class, and more than so many, gave alike
LONG = 100  # tokens from which an answer is nobody's by chance, however many gave it
MOST_TOKENS = 4_000  # of a student that are compared


@dataclass(frozen=True)
class Ring:
    """Students whose answers are alike, each with another of them at least.

    Attributes
    ----------
    students : tuple of str
    least, most : float
        The similarities, from 0 to 1, between which those are that made the ring.
    answers : dict of str to tuple of str
        By question, what each of them wrote.
    left_out : list of str
        Questions that many of the class answered in this way; they do not count.
    """

    students: tuple
    least: float
    most: float
    answers: dict
    left_out: list


def alike(written, least=LEAST):
    """The rings of students whose answers are alike, the largest first, and of these the most alike.

    Parameters
    ----------
    written : dict of str to dict
        For each student, by question, the code and its tokens.
    least : float
        The similarity from which two are alike.

    Returns
    -------
    list of Ring
    """
    from rapidfuzz import process
    from rapidfuzz.distance import Indel

    cut = {who: {name: words for name, (_, words) in each.items()} for who, each in written.items()}
    times = Counter((name, tuple(each)) for answers in cut.values() for name, each in answers.items())
    many = max(SEVERAL, COMMON * len(cut))
    common = {answer for answer, count in times.items() if count > many and len(answer[1]) < LONG}
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
    links = [
        (int(i), int(j), float(found[i, j])) for i, j in zip(*np.nonzero(np.triu(found >= least, k=1)), strict=True)
    ]
    rings = [_ring([who[k] for k in members], how, written, cut, common) for members, how in _joined(links)]
    return sorted(rings, key=lambda ring: (-len(ring.students), -ring.most, ring.students))


def _joined(links):
    """The members of each set that some links hold together, with the similarities of its links."""
    root = {}

    def of(k):
        while root.setdefault(k, k) != k:
            k = root[k]
        return k

    for i, j, _ in links:
        root[of(j)] = of(i)
    members, how = defaultdict(list), defaultdict(list)
    for k in sorted(root):
        members[of(k)].append(k)
    for i, _, similarity in links:
        how[of(i)].append(similarity)
    return [(those, how[top]) for top, those in members.items()]


def _letter(number):
    """A character for a number; those that are no characters of their own, the surrogates, are left out."""
    return chr(number + 0x100 if number < 0xD000 else min(number + 0x1000, 0x10FFFF))  # the last for all the rest


def _ring(students, how, written, cut, common):
    names = dict.fromkeys(name for who in students for name in written[who])
    left_out = [name for name in names if any((name, tuple(cut[who].get(name, ()))) in common for who in students)]
    shown = {
        name: tuple(written[who].get(name, ("",))[0] for who in students) for name in names if name not in left_out
    }
    return Ring(tuple(students), min(how), max(how), shown, left_out)


def write_similar(folder, least=LEAST):
    """Write a page with the rings of a graded class, what each wrote beside the others.

    Parameters
    ----------
    folder : path
        What `batch.grade_class` wrote.
    least : float
        The similarity from which two are alike.

    Returns
    -------
    page : Path
    rings : dict of str to list of Ring
        By assignment.
    """
    folder = Path(folder)
    rings = rings_of(folder, least)
    page = environment().get_template("similar.html").render(rings=rings, least=least)
    write_whole(folder / PAGE, page)
    return folder / PAGE, rings


def rings_of(folder, least=LEAST):
    """The rings of a graded class by assignment; parameters are those of `write_similar`."""
    rings = {}
    with Store(folder) as store:
        found = {who: each for who, each in store.verdicts().items() if each.status == "graded"}
        limits, trusted = store.how()
        with Room(limits, trusted=trusted) as room:
            written = {who: _written(room, each, found[who]) for who, each in handed_in(store, found, limits)}
    for assignment in sorted({each.assignment for each in found.values()}):
        theirs = {who: each for who, each in written.items() if found[who].assignment == assignment}
        rings[assignment] = alike(theirs, least)
    return rings


def _written(room, content, verdict):
    """By question, what a student wrote, as code and as tokens; nothing where it cannot be read."""
    try:
        said = room.read(content, "code", names=list(verdict.questions))
    except Rejected:
        return {}
    code, words = unpack(said["code"]), unpack(said["tokens"])
    return {name: (code, words.split("\n")) for name, code, words in zip(said["names"], code, words, strict=True)}
