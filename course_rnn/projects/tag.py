"""Project 3: put spaces and capitals back into a text that has lost both, with a network that reads both ways."""

from functools import cache

import numpy as np

from course_rnn import data
from course_rnn.checking.project import Mark, Project
from course_rnn.checking.question import Chapter

T, B = 120, 120
SPACE, CAPITAL = 1, 2  # what a mark is the sum of

chapter = Chapter("p3_tag")
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


def stripped(text):
    """A text without spaces and capitals, and the mark of each letter: 1 for a space before it, 2 for a capital.

    Examples
    --------
    >>> letters, marks = stripped("On a Map")
    >>> letters, marks.tolist()
    ('onamap', [2, 0, 1, 3, 0, 0])
    """
    letters, marks, after_space = [], [], False
    for letter in text:
        if letter != " ":
            letters.append(letter.lower())
            marks.append(SPACE * after_space + CAPITAL * (letter != letter.lower()))
        after_space = letter == " "
    return "".join(letters), np.array(marks)


def restored(letters, marks):
    """The text that letters and marks make.

    Examples
    --------
    >>> restored("onamap", [2, 0, 1, 3, 0, 0])
    'On a Map'
    """
    pieces = [" " * (m % 2) + (c.upper() if m >= CAPITAL else c) for c, m in zip(letters, marks, strict=True)]
    return "".join(pieces)


@cache
def parts():
    """The alphabet, and for each part of the text the codes of its letters and their marks."""
    sentences, topics = data.english()
    texts = [stripped(" ".join(part)) for part in data.split(sentences, np.random.default_rng(0), by=topics)]
    letters = "".join(sorted(set(texts[0][0])))
    place = {letter: k for k, letter in enumerate(letters)}
    return letters, [(np.array([place.get(letter, 0) for letter in text]), marks) for text, marks in texts]


def alphabet():
    """The letters: that with the code k stands at place k."""
    return parts()[0]


def training():
    """The codes of the letters of the training text, and their marks: two arrays (313089,) of whole numbers."""
    letters, marks = parts()[1][0]
    return letters.copy(), marks.copy()


def draw(part, rng):
    """Pieces (120, 120) of a text; the target is the mark of each letter."""
    letters, marks = parts()[1][{"validation": 1, "hidden": 2}[part]]
    at = rng.integers(len(letters) - T, size=B) + np.arange(T)[:, None]
    return [({"letters": letters[at]}, marks[at])]


def score(values, targets):
    """The share of letters whose mark is right."""
    [value], [target] = values, targets
    return float((value == target).mean())


tag = Project(
    chapter=chapter.name,
    name="tag",
    parameters=("letters",),
    points=10,
    draw=draw,
    answer=lambda letters: letters.shape,
    score=score,
    unit="share of letters with the right mark",
    marks=(
        Mark("no space and no capital anywhere", 0.79, 0),
        Mark("look-up of 2 letters before and 1 after", 0.9385, 4),
        Mark("the course's own two-way GRU", 0.96, 10),
    ),
    doubtful=0.995,
    weights_mb=2,
    hints=(
        "The mark of a letter depends on both sides: is 'a' before 'map' a word, or the end of one?",
        "Whoever answers at the first letter of a piece has nothing to the left. How wide should a training piece be?",
        "A two-way GRU of 64 units over embedded letters gets above 0.96 in half a minute.",
    ),
)
chapter.questions["tag"] = tag
