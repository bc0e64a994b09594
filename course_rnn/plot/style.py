"""The house style: what every figure looks like, how it is saved, and how it says what it shows.

matplotlib and IPython are imported where something is drawn or shown, so that the module loads without them.
"""

import html
import io
import re
from contextlib import contextmanager
from functools import cache

import numpy as np

from course_rnn.colours import ROLE, blend

INK = ROLE["neutral"]
WIDTH = 6.4  # inches: on a page, all of its column; on a phone, letters that can still be read
LETTER = 0.09  # inches: a letter of a name, on average
#: Names that begin with one of these words have its colour on every page; others take their turn in `TURNS`.
FAMILY = {"RNN": "state", "LSTM": "gate", "GRU": "context", "signal": "neutral", "price": "neutral"}
TURNS = ("input", "gradient", "output", "context", "gate", "state")
MARKERS, DASHES = "os^DvP*X", ("-", "--", "-.", ":")

STYLE = {
    "figure.figsize": (WIDTH, 3.0),
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "mathtext.fontset": "cm",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "legend.frameon": False,
    "axes.prop_cycle": f"cycler(color={[ROLE[role] for role in TURNS]})",
}
#: What makes a saved figure the same bytes on every run, and sharp on a dense screen.
SAVED = {"savefig.dpi": 200, "savefig.bbox": None, "svg.hashsalt": "course-rnn", "svg.fonttype": "path"}


# Colour maps begin at the white of the page. The filter of the dark page turns lightness round and keeps the hue, so
# there too zero is the quietest and the largest the loudest, and no map needs to be left out of it.
@cache
def signed_map():
    """The colour map of values with a sign: violet, white, orange.

    Colour-blind readers tell the ends apart, and neither is a role.
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["PuOr_r"](np.linspace(0.12, 0.88, 255)), name="signed")


def amount(role):
    """The colour map of values without a sign: from white through the colour of the role."""
    from matplotlib.colors import LinearSegmentedColormap

    colour = ROLE[role]
    steps = ["#ffffff", blend(colour, "#ffffff", 0.76), colour, blend(colour, "#000000", 0.5)]
    return LinearSegmentedColormap.from_list(role, steps)


@contextmanager
def house_style():
    """Matplotlib's defaults and ours, whatever the page has set; the page's settings return afterwards."""
    from matplotlib.style import context

    with context(["default", STYLE | SAVED]):
        yield


def use_style():
    """Draw in the house style from here on; in a notebook figures become SVG, the same bytes on every run."""
    from matplotlib import rcParams

    rcParams.update(STYLE | SAVED)
    try:
        shell = get_ipython()
    except NameError:
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    if hasattr(shell, "kernel"):
        set_matplotlib_formats("svg", metadata={"Date": None})


def to_bytes(figure, kind="svg", **metadata) -> bytes:
    """The figure as the bytes of an SVG or PNG file, on white; the same drawing gives the same bytes."""
    buffer = io.BytesIO()
    unchanging = {"svg": {"Date": None}, "png": {"Software": None}}[kind]
    with house_style():
        figure.savefig(buffer, format=kind, facecolor="white", metadata=unchanging | metadata)
    return buffer.getvalue()


class Plot:
    """A figure and the text that says the same; the last line of a cell shows it, once, with that text.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        One made with pyplot is taken out of pyplot's hands, which would show it a second time.
    alt : str
        What somebody who cannot see the figure needs to know.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> fig, ax = plt.subplots()
    >>> Plot(fig, "Empty axes."), plt.get_fignums()
    (Figure: Empty axes., [])
    """

    def __init__(self, fig, alt):
        from matplotlib import pyplot as plt

        plt.close(fig)
        self.fig, self.alt = fig, alt

    def svg(self) -> bytes:
        """The figure as SVG; the same plot gives the same bytes."""
        return to_bytes(self.fig, Title=self.alt)

    def _repr_svg_(self) -> str:
        return self.svg().decode()

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"


def show_with_text(picture):
    """Show a plot or a diagram, and below it the text that says the same."""
    from IPython.display import HTML, display

    display(picture, HTML(f"<p>{html.escape(picture.alt)}</p>"))


# ------------------------------------------------------------------------------------------- for the plots' own use


def canvas(height, width=WIDTH, rows=1):
    """A figure that pyplot does not know, and the list of its axes, one above the other; sizes in inches."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width, height))
    return fig, list(fig.subplots(rows, squeeze=False)[:, 0])


def legend(fig, handles, labels):
    """A legend above the axes, in as many columns as fit; the figure grows by its rows."""
    columns = min(len(labels), max(1, int(WIDTH / (0.75 + LETTER * max(map(len, labels))))))
    fig.legend(handles, labels, loc="outside upper left", ncols=columns)
    fig.set_figheight(fig.get_figheight() + 0.22 * -(-len(labels) // columns))


def looks(names, role=None):
    """The looks of some lines: a colour for each family of names, by first word; a marker each; dashes in a family.

    >>> [(look["color"], look["linestyle"]) for look in looks(["LSTM", "LSTM, chrono"])]
    [('#8c358b', '-'), ('#8c358b', '--')]
    """
    words = [re.match(r"\w*", name)[0] for name in names]
    taken = {FAMILY[word] for word in words if word in FAMILY}
    free = [turn for turn in dict.fromkeys([role or TURNS[0], *TURNS]) if turn not in taken]
    found, used = [], []
    for marker, word in zip(MARKERS * len(names), words, strict=False):
        turn = FAMILY.get(word) or free[sum(other in free for other in used) % len(free)]
        dashes = DASHES[used.count(turn) % len(DASHES)]
        used.append(turn)
        found.append({"color": ROLE[turn], "marker": marker, "linestyle": dashes})
    return found


def writer(values, digits=2):
    """How numbers of this size are written: whole numbers as they are, others to about as many digits as asked for.

    >>> [writer(np.array(size))(np.pi) for size in (0.05, 0.5, 5.0, 50.0)], writer(np.array(5))(3)
    (['3.142', '3.14', '3.14', '3.1'], '3')
    """
    if np.issubdtype(values.dtype, np.integer):
        return str
    finite = np.abs(values[np.isfinite(values)])
    size = int(np.floor(np.log10(finite.max()))) if finite.any() else 0
    decimals = max(1, digits - size - (size < 0))
    return lambda value: f"{round(float(value), decimals) + 0.0:.{decimals}f}"  # adding zero: never "-0.00"


def text_of(sentences):
    """Sentences as one text, on one line, without the marks of mathematics."""
    text = re.sub(r"\$([^$]*)\$", lambda formula: re.sub(r"[\\{}]", "", formula[1]), ". ".join(sentences))
    return " ".join(text.split()) + "."
