"""The moving picture of the front page: a recurrent network reads a word, and its state fills with what it has read.

    python -m course_rnn.landing        writes book/_static/reading.svg

The colours of the states are real: a network with random weights reads the word. The movement is a style sheet inside
the picture, so it needs no script, and it rests for readers who ask their system for less motion.
"""

from pathlib import Path

import numpy as np

import course_rnn.numpy as rnp
from course_rnn.colours import ROLE

PICTURE = Path("book/_static/reading.svg")
WORD, UNITS, SECONDS = "hello", 6, 8
CELL, GAP, LEFT, TOP = 20, 96, 40, 20  # in units of the picture
INK = ROLE["neutral"]
ARROW = f'stroke="{INK}" stroke-width="2" fill="none" marker-end="url(#head)"'


def states_of(word, units=UNITS):
    """The states (T, units) of a network with random weights that reads the word one-hot."""
    letters = sorted(set(word))
    x = np.eye(len(letters))[[letters.index(letter) for letter in word]]
    rnn = rnp.RNN(len(letters), units, rng=np.random.default_rng(3))
    for parameter in rnn.params.values():
        parameter *= 2.5
    return rnn.forward(x[:, None])[0][:, 0]


def column(t, letter, state):
    """One step: a letter, an arrow up, the state as a column of cells, an arrow on to the next step."""
    x, height = LEFT + t * GAP, UNITS * CELL
    cells = "".join(
        f'<rect x="{x}" y="{TOP + k * CELL}" width="{CELL}" height="{CELL}" fill="{ROLE["state"]}" '
        f'fill-opacity="{(1 + value) / 2:.2f}" stroke="{INK}"/>'
        for k, value in enumerate(state)
    )
    middle, bottom = x + CELL / 2, TOP + height
    arrows = (
        f'<path d="M{middle} {bottom + 36}V{bottom + 6}" {ARROW}/>'
        f'<path d="M{max(x - GAP + CELL + 6, -12)} {TOP + height / 2}H{x - 8}" {ARROW}/>'
    )
    text = f'<text x="{middle}" y="{bottom + 58}" fill="{ROLE["input"]}">{letter}</text>'
    return f'<g class="step" style="--t:{t}">{cells}{arrows}{text}</g>'


STYLE = f"""
text {{ font: bold 24px sans-serif; text-anchor: middle; }}
.step {{ animation: read {SECONDS}s calc(var(--t) * 1s) infinite backwards; }}
@keyframes read {{ from {{ opacity: 0; }} 6%, 70% {{ opacity: 1; }} 78%, to {{ opacity: 0; }} }}
@media (prefers-reduced-motion: reduce) {{ .step {{ animation: none; }} }}
"""


def picture(word=WORD):
    """The moving picture as SVG."""
    columns = "\n".join(column(t, *step) for t, step in enumerate(zip(word, states_of(word), strict=True)))
    width, height = LEFT + len(word) * GAP, TOP + UNITS * CELL + 76
    head = (
        '<marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{INK}"/></marker>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-20 0 {width} {height}" width="{width}" height="{height}">'
        f"<style>{STYLE}</style><defs>{head}</defs>\n{columns}\n</svg>\n"
    )


if __name__ == "__main__":
    PICTURE.write_text(picture())
