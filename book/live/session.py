"""Inside the browser: runs the cells of a page one after the other and sends to the page what they show.

The worker runs this file in a namespace of its own; the cells share another.
"""

import ast
import builtins
import io
import sys
import time
import traceback
import warnings

from pyodide.code import eval_code

MOST = 100_000  # characters that one cell may print
AT_ONCE = 20  # pieces of print that are sent at once; of more, those of some time together
PAUSE = 0.05  # seconds
LACKING = {
    "torch": "This cell needs torch, which does not run in a browser. Download the notebook and run it in JupyterLab.",
    "matplotlib": "This cell draws a figure, and this build of the book has no matplotlib. The notebook draws it.",
}
DRAWING = {"plot", "diagrams", "plt", "matplotlib", "google_prices", "eeg"}  # names that lead to matplotlib

names = {"__name__": "__main__"}  # what the cells made
ran = set()  # the names of the cells that ran
send = megabytes = None


class Printed(io.TextIOBase):
    """What a cell prints, sent to the page in pieces while the cell runs."""

    def __init__(self, kind):
        self.kind = kind
        self.begin()

    def begin(self):
        self.waiting, self.length, self.pieces, self.sent = [], 0, 0, 0.0

    def write(self, text):
        if self.length < MOST:
            self.waiting.append(text[: MOST - self.length])
            if self.length + len(text) >= MOST:
                self.waiting.append("\n… and more, which is not shown.\n")
        self.length += len(text)
        self.pieces += 1
        if self.pieces <= AT_ONCE or time.monotonic() - self.sent > PAUSE:
            self.flush()
        return len(text)

    def flush(self):
        if self.waiting:
            send(self.kind, "".join(self.waiting))
        self.waiting, self.sent = [], time.monotonic()


class Warned(Printed):
    """What goes to stderr: warnings, and the bar of a training, each state of which takes the place of the last."""

    encoding = "utf-8"

    def isatty(self):
        return True  # so that course_rnn.numpy.fit shows its bar, with the loss as it falls

    def write(self, text):
        if not text.startswith("\r"):
            return super().write(text) if text.strip() else 0
        send("bar", text.strip())
        return len(text)


def connect(to_page, limit):
    """Send everything to `to_page(kind, text, alt)` from here on; `limit` MiB are what Python may take."""
    global send, megabytes
    send, megabytes = (lambda kind, text, alt="": to_page(kind, text, alt)), limit
    sys.stdout, sys.stderr = Printed("text"), Warned("warning")
    builtins.display = display
    builtins.input = no_input
    warnings.filterwarnings("ignore", message=".*non-interactive")  # plt.show: figures are shown after the cell
    warnings.filterwarnings("ignore", message=".*monitor support")  # tqdm looks for threads


def no_input(prompt=""):
    raise RuntimeError("input() cannot ask here: write the value into the cell.")


def draws(source):
    """Whether a cell will want matplotlib."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return False
    nodes = ast.walk(tree)
    return bool(DRAWING & {getattr(node, "id", getattr(node, "attr", "")) for node in nodes})


def run(source, name):
    """Run a cell and show what its last line gives; returns whether it ran to its end."""
    sys.stdout.begin()
    sys.stderr.begin()
    ran.add(name)
    try:
        value = eval_code(source, names, filename=name)
        if value is not None:
            display(value)
        show_figures()
        return True
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: the page goes on
        sys.stdout.flush()
        send("error", said(error))
        return lacking(error) in LACKING  # that is no fault of the cell: the next may run
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def display(*values):
    """Show values as a notebook would: as HTML, as a picture, or as text."""
    sys.stdout.flush()
    for value in values:
        if hasattr(value, "_repr_html_"):
            send("html", value._repr_html_())
        elif hasattr(value, "_repr_svg_"):
            send("picture", value._repr_svg_(), repr(value))
        elif hasattr(value, "savefig"):
            send("picture", svg(value), "A figure that this cell drew.")
        else:
            send("text", f"{value!r}\n")


def show_figures():
    """Show what pyplot has open, as a notebook does at the end of a cell."""
    if "matplotlib.pyplot" in sys.modules:
        pyplot = sys.modules["matplotlib.pyplot"]
        for number in pyplot.get_fignums():
            display(pyplot.figure(number))
        pyplot.close("all")


def svg(figure):
    file = io.StringIO()
    figure.savefig(file, format="svg")
    return file.getvalue()


def lacking(error):
    """The package that an error says is not there; "" for any other error."""
    return (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""


def said(error):
    """What stopped a cell, in words: first the sentence, then the lines of the cell that led to it."""
    if isinstance(error, KeyboardInterrupt):
        return "Stopped. What the cells made before is still there."
    if lacking(error):
        there = f"There is no module {error.name} in this page: only NumPy, Python's own library and course_rnn."
        return LACKING.get(lacking(error), there)
    sentence = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, SyntaxError):
        return sentence
    if isinstance(error, MemoryError):
        sentence += f"\nThis page gives Python {megabytes:g} MiB: use smaller arrays, or run the notebook elsewhere."
    if isinstance(error, NameError):
        sentence += "\nIs it made in a cell above? Then press “Run all above” first."
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in ran]
    lines = [f"  {frame.filename}, line {frame.lineno}: {frame.line}" for frame in frames]
    if len(lines) > 6:
        lines[3:-3] = ["  …"]
    return "\n".join([sentence, *lines])
