"""The ladder: how well models do as a function of the budget that each was given."""

from itertools import cycle, pairwise

import numpy as np

from course_rnn.plot.lines import LEVELS
from course_rnn.plot.style import INK, Plot, canvas, house_style, legend, looks, text_of, writer


@house_style()
def ladder(curves, *, baselines=None, ylabel, log=False) -> Plot:
    """Draw scores against CPU seconds on a logarithmic axis: a band for each model, and where it meets a baseline.

    Parameters
    ----------
    curves : dict of str to list of (seconds, interval)
        In rising order of seconds; an interval has a ``median``, ``low``, ``high`` and ``seeds``, such as
        `course_rnn.evidence.ladder` gives them.
    baselines : dict of str to float, optional
        Level lines, of models that have no budget.
    ylabel : str
        With the unit in brackets.
    log : bool
        Whether scores are on a logarithmic axis, too.

    Raises
    ------
    ValueError
        There is nothing to draw, or the seconds of a curve do not rise.

    Examples
    --------
    >>> from course_rnn.evidence import Interval
    >>> curve = [(10, Interval(2.0, 1.9, 2.1, 5)), (40, Interval(1.0, 0.9, 1.1, 5))]
    >>> ladder({"LSTM": curve}, baselines={"counts": 1.5}, ylabel="loss (nats)").alt
    'Ladder of loss (nats) against CPU seconds, with intervals of 95 %. LSTM, 5 seeds: 2.00 (1.90 to 2.10) at 10,
    1.00 (0.90 to 1.10) at 40. Level lines: counts 1.500. LSTM meets counts at about 20 s.'
    """
    if not curves or not all(curves.values()):
        raise ValueError("there is nothing to draw: a curve needs a point")
    for name, points in curves.items():
        if any(after <= before for (before, _), (after, _) in pairwise(points)):
            raise ValueError(f"the seconds of {name} do not rise")
    levels = {f"{name}: {writer(np.array(float(level)), 3)(level)}": level for name, level in (baselines or {}).items()}
    fig, (ax,) = canvas(height=3.2)
    for (name, points), look in zip(curves.items(), looks(list(curves)), strict=True):
        seconds, found = zip(*points, strict=True)
        ax.plot(seconds, [each.median for each in found], **look, label=name, zorder=3)
        if len(points) > 1:
            low, high = [each.low for each in found], [each.high for each in found]
            ax.fill_between(seconds, low, high, color=look["color"], alpha=0.2, linewidth=0)
        else:
            ((at, each),) = points
            ax.vlines(at, each.low, each.high, color=look["color"], alpha=0.5)
    for (label, level), dashes in zip(levels.items(), cycle(LEVELS), strict=False):
        ax.axhline(level, color=INK, linewidth=1.3, dashes=dashes, label=label)
    met = [
        (name, other, at, level)
        for name, points in curves.items()
        for other, level in (baselines or {}).items()
        for at in _meetings(points, level)
    ]
    for _, _, at, level in met:
        ax.plot(at, level, "o", mfc="none", mec=INK, markersize=9, zorder=4)
        ax.annotate(f"{at:.2g} s", (at, level), xytext=(6, 6), textcoords="offset points", fontsize=9)
    every = sorted({at for points in curves.values() for at, _ in points})
    ax.set(xlabel="CPU seconds", ylabel=ylabel, xscale="log", yscale="log" if log else "linear")
    ax.set_xlim(every[0] / 1.3, every[-1] * 1.3)
    ax.set_xticks(every, [f"{at:g}" for at in every])
    ax.minorticks_off()
    legend(fig, *ax.get_legend_handles_labels())
    said = [f"Ladder of {ylabel} against CPU seconds, with intervals of 95 %"]
    said += [_in_words(name, points) for name, points in curves.items()]
    if levels:
        said.append("Level lines: " + ", ".join(label.replace(": ", " ") for label in levels))
    said += [f"{name} meets {other} at about {at:.2g} s" for name, other, at, _ in met]
    return Plot(fig, text_of(said))


def _meetings(points, level):
    """Where the line through the medians crosses a level: seconds, read off on the logarithmic axis."""
    for (x0, a), (x1, b) in pairwise(points):
        y0, y1 = a.median - level, b.median - level
        if y0 * y1 < 0:
            yield float(np.exp(np.log(x0) + (np.log(x1) - np.log(x0)) * y0 / (y0 - y1)))


def _in_words(name, points):
    number = writer(np.array([each.median for _, each in points], dtype=float))
    seeds = sorted({each.seeds for _, each in points})
    count = " to ".join(map(str, [seeds[0], seeds[-1]] if len(seeds) > 1 else seeds))
    each = (f"{number(e.median)} ({number(e.low)} to {number(e.high)}) at {at:g}" for at, e in points)
    return f"{name}, {count} seed{'s' * (seeds[-1] > 1)}: " + ", ".join(each)
