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

import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython.display import display
from PIL import Image

from course_rnn import plot


def explore(frame, *, alt, **parameters):
    """Show ``frame(**values)`` with a slider for each of one or two parameters.

    Parameters
    ----------
    frame : callable
        Takes the parameters by name; returns a matplotlib figure, or an object with ``svg() -> bytes`` such as a
        diagram.
    alt : str or callable
        The text that says what a frame shows: a format string, ``"gradient after {steps} steps"``, or a function of
        the same arguments as `frame` that returns the text.
    **parameters : sequence
        One or two. The values that the built page offers, in order. In a running notebook a range of whole or of
        decimal numbers can be set to any value in between.

    Raises
    ------
    ValueError
        There are no parameters or more than two, one has no values, or `frame` does not take it.
    """
    _check(frame, parameters)
    describe = alt if callable(alt) else lambda **values: alt.format(**values)
    first = {name: values[0] for name, values in parameters.items()}
    bundle = _live(frame, describe, parameters)._repr_mimebundle_()
    bundle["text/html"] = _static(frame, describe, parameters)
    bundle["text/plain"] = describe(**first)
    display(bundle, raw=True)


def _check(frame, parameters):
    if not 1 <= len(parameters) <= 2:
        raise ValueError(f"explore takes one or two parameters, not {len(parameters)}")
    for name, values in parameters.items():
        if len(values) == 0:
            raise ValueError(f"the parameter {name} has no values to choose from")
    try:
        inspect.signature(frame).bind(**parameters)
    except TypeError as error:
        raise ValueError(f"the frame cannot be called with {', '.join(parameters)}: {error}") from None


def _picture(drawing):
    """A drawing as a data URI: SVG, or PNG where that is smaller."""
    if hasattr(drawing, "svg"):
        kind, content = "svg+xml", drawing.svg()
    else:
        svg, png = plot.to_bytes(drawing, "svg"), _few_colours(plot.to_bytes(drawing, "png"))
        kind, content = min(("svg+xml", svg), ("png", png), key=lambda pair: len(pair[1]))
        plt.close(drawing)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _few_colours(png):
    """A PNG with a palette of 128 colours: enough for a drawing, and a third of the weight."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(128).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def _image(source, text):
    return f'<img src="{source}" alt="{html.escape(text)}">'


def _static(frame, describe, parameters):
    """The slider of the built page: its pictures, each once, and which of them stands at which values."""
    index_of, order = {}, []  # (source, alt) -> its place among the pictures; the place for each combination
    for combination in itertools.product(*parameters.values()):
        values = dict(zip(parameters, combination, strict=True))
        picture = (_picture(frame(**values)), describe(**values))
        order.append(index_of.setdefault(picture, len(index_of)))
    frames = [{"src": source, "alt": text} for source, text in index_of]
    sliders = "".join(
        f'<label><span class="explore-name">{html.escape(name.replace("_", " "))}</span> '
        f'<input type="range" min="0" max="{len(values) - 1}" value="0" step="1" '
        f'data-labels="{html.escape(json.dumps([str(value) for value in values]))}"> '
        f"<output>{html.escape(str(values[0]))}</output></label>"
        for name, values in parameters.items()
    )
    # "</" would end the script element early
    data = json.dumps({"frames": frames, "order": order}).replace("</", "<\\/")
    return (
        f'<figure class="explore"><div class="explore-controls">{sliders}</div>'
        f"{_image(frames[0]['src'], frames[0]['alt'])}"
        f'<script type="application/json">{data}</script></figure>'
    )


def _control(name, values):
    """The widget that sets one parameter: over the whole range where the values are numbers, else over the values."""
    look = {
        "description": name.replace("_", " "),
        "style": {"description_width": "initial"},
        "continuous_update": False,
    }
    if len(values) > 1 and all(isinstance(value, numbers.Integral) and not isinstance(value, bool) for value in values):
        return widgets.IntSlider(value=values[0], min=min(values), max=max(values), **look)
    if len(values) > 1 and all(isinstance(value, numbers.Real) and not isinstance(value, bool) for value in values):
        span = max(values) - min(values)
        return widgets.FloatSlider(value=values[0], min=min(values), max=max(values), step=span / 100, **look)
    return widgets.SelectionSlider(options=[(str(value), value) for value in values], **look)


def _live(frame, describe, parameters):
    """The widgets of a running notebook: a change of a slider draws the picture anew."""
    controls = {name: _control(name, values) for name, values in parameters.items()}
    picture = widgets.HTML()

    def draw(_=None):
        values = {name: control.value for name, control in controls.items()}
        picture.value = _image(_picture(frame(**values)), describe(**values))

    for control in controls.values():
        control.observe(draw, "value")
    draw()
    return widgets.VBox([*controls.values(), picture])
