"""How much of a gradient is left along an unrolled network, and which letters of a text reach an answer."""

import numpy as np

from course_rnn.colours import ROLE
from course_rnn.plot.style import INK, WIDTH, Plot, amount, canvas, house_style, text_of

LOWEST = 1e-3  # what is smaller is drawn as nothing
STRONGEST = 0.6  # of a colour map: darker, and dark letters could not be read on it


@house_style()
def fading(norms, *, symbol="h") -> Plot:
    """Draw a gradient that flows back through an unrolled network: a chain of states, as dark as what reaches them.

    Parameters
    ----------
    norms : dict of str to array (T,)
        For each network the norm of the gradient at the steps 1 to T; colours are on a logarithmic scale from 0.001
        to the largest.
    symbol : str
        What stands in each state.

    Raises
    ------
    ValueError
        There is none, a network has another number of steps, or a norm is negative or not finite.

    Examples
    --------
    >>> fading({"RNN": [1e-4, 1e-2, 1.0]}).alt
    'A chain of 3 states for each network, and the gradient that reaches them on its way back. RNN: 1 at step 3, 1e-02
    at step 2, 1e-04 at step 1.'
    """
    from matplotlib.patches import Circle

    norms = {name: np.asarray(row, dtype=float) for name, row in norms.items()}
    lengths = {row.shape for row in norms.values()}
    if len(lengths) != 1 or len(next(iter(lengths))) != 1:
        raise ValueError("every network needs the norms (T,) of the same number of steps")
    if not all(np.isfinite(row).all() and (row >= 0).all() for row in norms.values()):
        raise ValueError("a norm is negative or not finite")
    [(T,)] = lengths
    highest, colours = max(row.max() for row in norms.values()), amount("gradient")
    width = min(WIDTH, 1.2 + 0.42 * T)  # so that letters can be read on a phone, too
    fig, (ax,) = canvas(0.3 + 0.78 * len(norms) * min(1.0, 9 / T), width)
    said = [f"A chain of {T} states for each network, and the gradient that reaches them on its way back"]
    for line, (name, row) in enumerate(norms.items()):
        y = -1.5 * line
        left = np.clip(np.log(np.maximum(row, LOWEST) / LOWEST) / np.log(max(highest, 10 * LOWEST) / LOWEST), 0, 1)
        for t in range(T):
            shade = colours(STRONGEST * left[t])
            ax.add_patch(Circle((t, y), 0.33, facecolor=shade, edgecolor=INK, linewidth=1.1, zorder=3))
            ax.text(t, y, f"${symbol}_{{{t + 1}}}$", ha="center", va="center", zorder=4)
            ax.text(t, y - 0.42, _short(row[t]), ha="center", va="top", fontsize=9)
            if t:
                ends = {"xy": (t - 0.64, y), "xytext": (t - 0.36, y)}
                looks = {"arrowstyle": "-|>", "color": ROLE["gradient"], "linewidth": 0.6 + 3.4 * left[t - 1]}
                ax.annotate("", **ends, arrowprops=looks | {"linestyle": "-", "shrinkA": 0, "shrinkB": 0})
        ax.text(-0.55, y, name, ha="right", va="center")
        said.append(f"{name}: " + ", ".join(f"{_short(row[t])} at step {t + 1}" for t in reversed(range(T))))
    ax.set(xlim=(-0.6 - 0.2 * max(map(len, norms)), T - 0.5), ylim=(-1.5 * (len(norms) - 1) - 0.85, 0.5))
    ax.set_aspect("equal")
    ax.axis("off")
    return Plot(fig, text_of(said))


def _short(value):
    return f"{value:.0e}" if value < 0.05 or value >= 1000 else f"{value:.2g}"


@house_style()
def reached(text, weights, *, label="share", width=44) -> Plot:
    """Draw a text whose letters are as dark as what they are worth, such as how much of each reaches an answer.

    Parameters
    ----------
    text : str
        T characters.
    weights : dict of str to array (T,)
        For each model a number of at least 0 for each character; the largest has the strongest colour.
    label : str
        What the numbers are, for the alt text.
    width : int
        Characters in a line.

    Raises
    ------
    ValueError
        There is no text or no model, or a model has not one number of at least 0 for each character.

    Examples
    --------
    >>> reached("ab c", {"RNN": [0.0, 0.2, 0.3, 0.9]}).alt
    'The text "ab c", coloured by share. RNN: most at "c" (character 4, 0.9), half of all in the last 1 characters.'
    """
    from matplotlib.patches import Rectangle

    weights = {name: np.asarray(row, dtype=float) for name, row in weights.items()}
    if not text or not weights:
        raise ValueError("there is nothing to draw: a text and at least one model are needed")
    said = [f'The text "{text}", coloured by {label}']
    for name, row in weights.items():
        if row.shape != (len(text),) or not (row >= 0).all() or not row.any():
            raise ValueError(f"{name} needs a number of at least 0 for each of {len(text)} characters")
        half = int(np.argmax(np.cumsum(row[::-1]) >= row.sum() / 2)) + 1
        most = int(row.argmax())
        there = f'"{text[most]}" (character {most + 1}, {row[most]:.2g})'
        said.append(f"{name}: most at {there}, half of all in the last {half} characters")
    cuts = [(start, min(start + width, len(text))) for start in range(0, len(text), width)]
    fig, (ax,) = canvas(0.3 + 0.3 * len(weights) * (len(cuts) + 0.7), WIDTH)
    colours, y = amount("state"), 0.0
    for name, row in weights.items():
        ax.text(0, y + 0.35, name, va="center", fontweight="bold", fontsize=10)
        for start, stop in cuts:
            y -= 1.0
            for k in range(start, stop):
                shade = colours(STRONGEST * row[k] / row.max())
                ax.add_patch(Rectangle((k - start, y - 0.05), 1, 0.9, facecolor=shade, linewidth=0))
                ax.text(k - start + 0.5, y + 0.38, text[k], ha="center", va="center", family="monospace", fontsize=11)
        y -= 1.2
    ax.set(xlim=(0, width), ylim=(y + 1.0, 0.8))
    ax.axis("off")
    return Plot(fig, text_of(said))
