"""The plots that recur, in one house style.

Each takes plain arrays and returns a `Plot`: a figure, and a text that says the same, computed from the same data.
A notebook shows it, with that text, when it is the last line of a cell:

    plot.loss_curves({"train": losses}, baselines={"next = now": 0.412})

Colour follows `course_rnn.colours` and never stands alone: lines also differ in marker or dashes, bars in hatching,
cells carry their value or their sign.
"""

from course_rnn.plot.bars import ratio_bars
from course_rnn.plot.cells import attention_map, gates_over_text, heat_map, states
from course_rnn.plot.chain import fading, reached
from course_rnn.plot.ladder import ladder
from course_rnn.plot.lines import accuracy_over_distance, gradient_norms, lines, loss_curves
from course_rnn.plot.style import Plot, show_with_text, to_bytes, use_style
from course_rnn.plot.table import Table, table

__all__ = [
    "Plot",
    "Table",
    "accuracy_over_distance",
    "attention_map",
    "fading",
    "gates_over_text",
    "gradient_norms",
    "heat_map",
    "ladder",
    "lines",
    "loss_curves",
    "ratio_bars",
    "reached",
    "show_with_text",
    "states",
    "table",
    "to_bytes",
    "use_style",
]
