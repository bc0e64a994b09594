"""The network of the front page: it reads a word letter by letter and guesses the next one, in the reader's browser.

    python -m course_rnn.landing            draws book/_static/reading.svg again
    python -m course_rnn.landing --train    first trains the network anew, into book/_static/network.js

The network is a simple RNN of 16 units with the weights of `train`, rounded; book/_static/reader.js computes its steps
as `read` does. The picture is what stands there without a script, and it rests for readers who ask for less motion.
"""

import json
import sys
from pathlib import Path

import numpy as np

import course_rnn.numpy as rnp
from course_rnn import data
from course_rnn.colours import ROLE
from course_rnn.numpy import nn, optim

PICTURE, NETWORK = Path("book/_static/reading.svg"), Path("book/_static/network.js")
LETTERS = "·abcdefghijklmnopqrstuvwxyz"  # the first stands for the beginning of a word and for its end
WORD, UNITS, SECONDS = "sequence", 16, 12
EPOCHS, BATCH, RATE, LONGEST, DIGITS = 60, 64, 5e-3, 14, 2
CELL, GAP, LEFT, TOP = 12, 62, 30, 16  # in units of the picture
INK = ROLE["neutral"]
ARROW = f'stroke="{INK}" stroke-width="2" fill="none" marker-end="url(#head)"'

# ------------------------------------------------------------------------------------------------ the network


def vocabulary():
    """The words that the network learns from, each once, and those it is tested on: (list, list)."""
    every = {word.lower() for sentence in data.english()[0] for word in data.words(sentence)}
    plain = sorted(word for word in every if word.isascii() and word.isalpha() and 2 <= len(word) <= LONGEST)
    train, _, test = data.split(plain, np.random.default_rng(0))
    return train, test


def steps_of(words):
    """What the network reads and what it is to say: ids (T, B), targets (T, B), and which of them are real (T, B)."""
    rows = [[LETTERS.index(letter) for letter in f"·{word}·"] for word in words]
    padded = np.zeros((max(map(len, rows)), len(rows)), dtype=int)
    for b, row in enumerate(rows):
        padded[: len(row), b] = row
    real = np.arange(len(padded) - 1)[:, None] < np.array([len(row) - 1 for row in rows])
    return padded[:-1], padded[1:], real


def train():
    """The weights of a network that was trained on the words, rounded to so many digits as the page holds."""
    rng = np.random.default_rng(1)
    words, _ = vocabulary()
    model = nn.ManyToMany(rnp.RNN(len(LETTERS), UNITS, rng=rng), nn.Linear(UNITS, len(LETTERS), rng=rng))
    adam = optim.Adam(model.params, lr=RATE)
    for epoch in range(EPOCHS):
        adam.lr = RATE * (1 - epoch / EPOCHS)
        order = rng.permutation(len(words))
        for start in range(0, len(words), BATCH):
            ids, targets, real = steps_of([words[i] for i in order[start : start + BATCH]])
            model.zero_grad()
            _, dy = nn.cross_entropy(model.forward(np.eye(len(LETTERS))[ids]), targets, mask=real)
            model.backward(dy)
            optim.clip_grad_norm(model.grads, 1.0)
            adam.step(model.grads)
    p = model.params
    return {
        "W": p["rnn.weight_ih_l0"].round(DIGITS),
        "U": p["rnn.weight_hh_l0"].round(DIGITS),
        "b": (p["rnn.bias_ih_l0"] + p["rnn.bias_hh_l0"]).round(DIGITS),
        "V": p["head.weight"].round(DIGITS),
        "c": p["head.bias"].round(DIGITS),
    }


def as_script(weights):
    """The weights as the script that the front page loads."""
    rows = {"letters": LETTERS} | {name: weight.tolist() for name, weight in weights.items()}
    return f"const NETWORK = {json.dumps(rows, ensure_ascii=False, separators=(',', ':'))};\n"


def committed(path=NETWORK):
    """The weights that the front page loads."""
    rows = json.loads(Path(path).read_text(encoding="utf-8").removeprefix("const NETWORK = ").rstrip(";\n"))
    return {name: np.array(row) for name, row in rows.items() if name != "letters"}


def read(word, weights):
    """Read a word: the state after each letter (T, units), and the chances of what comes next (T, 27)."""
    h, states = np.zeros(UNITS), []
    for letter in f"·{word}":
        h = np.tanh(weights["W"][:, LETTERS.index(letter)] + weights["U"] @ h + weights["b"])
        states.append(h)
    logits = np.array(states) @ weights["V"].T + weights["c"]
    return np.array(states)[1:], np.exp(nn.log_softmax(logits))[1:]


def hits(weights, words):
    """How often the most likely letter is the next one, over the letters of words after their first."""
    right = [
        LETTERS[chances.argmax()] == letter
        for word in words
        for chances, letter in zip(read(word, weights)[1], word[1:] + "·", strict=True)
    ]
    return float(np.mean(right))


def hits_of_pairs(words, test):
    """The same for a table of pairs of letters, counted in `words`: what needs no memory."""
    counts = np.zeros((len(LETTERS), len(LETTERS)))
    for word in words:
        for pair in zip(word, word[1:] + "·", strict=True):
            counts[tuple(map(LETTERS.index, pair))] += 1
    guess = counts.argmax(axis=1)
    pairs = [pair for word in test for pair in zip(word, word[1:] + "·", strict=True)]
    return float(np.mean([LETTERS[guess[LETTERS.index(a)]] == b for a, b in pairs]))


# ------------------------------------------------------------------------------------------------ the picture


def column(t, letter, state):
    """One step: a letter, an arrow up, the state as a column of cells, an arrow on to the next step."""
    x, height = LEFT + t * GAP, UNITS * CELL
    cells = "".join(
        f'<rect x="{x}" y="{TOP + k * CELL}" width="{2 * CELL}" height="{CELL}" '
        f'fill="{ROLE["state" if value > 0 else "input"]}" fill-opacity="{abs(value):.2f}" stroke="{INK}"/>'
        for k, value in enumerate(state)
    )
    middle, bottom = x + CELL, TOP + height
    arrows = (
        f'<path d="M{middle} {bottom + 32}V{bottom + 6}" {ARROW}/>'
        f'<path d="M{max(x - GAP + 2 * CELL + 6, -12)} {TOP + height / 2}H{x - 8}" {ARROW}/>'
    )
    text = f'<text x="{middle}" y="{bottom + 54}" fill="{INK}">{letter}</text>'
    return f'<g class="step" style="--t:{t}">{cells}{arrows}{text}</g>'


STYLE = f"""
text {{ font: bold 24px sans-serif; text-anchor: middle; }}
.step {{ animation: read {SECONDS}s calc(var(--t) * 1s) infinite backwards; }}
@keyframes read {{ from {{ opacity: 0; }} 6%, 70% {{ opacity: 1; }} 78%, to {{ opacity: 0; }} }}
@media (prefers-reduced-motion: reduce) {{ .step {{ animation: none; }} }}
"""


def picture(weights, word=WORD):
    """The network reading a word, as SVG that moves."""
    states, _ = read(word, weights)
    columns = "\n".join(column(t, *step) for t, step in enumerate(zip(word, states, strict=True)))
    width, height = LEFT + len(word) * GAP, TOP + UNITS * CELL + 70
    head = (
        '<marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{INK}"/></marker>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-20 0 {width} {height}" width="{width}" height="{height}">'
        f"<style>{STYLE}</style><defs>{head}</defs>\n{columns}\n</svg>\n"
    )


def main(arguments):
    """The command line: draw the picture, and with --train make the network first."""
    if "--train" in arguments:
        NETWORK.write_text(as_script(train()), encoding="utf-8")
    weights, (words, test) = committed(), vocabulary()
    PICTURE.write_text(picture(weights))
    print(f"next letter right: {hits(weights, test):.0%} of the test words', pairs {hits_of_pairs(words, test):.0%}")


if __name__ == "__main__":
    main(sys.argv[1:])
