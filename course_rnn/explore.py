"""Sliders: live in a running notebook, static on the built page.

One cell output carries both. A running notebook shows ipywidgets that compute the picture anew for any value. The
built page has no kernel: it shows a native slider over pictures that were drawn when the notebook was run
(``book/_static/explore.js`` moves it). Without JavaScript, and in a notebook that was opened and not yet run, the
first picture stands alone.
"""

import base64
import html
import inspect
import io
import itertools
import json
import numbers
import warnings

import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython.display import display
from PIL import Image

from course_rnn.plot import to_bytes

#: What the pictures of one explorer may weigh together, in bytes, without a warning.
HEAVY = 500_000
#: Stands where the slider cannot move: the style of the built page hides it, a notebook that was not run shows it.
HINT = '<p class="explore-hint">Run this cell to move the slider.</p>'


def explore(frame, *, alt=None, begin=None, **parameters):
    """Show ``frame(**values)`` with a slider for each of one or two parameters.

    Parameters
    ----------
    frame : callable
        Takes the parameters by name; returns a plot, a diagram or a matplotlib figure.
    alt : str or callable, optional
        The text that says what a frame shows: a format string, ``"gradient after {steps} steps"``, or a function of
        the same arguments as `frame` that returns the text. Plots and diagrams bring their own.
    begin : dict, optional
        Where the sliders stand at first, by parameter: one of its values; the first of them if not given.
    **parameters : sequence
        One or two. The values that the built page offers, in order. In a running notebook a range of whole or of
        decimal numbers can be set to any value in between.

    Raises
    ------
    ValueError
        There are no parameters or more than two, one has no values, `frame` does not take it, or it does not have the
        value to begin with; or no text is given for a figure that has none of its own.
    TypeError
        The values of a parameter are not a sequence.

    Warns
    -----
    UserWarning
        The pictures are too heavy for a page.
    """
    _check(frame, parameters)
    draw = _describing(frame, alt)
    static, text = _static(draw, parameters, begin)
    bundle = _live(draw, parameters, begin)._repr_mimebundle_()
    display(bundle | {"text/html": static, "text/plain": text}, raw=True)


def _check(frame, parameters):
    if not 1 <= len(parameters) <= 2:
        raise ValueError(f"explore takes one or two parameters, not {len(parameters)}")
    for name, values in parameters.items():
        if not hasattr(values, "__len__"):
            raise TypeError(f"the values of {name} must be a sequence, such as [1, 2, 3]: got {values!r}")
        if len(values) == 0:
            raise ValueError(f"the parameter {name} has no values to choose from")
    try:
        inspect.signature(frame).bind(**parameters)
    except TypeError as error:
        raise ValueError(f"the frame cannot be called with {', '.join(parameters)}: {error}") from None


def _begin(parameters, begin):
    """Where each slider stands at first."""
    first = {name: values[0] for name, values in parameters.items()} | (begin or {})
    for name, value in first.items():
        if name not in parameters or value not in parameters[name]:
            raise ValueError(f"the sliders cannot begin at {name} = {value!r}")
    return first


def _describing(frame, alt):
    """A function that draws a frame and returns it with its text; an error in it says for which values."""

    def draw(**values):
        try:
            drawing = frame(**values)
            text = alt(**values) if callable(alt) else alt.format(**values) if alt else getattr(drawing, "alt", None)
        except Exception as error:
            error.add_note("in the frame for " + ", ".join(f"{name} = {_label(v)}" for name, v in values.items()))
            raise
        if not text:
            raise ValueError("a figure has no text of its own: give explore an alt, or return a course_rnn.plot.Plot")
        return drawing, text

    return draw


# ------------------------------------------------------------------------------------------------ pictures as text


def _svg(drawing):
    content = drawing.svg() if hasattr(drawing, "svg") else to_bytes(drawing)
    return "data:image/svg+xml;base64," + base64.b64encode(content).decode()


def _webp(drawing):
    """A picture of 200 dpi in 128 colours, which is enough for a drawing, and weighs a third of its SVG."""
    png, buffer = to_bytes(_figure(drawing), "png"), io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(128).convert("RGB").save(buffer, "webp", lossless=True)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _figure(drawing):
    return getattr(drawing, "fig", drawing)


def _width(drawing):
    """In the pixels of a page, of which an inch has 96."""
    return round(96 * _figure(drawing).get_figwidth())


def _image(source, width, text):
    return f'<img src="{source}" width="{width}" alt="{html.escape(text)}">'


def _label(value):
    """A value as it stands beside its slider."""
    is_decimal = isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral)
    return f"{value:g}" if is_decimal else str(value)


# ------------------------------------------------------------------------------------------------------ the two lives


def _static(draw, parameters, begin=None):
    """The slider of the built page as HTML, and the text of the frame to begin with.

    The pictures, each once, and for each combination of values its picture and its text; the picture to begin with is
    not repeated, it stands in the page.
    """
    begin, drawn = _begin(parameters, begin), []
    for combination in itertools.product(*parameters.values()):
        drawing, text = draw(**dict(zip(parameters, combination, strict=True)))
        drawn.append(((min(_svg(drawing), _webp(drawing), key=len), _width(drawing)), text))
        plt.close(_figure(drawing))
    at = {name: list(parameters[name]).index(value) for name, value in begin.items()}
    shown, said = drawn[list(itertools.product(*map(range, map(len, parameters.values())))).index(tuple(at.values()))]
    pictures = {shown: 0}
    frames = [(pictures.setdefault(picture, len(pictures)), text) for picture, text in drawn]
    (first, width), *others = pictures
    weight = sum(len(source) for source, _ in pictures)
    if weight > HEAVY:
        warnings.warn(f"{len(pictures)} pictures weigh {weight:,} bytes: offer fewer values", stacklevel=3)
    sliders = "".join(
        f'<label><span class="explore-name">{html.escape(name.replace("_", " "))}</span> '
        f'<input type="range" min="0" max="{len(values) - 1}" value="{at[name]}" step="1" '
        f'data-labels="{html.escape(json.dumps([_label(value) for value in values]))}"> '
        f'<output aria-hidden="true">{html.escape(_label(begin[name]))}</output></label>'
        for name, values in parameters.items()
    )
    data = json.dumps({"pictures": [(None, width), *others], "frames": frames}, ensure_ascii=False)
    data = data.replace("</", "<\\/")  # which would end the script element early
    return (
        f'<figure class="explore"><div class="explore-controls">{sliders}</div>'
        f'<div aria-live="polite">{_image(first, width, said)}</div>{HINT}'
        f'<script type="application/json">{data}</script></figure>'
    ), said


def _control(name, values, begin=None):
    """The widget that sets one parameter: over the whole range where the values are numbers, else over the values."""
    begin = values[0] if begin is None else begin
    look = {
        "description": name.replace("_", " "),
        "style": {"description_width": "initial"},
        "continuous_update": False,
    }
    if len(values) > 1 and all(isinstance(value, numbers.Real) and not isinstance(value, bool) for value in values):
        low, high = min(values), max(values)
        if all(isinstance(value, numbers.Integral) for value in values):
            return widgets.IntSlider(value=begin, min=low, max=high, **look)
        step = (high - low) / 100
        return widgets.FloatSlider(value=begin, min=low, max=high, step=step, readout_format=".3g", **look)
    return widgets.SelectionSlider(options=[(_label(value), value) for value in values], value=begin, **look)


def _live(draw, parameters, begin=None):
    """The widgets of a running notebook: a change of a slider draws the picture anew, or says what went wrong."""
    begin = _begin(parameters, begin)
    controls = {name: _control(name, values, begin[name]) for name, values in parameters.items()}
    picture = widgets.HTML()

    def show(_=None):
        try:
            drawing, text = draw(**{name: control.value for name, control in controls.items()})
            picture.value = _image(_svg(drawing), _width(drawing), text)
            plt.close(_figure(drawing))
        except Exception as error:  # an error in a callback would be lost in a log
            said = f"{type(error).__name__}: {error}\n" + "\n".join(getattr(error, "__notes__", []))
            picture.value = f'<pre role="alert" style="color: #c0342b">{html.escape(said)}</pre>'

    for control in controls.values():
        control.observe(show, "value")
    show()
    return widgets.VBox([*controls.values(), picture])
