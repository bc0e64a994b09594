"""Values on a grid: states over time, attention, confusions; and gates over the text that moved them."""

import numpy as np

from course_rnn.colours import FILL, ROLE
from course_rnn.plot.style import INK, LETTER, WIDTH, Plot, amount, canvas, house_style, signed_map, text_of, writer

MANY = 400  # cells: from here on they are one picture of 200 dpi inside the SVG
LISTED = 48  # cells: up to here the text lists every one
CELL = (0.52, 0.34)  # inches: a cell at most
VALUE, SIGN = (0.42, 0.2), (0.1, 0.12)  # inches: a cell that has room for its value, or for a minus sign


@house_style()
def heat_map(
    values, *, xlabel, ylabel, rows=None, columns=None, label="value", signed=None, limit=None, role="state"
) -> Plot:
    """Draw a matrix as coloured cells; large cells carry their values, smaller ones a minus where they are negative.

    Parameters
    ----------
    values : array (rows, columns)
        NaN leaves a cell hatched: not there (yet).
    xlabel, ylabel, label : str
        What the columns, the rows and the values are, with the unit in brackets.
    rows, columns : sequence of str, optional
        Their names; numbers from 1 if not given.
    signed : bool, optional
        Whether zero stands in the middle of the colours; by default if a value is negative.
    limit : float, optional
        The size that has the strongest colour; by default the largest.
    role : str
        The colour, in `course_rnn.colours`, of values without a sign.

    Raises
    ------
    ValueError
        `values` is not a matrix, has no finite value, or does not have as many rows or columns as there are names.

    Examples
    --------
    >>> heat_map([[1, 0], [2, 7]], rows=["cat", "dog"], columns=["cat", "dog"], xlabel="said", ylabel="true").alt
    'Heat map of value, 2 rows (true) by 2 columns (said), from 0 to 7. cat: 1, 0. dog: 2, 7.'
    """
    values = np.asarray(values)
    if values.ndim != 2 or not np.isfinite(values).any():
        raise ValueError(f"values must be a matrix with a finite value, got shape {values.shape}")
    for names, count, what in zip((rows, columns), values.shape, ("rows", "columns"), strict=True):
        if names is not None and len(names) != count:
            raise ValueError(f"there are {count} {what}, but {len(names)} names for them")
    (R, C), number = values.shape, writer(values)
    there = np.isfinite(values)
    lowest, highest = values[there].min(), values[there].max()
    signed = lowest < 0 if signed is None else signed
    limit = limit or max(abs(lowest), abs(highest)) or 1.0

    left = 0.6 + LETTER * _longest(rows)
    cell = width, height = min(CELL[0], max(1.0, WIDTH - left - 0.9) / C), min(CELL[1], 4.4 / R)
    lean = _longest(columns) > max(1, width / LETTER)
    below = 0.7 + (0.7 * LETTER * _longest(columns) if lean else 0.2)
    fig, (ax,) = canvas(R * height + below, left + C * width + 0.9)
    ax.grid(False)
    ax.patch.set(hatch="////", facecolor="#f3f5f7", edgecolor="#c5ccd2", linewidth=0)  # shows where no cell is
    scale = {"cmap": signed_map(), "vmin": -limit} if signed else {"cmap": amount(role), "vmin": 0}
    mesh = ax.pcolormesh(np.ma.masked_where(~there, values), **scale, vmax=limit, rasterized=values.size > MANY)
    ax.invert_yaxis()
    if np.all(np.greater_equal(cell, VALUE)):
        _write(ax, mesh, values, lambda value: number(value).replace("-", "−"))
    elif signed and np.all(np.greater_equal(cell, SIGN)):
        _write(ax, mesh, np.where(values < 0, values, np.nan), lambda value: "-")
    _name(ax.xaxis, columns, C, width, ems=1.5 if lean else 0.65, lean=lean)
    _name(ax.yaxis, rows, R, height, ems=1.1)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    fig.colorbar(mesh, ax=ax, label=label, aspect=18, pad=0.02)

    said = f"Heat map of {label}, {R} rows ({ylabel}) by {C} columns ({xlabel})"
    said += f", {(~there).sum()} of the {there.size} cells empty" if not there.all() else ""
    what = ylabel.partition(" (")[0]  # without its unit
    said = [f"{said}, from {number(lowest)} to {number(highest)}"]
    for r in np.flatnonzero(there.any(axis=1)):
        name, row = f"{what} {r + 1}" if rows is None else rows[r], values[r][there[r]]
        if there.sum() <= LISTED:
            said.append(f"{name}: " + ", ".join(map(number, row)))
        elif R <= LISTED / 4:
            said.append(f"{name} from {number(row.min())} to {number(row.max())}")
    return Plot(fig, text_of(said))


def states(h, tokens=None, *, xlabel="time step", label="state") -> Plot:
    """Draw the states of one sequence: a column for each step, a row for each unit.

    Parameters
    ----------
    h : array (T, H)
        NaN where nothing has been read yet.
    tokens : sequence of str, optional
        What was read at each step.

    Raises
    ------
    ValueError
        As in `heat_map`.

    Examples
    --------
    >>> states([[0.1, -0.5], [0.25, 1.0]], "hi", xlabel="letter just read").alt
    'Heat map of state, 2 rows (unit) by 2 columns (letter just read), from -0.50 to 1.00. unit 1: 0.10,
    0.25. unit 2: -0.50, 1.00.'
    """
    h = np.asarray(h, dtype=float)
    limit = 1.0 if np.nanmax(np.abs(h), initial=0) <= 1 else None
    return heat_map(h.T, columns=tokens, xlabel=xlabel, ylabel="unit", label=label, signed=True, limit=limit)


def attention_map(alpha, source, target, *, xlabel="source", ylabel="output") -> Plot:
    """Draw where a decoder looks: a row for each output, with its largest weight framed.

    Parameters
    ----------
    alpha : array (T, S)
        Weights over the source; each row sums to 1. A row of NaN is an output that is not there yet.
    source, target : sequence of str
        S and T tokens.

    Raises
    ------
    ValueError
        A row does not sum to 1, a weight is negative, or as in `heat_map`.

    Examples
    --------
    >>> attention_map([[0.9, 0.1], [0.25, 0.75]], ["ninety", "seven"], ["quatre-vingt", "dix-sept"]).alt
    'Attention of 2 outputs over 2 source tokens. quatre-vingt looks most at ninety (0.90). dix-sept looks most at
    seven (0.75).'
    """
    from matplotlib.patches import Rectangle

    alpha, names = np.asarray(alpha, dtype=float), {"rows": target, "columns": source}
    plot = heat_map(
        alpha, xlabel=xlabel, ylabel=ylabel, label="weight", limit=1.0, role="context", signed=False, **names
    )
    said = [f"Attention of {len(target)} outputs over {len(source)} source tokens"]
    for t in np.flatnonzero(~np.isnan(alpha).any(axis=1)):
        if (alpha[t] < 0).any() or abs(alpha[t].sum() - 1) > 1e-3:
            raise ValueError(f"row {t} of alpha sums to {alpha[t].sum():.3g}: weights are positive and sum to 1")
        s = alpha[t].argmax()
        plot.fig.axes[0].add_patch(Rectangle((s, t), 1, 1, fill=False, edgecolor=INK, linewidth=1.6))
        said.append(f"{target[t]} looks most at {source[s]} ({alpha[t, s]:.2f})")
    return Plot(plot.fig, text_of(said))


@house_style()
def gates_over_text(text, gates, *, width=48) -> Plot:
    """Draw gates over the text that moved them: a bar over each character, from 0 (closed) to 1 (open).

    Parameters
    ----------
    text : str
        T characters.
    gates : dict of str to array (T,)
        Values between 0 and 1: of one unit, or the mean over units.
    width : int
        Characters in a line, at most; a line ends with a word.

    Raises
    ------
    ValueError
        There is no text or no gate, or a gate has not one value for each character, or one outside 0 to 1.

    Examples
    --------
    >>> gates_over_text("a cat", {"forget": [0.9, 0.2, 0.8, 0.7, 0.6]}).alt
    'Gates over the text "a cat". forget: mean 0.64, most open (0.90) at character 1, "a", most closed (0.20) at
    character 2, a space.'
    """
    from matplotlib.patches import Rectangle

    gates = {name: np.asarray(values, dtype=float) for name, values in gates.items()}
    if not text or not gates:
        raise ValueError("there is nothing to draw: a text and at least one gate are needed")
    said = [f'Gates over the text "{text}"']
    for name, values in gates.items():
        if values.shape != (len(text),):
            raise ValueError(f"the gate {name} must have one value for each of {len(text)} characters: {values.shape}")
        if not (values.min() >= 0 and values.max() <= 1):
            raise ValueError(f"the gate {name} has values outside 0 to 1")
        extremes = (("most open", values.argmax()), ("most closed", values.argmin()))
        there = [f"{what} ({values[i]:.2f}) at character {i + 1}, {_spoken(text[i])}" for what, i in extremes]
        said.append(f"{name}: mean {values.mean():.2f}, " + ", ".join(there))

    cuts = _cuts(text, width)
    longest = max(stop - start for start, stop in cuts)
    fig, every = canvas(len(cuts) * (0.42 * len(gates) + 0.36) + 0.1, rows=len(cuts))
    pitch = 1.25  # from the foot of one gate to the next, whose bars are 1 high
    for ax, (start, stop) in zip(every, cuts, strict=True):
        at = np.arange(stop - start)
        for row, values in enumerate(reversed(gates.values())):
            ax.add_patch(Rectangle((-0.5, row * pitch), at.size, 1, color=FILL["gate"], alpha=0.35, linewidth=0))
            ax.bar(at, values[start:stop], 0.86, row * pitch, color=ROLE["gate"])
        ax.set_xticks(at, [_visible(character) for character in text[start:stop]])
        ax.set_yticks(np.arange(len(gates)) * pitch + 0.5, list(gates)[::-1])
        ax.set(xlim=(-0.6, longest - 0.4), ylim=(-0.02, len(gates) * pitch - 0.23))
        ax.tick_params(length=0)
        ax.grid(False)
        ax.spines[:].set_visible(False)
    return Plot(fig, text_of(said))


def _write(ax, mesh, values, text):
    """Write a text into every cell that has a value, in the ink that stands out from its colour."""
    for (r, c), value in np.ndenumerate(values):
        if np.isfinite(value):
            light = np.dot(mesh.to_rgba(value)[:3], (0.213, 0.715, 0.072))
            ink = "white" if light < 0.52 else "black"  # which can be read on the dark page too: it turns light round
            ax.text(c + 0.5, r + 0.5, text(value), color=ink, ha="center", va="center", fontsize=9)


def _longest(names):
    """Letters in the longest of the names, or in a number."""
    return 2 if names is None else max(map(len, names))


def _name(axis, names, count, inches, ems, lean=False):
    """Name rows or columns that are so many inches apart; a name takes so many times its size of that.

    Letters shrink until they fit; of numbers, those that fit are shown: 1, 2, 3 or 10, 20, 30.
    """
    axis.set_tick_params(length=0)
    if names is None:
        digits = len(str(count)) + 1 if axis.axis_name == "x" else 1
        steps = (step * 10**power for power in range(9) for step in (1, 2, 5))
        step = next(step for step in steps if step * inches >= digits * ems * 11 / 72)
        axis.set_ticks(np.arange(step, count + 1, step) - 0.5, range(step, count + 1, step))
        return
    axis.set_ticks(np.arange(count) + 0.5, [_visible(name) for name in names], fontsize=min(11, 72 * inches / ems))
    if lean:
        for text in axis.get_ticklabels():
            text.set(rotation=45, ha="right", rotation_mode="anchor")


def _cuts(text, width):
    """Where each line of a text begins and ends, with whole words where they fit."""
    cuts, start = [], 0
    while len(text) - start > width:
        stop = text.rfind(" ", start, start + width) + 1 or start + width
        cuts.append((start, stop))
        start = stop
    return [*cuts, (start, len(text))]


def _visible(token):
    """A token as a label: blanks become signs, and a dollar sign does not begin a formula."""
    return str(token).replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥").replace("$", r"\$")


def _spoken(character):
    return {" ": "a space", "\n": "a new line", "\t": "a tab"}.get(character, f'"{character}"')
