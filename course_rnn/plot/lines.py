"""Lines over a common axis: losses, gradients, accuracies; with spread over seeds, and baselines."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np

from course_rnn.plot.style import INK, Plot, canvas, house_style, legend, looks, text_of, writer

FEW = 12  # points: up to here every one is marked in the figure and listed in the text
BRIEF = 5  # points: up to here each is listed with its spread over seeds
LEVELS = ((6, 2), (1, 1.5), (6, 2, 1, 2), (3, 1))  # dashes of baselines


@house_style()
def lines(series, *, x=None, xlabel, ylabel, ylim=None, baselines=None, parts=None, log="", role=None) -> Plot:
    """Draw lines over a common axis, each with its spread over seeds where it has seeds.

    Parameters
    ----------
    series : dict of str to array, or array
        Each (n,), or (seeds, n): then the line is the mean, the shade goes from the lowest to the highest seed, and
        where points are few there is a dot for each seed. A pair (x, y) has an x of its own.
    x : array (n,), optional
        1, 2, ..., n if not given.
    xlabel, ylabel : str
        With the unit in brackets.
    ylim : (low, high), optional
        Where the y axis begins and ends, for instance the same in every frame of an explorer.
    baselines : dict of str to float, optional
        Level lines, with their values in the legend.
    parts : dict of str to (start, stop), optional
        Named stretches of x, every other one shaded.
    log : str
        Which axes are logarithmic: "", "x", "y" or "xy". Zeros, which such a y axis cannot show, stand as open
        triangles at its foot.
    role : str, optional
        The role in `course_rnn.colours` of the first line, unless its name has a colour of its own.

    Raises
    ------
    ValueError
        Nothing to draw, shapes that do not agree, no finite value, or a negative value on a logarithmic axis.

    Examples
    --------
    >>> lines({"signal": [0.5, 2.0, 1.0]}, xlabel="time (s)", ylabel="level (mV)", baselines={"mean": 1.167})
    Figure: Lines of level (mV) against time (s). signal: 0.50 at 1, 2.00 at 2, 1.00 at 3. Level lines: mean 1.167.
    """
    unnamed = not isinstance(series, Mapping)
    drawn = _points({ylabel: series} if unnamed else series, x, "y" in log)
    levels = [f"{name}: {writer(np.array(float(level)), 3)(level)}" for name, level in (baselines or {}).items()]
    fig, (ax,) = canvas(height=3.0)
    for (name, (x, y)), look, start in zip(drawn.items(), looks(list(drawn), role), cycle((0, 1, 2)), strict=False):
        few, n, shown = len(x) <= FEW, len(x), np.where(y == 0, np.nan, y) if "y" in log else y
        every = 1 if few else (start * n // 24, n // 8)  # markers of different lines side by side
        label = "_" + name if unnamed else name
        ax.plot(x, _mean(shown), **look, markevery=every, label=label, linewidth=1.8 if n < 200 else 1.2, zorder=3)
        if len(y) > 1:
            ax.fill_between(x, shown.min(axis=0), shown.max(axis=0), color=look["color"], alpha=0.2, linewidth=0)
            if few:
                ax.plot(x, shown.T, ".", color=look["color"], alpha=0.6, zorder=2)
    for level, label, dashes in zip((baselines or {}).values(), levels, cycle(LEVELS), strict=False):
        ax.axhline(level, color=INK, linewidth=1.3, dashes=dashes, label=label)
    for i, (name, (start, stop)) in enumerate((parts or {}).items()):
        ax.axvspan(start, stop, color=INK, alpha=0.08 * (i % 2), linewidth=0)
        ax.annotate(name, ((start + stop) / 2, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom")
    ax.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if "y" in log else "linear")
    if ylim:
        ax.set_ylim(ylim)
    if "y" in log:
        _show_zeros(ax, drawn)
    if "x" in log:
        ax.set_xscale("log")
    _tick_every_point(ax, [x for x, _ in drawn.values()])
    handles, labels = ax.get_legend_handles_labels()
    seeds = sorted({len(y) for _, y in drawn.values()} - {1})
    if seeds:
        from matplotlib.patches import Patch

        handles.append(Patch(color=INK, alpha=0.2, linewidth=0))
        labels.append(f"range of {' or '.join(map(str, seeds))} seeds")
    if labels:
        legend(fig, handles, labels)
    said = [f"Lines of {ylabel} against {xlabel}" + (" on a logarithmic scale" if "y" in log else "")]
    said += [_in_words(name, x, y, "y" in log) for name, (x, y) in drawn.items()]
    if levels:
        said.append("Level lines: " + ", ".join(level.replace(": ", " ") for level in levels))
    if parts:
        said.append("Parts: " + ", ".join(f"{name} from {a:g} to {b:g}" for name, (a, b) in parts.items()))
    return Plot(fig, text_of(said))


def loss_curves(losses, *, baselines=None, xlabel="update", ylabel="loss (nats)", ylim=None, log="") -> Plot:
    """Draw losses over updates, beside the baselines that they have to beat; the arguments are those of `lines`.

    Examples
    --------
    >>> train, validation = np.geomspace(3, 0.3, 50), ([10, 50], [1.5, 0.4])
    >>> loss_curves({"train": train, "validation": validation}, baselines={"majority": 1.3}).alt
    'Lines of loss (nats) against update. train falls from 3.00 at 1 to 0.30 at 50. validation: 1.50 at 10, 0.40 at 50.
    Level lines: majority 1.300.'
    """
    return lines(losses, xlabel=xlabel, ylabel=ylabel, ylim=ylim, baselines=baselines, log=log)


def gradient_norms(
    norms, *, x=None, xlabel="time step $t$", ylabel=r"norm of $\partial L / \partial h_t$", ylim=None, baselines=None
) -> Plot:
    """Draw how large gradients are at each step, on a logarithmic axis; the arguments are those of `lines`.

    Examples
    --------
    >>> gradient_norms({"RNN": 0.5 ** np.arange(30)[::-1]}).alt
    'Lines of norm of partial L / partial h_t against time step t on a logarithmic scale. RNN rises from 1.9e-09 at 1 to
    1.0e+00 at 30.'
    """
    looks = {"log": "y", "role": "gradient"}
    return lines(norms, x=x, xlabel=xlabel, ylabel=ylabel, ylim=ylim, baselines=baselines, **looks)


def accuracy_over_distance(
    distances, accuracies, *, baselines=None, xlabel="distance (steps)", ylabel="accuracy (share correct)"
) -> Plot:
    """Draw how well models do as what they need lies further back, or as their task grows in another way.

    Parameters
    ----------
    distances : array (n,)
    accuracies : dict of str to array, or array
        Each (n,) or (seeds, n); shares between 0 and 1.
    baselines, xlabel, ylabel
        As in `lines`.

    Raises
    ------
    ValueError
        An accuracy is not between 0 and 1, or as in `lines`.

    Examples
    --------
    >>> accuracy_over_distance([20, 80], {"RNN": [[1, 0.2], [1, 0.4]]}, baselines={"chance": 0.125}).alt
    'Lines of accuracy (share correct) against distance (steps). RNN, mean of 2 seeds: 1.00 (seeds 1.00 to 1.00) at 20,
    0.30 (seeds 0.20 to 0.40) at 80. Level lines: chance 0.125.'
    """
    distances = np.asarray(distances)
    for y in accuracies.values() if isinstance(accuracies, Mapping) else [accuracies]:
        if np.nanmin(y) < 0 or np.nanmax(y) > 1:
            raise ValueError(f"an accuracy is a share between 0 and 1, got {np.nanmin(y):g} to {np.nanmax(y):g}")
    far_apart = distances.min() > 0 and distances.max() >= 8 * distances.min()
    log = "x" if far_apart else ""
    plot = lines(accuracies, x=distances, xlabel=xlabel, ylabel=ylabel, baselines=baselines, log=log)
    (ax,) = plot.fig.axes
    ax.set_ylim(-0.03, 1.03)
    return plot


def _points(series, x, log):
    """Each name with its x (n,) and y (seeds, n)."""
    points = {}
    for name, y in series.items():
        own, y = y if isinstance(y, tuple) else (x, y)
        y = np.atleast_2d(np.asarray(y, dtype=float))
        own = np.arange(1, y.shape[-1] + 1) if own is None else np.asarray(own)
        if y.ndim != 2 or own.shape != y.shape[1:]:
            raise ValueError(f"{name} must have shape (n,) or (seeds, n), and x (n,): got {y.shape} and {own.shape}")
        if not np.isfinite(y).all(axis=0).any():
            raise ValueError(f"{name} has no finite value")
        if log and (y < 0).any():
            raise ValueError(f"{name} has negative values, which a logarithmic axis cannot show")
        points[name] = own, y
    if not points:
        raise ValueError("there is nothing to draw: no series was given")
    return points


def _mean(y):
    """The mean over seeds; what is not finite in one of them is not finite in the mean."""
    with np.errstate(invalid="ignore"):  # the mean of inf and -inf
        return y.mean(axis=0)


def _tick_every_point(ax, xs):
    """Where all lines stand at the same few whole numbers, name these on the axis, if there is room."""
    x = np.unique(xs[0])
    if all(np.array_equal(x, other) for other in xs) and len(x) <= FEW and np.issubdtype(x.dtype, np.integer):
        places = ax.transData.transform([(place, 1) for place in x])[:, 0]
        if np.all(np.diff(places) > np.ptp(places) / (1.5 * FEW)):
            ax.set_xticks(x, map(str, x))
            ax.minorticks_off()


def _show_zeros(ax, drawn):
    """Show zeros on a logarithmic axis: open triangles at its foot."""
    at = np.concatenate([x[(y == 0).any(axis=0)] for x, y in drawn.values()])
    if at.size:
        foot = ax.get_ylim()[0]
        ax.plot(at, np.full(at.size, foot), "v", mfc="white", mec=INK, clip_on=False, label="exactly 0", zorder=4)
        ax.set_ylim(foot, None)


def _in_words(name, x, y, log):
    """A line in words: every point where they are few, otherwise its ends and how far it goes beyond them."""
    mean, seeds = _mean(y), len(y)
    finite = np.flatnonzero(np.isfinite(mean))
    number = writer(y) if not log else lambda value: f"{value:.1e}" if value else "exactly 0"
    each = seeds > 1 and not BRIEF < len(x) <= FEW  # the spread is said for each point
    who = name if seeds == 1 else f"{name}, mean of {seeds} seeds"
    who += "" if seeds == 1 or each else f", which differ by at most {number(np.ptp(y[:, finite], axis=0).max())}"
    lost = f"; not finite at {len(x) - len(finite)} of {len(x)} points" if len(finite) < len(x) else ""

    def point(i):
        spread = f" (seeds {number(y[:, i].min())} to {number(y[:, i].max())})" if each else ""
        return f"{number(mean[i])}{spread} at {x[i]:g}"

    if len(x) <= FEW:
        return f"{who}: " + ", ".join(map(point, finite)) + lost
    first, last = mean[finite[[0, -1]]]
    low, high = mean[finite].min(), mean[finite].max()
    clear = 0.05 * (high - low)  # a line that wobbles by less gets the same words on every machine
    verb = "falls" if last < first else "rises"
    text = f"{who}{',' * (seeds > 1)} {verb} from {point(finite[0])} to {point(finite[-1])}"
    text += f", lowest {number(low)}" if low < min(first, last) - clear else ""
    text += f", highest {number(high)}" if high > max(first, last) + clear else ""
    return text + lost
