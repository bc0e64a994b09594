"""Ratios of speeds as bars that begin at 1."""

from collections.abc import Mapping

import numpy as np

from course_rnn.plot.style import INK, Plot, canvas, house_style, legend, looks, text_of

HATCHES = ("", "//", "\\\\", "xx", "--", "||")


@house_style()
def ratio_bars(cases, ratios, *, xlabel="times as fast as torch.nn") -> Plot:
    """Draw ratios as bars that begin at 1, on a logarithmic axis: to the right more, to the left less.

    Parameters
    ----------
    cases : sequence of str
        The n rows.
    ratios : dict of str to array, or array
        Each (n,), or (n, repeats): then the bar is the median, and a line goes from the lowest to the highest.
    xlabel : str
        What of what.

    Raises
    ------
    ValueError
        A ratio is not positive, or there is not one for each case.

    Examples
    --------
    >>> ratio_bars(["T = 50", "T = 200"], {"RNN": [1.5, 2.0], "LSTM": [0.8, 1.1]}).alt
    'Bars of times as fast as torch.nn. T = 50: RNN 1.50, LSTM 0.80. T = 200: RNN 2.00, LSTM 1.10.'
    """
    ratios = ratios if isinstance(ratios, Mapping) else {"": ratios}
    table = {}
    for name, values in ratios.items():
        values = np.asarray(values, dtype=float)
        if not cases or len(values) != len(cases) or not (values > 0).all():
            raise ValueError(f"{name or 'ratios'} must be positive numbers, one for each of {len(cases)} cases")
        table[name] = values.reshape(len(cases), -1)
    rows, thick = np.arange(len(cases)), 0.8 / len(table)
    fig, (ax,) = canvas(0.26 * len(cases) * max(2, len(table)) + 0.9)
    for i, ((name, values), look, hatch) in enumerate(zip(table.items(), looks(list(table)), HATCHES, strict=False)):
        y = rows + (i - (len(table) - 1) / 2) * thick
        middle, low, high = np.median(values, axis=1), values.min(axis=1), values.max(axis=1)
        ax.barh(y, middle - 1, 0.9 * thick, left=1, label=name, fc=look["color"], ec="white", hatch=hatch, linewidth=0)
        if values.shape[1] > 1:
            ax.errorbar(
                middle, y, xerr=[middle - low, high - middle], fmt="none", ecolor=INK, elinewidth=1.2, capsize=2
            )
        for at, ratio, end in zip(y, middle, np.where(middle >= 1, high, low), strict=True):
            away, side = (4, "left") if ratio >= 1 else (-4, "right")
            place = {"xytext": (away, 0), "textcoords": "offset points", "ha": side, "va": "center"}
            ax.annotate(f"{ratio:.2f}", (end, at), fontsize=9, **place)
    ax.axvline(1, color=INK, linewidth=1.2)
    every = np.concatenate([values.ravel() for values in table.values()])
    ax.set_xscale("log", base=2)
    ax.set_xlim(min(0.8, every.min()) / 1.25, max(1.25, every.max()) * 1.25)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.set_yticks(rows, cases)
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.set_xlabel(xlabel)
    if len(table) > 1:
        legend(fig, *ax.get_legend_handles_labels())
    said = [f"Bars of {xlabel}"]
    for i, case in enumerate(cases):
        said.append(f"{case}: " + ", ".join(f"{name} {np.median(v[i]):.2f}".strip() for name, v in table.items()))
    return Plot(fig, text_of(said))
