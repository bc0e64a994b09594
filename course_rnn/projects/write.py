"""Project 2: a character model of English prose, scored in bits a character on a text that nobody has seen."""

from functools import cache

import numpy as np

from course_rnn import data
from course_rnn.checking.project import Mark, Project
from course_rnn.checking.question import Chapter

T, B, WARM = 150, 64, 20

chapter = Chapter("p2_write")
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


@cache
def parts():
    """The alphabet, and the codes of the training, the validation and the hidden text."""
    sentences, topics = data.english()
    texts = [" ".join(part) for part in data.split(sentences, np.random.default_rng(0), by=topics)]
    alphabet = "".join(sorted(set(texts[0])))
    place = {letter: k for k, letter in enumerate(alphabet)}
    return alphabet, [np.array([place[letter] for letter in text if letter in place]) for text in texts]


def alphabet():
    """The characters: that with the code k stands at place k."""
    return parts()[0]


def training():
    """The codes of the training text, an array (376804,) of whole numbers."""
    return parts()[1][0].copy()


def validation():
    """The codes of the validation text, from which the visible score is drawn."""
    return parts()[1][1].copy()


def draw(part, rng):
    """Pieces (150, 64) of a text; the target is the character after each."""
    codes = parts()[1][{"validation": 1, "hidden": 2}[part]]
    starts = rng.integers(len(codes) - T, size=B)
    at = starts + np.arange(T)[:, None]
    return [({"codes": codes[at]}, codes[at + 1])]


def score(values, targets):
    """Bits a character, after 20 characters of a piece; the scores become probabilities here, so all are fair."""
    [o], [target] = values, targets
    o = o[WARM:] - o[WARM:].max(axis=-1, keepdims=True)
    log_p = o - np.log(np.exp(o).sum(axis=-1, keepdims=True))
    return float(-np.take_along_axis(log_p, target[WARM:, :, None], axis=-1).mean() / np.log(2))


write = Project(
    chapter=chapter.name,
    name="write",
    parameters=("codes",),
    points=10,
    draw=draw,
    answer=lambda codes: (*codes.shape, len(alphabet())),
    score=score,
    unit="bits a character",
    marks=(
        Mark("counting pairs of characters", 3.55, 0),
        Mark("counting three at a time", 2.73, 4),
        Mark("the course's own GRU, half a minute of training", 2.25, 10),
    ),
    doubtful=1.2,
    causal=True,
    weights_mb=4,
    hints=(
        "Which loss has a network that knows nothing? And one that counts letters? Compare before you train for long.",
        "Carry the state from piece to piece, clip the gradient, and let the learning rate fall to the end.",
        "A GRU of 200 units on 32 rows of 64 steps gets under 2.3 bits in half a minute. Write its step in NumPy, in "
        "torch's order r, z, n, and compare one piece with torch before you hand in.",
    ),
)
chapter.questions["write"] = write
