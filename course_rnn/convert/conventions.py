"""The table: how each library writes one layer down."""

from dataclasses import dataclass, field, replace

CELLS = {1: "RNN", 3: "GRU", 4: "LSTM"}  # by G, the number of gates


@dataclass(frozen=True)
class Convention:
    """How a library writes one layer down: a row of the table.

    Parameters
    ----------
    gates : str
        The blocks in their order and in the library's letters; c and h are what torch calls g and n.
    biases : int
        How many biases each gate has: 2, 1 or 0.
    vectors : str
        "column" for a = W x with W (GH, D), "row" for a = x W with W (D, GH).
    joined : str
        "hx" or "xh" if one matrix multiplies the two joined in this order, "" if each has its own.
    z : str
        Whether a GRU's z is the share of h to "keep" or the share of the candidate to "write".
    reset : str
        Whether a GRU's reset gate acts "after" the matrix, r ⊙ (W_hn h), or "before" it, W_hn (r ⊙ h).
    shapes : dict
        The names of the arrays, and their axes.

    Examples
    --------
    >>> ROSETTA["LSTM"]["keras"].gates, ROSETTA["LSTM"]["keras"].shape("kernel")
    ('ifco', '(D, 4H)')
    """

    gates: str
    biases: int
    vectors: str = "column"
    joined: str = ""
    z: str = ""
    reset: str = ""
    shapes: dict = field(default_factory=dict, repr=False, compare=False)

    @property
    def cell(self):
        return CELLS[len(self.gates)]

    @property
    def order(self):
        """The gates in torch's letters."""
        return self.gates.replace("c", "g").replace("h", "n")

    @property
    def stacked(self):
        """Whether the directions share an axis."""
        return any("dirs" in axes for axes in self.shapes.values())

    @property
    def known(self):
        """The names of the rows that say the same; any library can leave the biases out."""
        rows = ROSETTA[self.cell].items()
        plain = replace(self, gates=self.order)
        return [n for n, row in rows if plain == replace(row, gates=row.order, biases=self.biases and row.biases)]

    def shape(self, name):
        """The shape of an array in letters."""
        letters = {"GH": f"{len(self.gates)}H".lstrip("1"), "2GH": f"{2 * len(self.gates)}H"}
        axes = [letters.get(axis, axis) for axis in self.shapes[name].split()]
        return f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(axes)})"

    def __str__(self):
        words = [f"{'a' if self.cell == 'GRU' else 'an'} {self.cell} with {self.vectors} vectors"]
        words += [f"gates {', '.join(self.gates)}"] if len(self.gates) > 1 else []
        words += [("no bias", "one bias", "two biases")[self.biases]]
        words += [f"[{', '.join(self.joined)}] joined"] if self.joined else []
        words += [f"z the share to {self.z}", f"reset {self.reset} the matrix"] if self.z else []
        return f"{', '.join(words)} ({' = '.join(self.known) or 'in no row of the table'})"


TORCH = {"weight_ih": "GH D", "weight_hh": "GH H", "bias_ih": "GH", "bias_hh": "GH"}
_KERAS = {"kernel": "D GH", "recurrent_kernel": "H GH", "bias": "GH"}
_ONNX = {"W": "dirs GH D", "R": "dirs GH H", "B": "dirs 2GH"}  # B is Wb, then Rb
_CS231N = {"Wx": "D GH", "Wh": "H GH", "b": "GH"}
_SLIDES = {f"W_{gate}": "H H+D" for gate in "cfio"} | {f"b_{gate}": "H" for gate in "cfio"}

ROSETTA = {
    "RNN": {
        "torch": Convention("h", 2, shapes=TORCH),
        "keras": Convention("h", 1, "row", shapes=_KERAS),
        "onnx": Convention("h", 2, shapes=_ONNX),
        "cs231n": Convention("h", 1, "row", shapes=_CS231N),
        "slides": Convention("h", 1, shapes={"W_x": "H D", "W_h": "H H", "b_h": "H"}),
    },
    "LSTM": {
        "torch": Convention("ifgo", 2, shapes=TORCH),
        "keras": Convention("ifco", 1, "row", shapes=_KERAS),
        "onnx": Convention("iofc", 2, shapes=_ONNX),
        "cs231n": Convention("ifog", 1, "row", shapes=_CS231N),
        "slides": Convention("cfio", 1, joined="hx", shapes=_SLIDES),
    },
    "GRU": {
        "torch": Convention("rzn", 2, z="keep", reset="after", shapes=TORCH),
        "torch_reset_before": Convention("rzn", 2, z="keep", reset="before", shapes=TORCH),
        "keras": Convention("zrh", 2, "row", z="keep", reset="after", shapes=_KERAS | {"bias": "2 GH"}),
        "keras_reset_before": Convention("zrh", 1, "row", z="keep", reset="before", shapes=_KERAS),
        "onnx": Convention("zrh", 2, z="keep", reset="before", shapes=_ONNX),
        "onnx_reset_after": Convention("zrh", 2, z="keep", reset="after", shapes=_ONNX),
        "slides": Convention("zrh", 0, "column", "hx", "write", "before", dict.fromkeys(["W_z", "W_r", "W"], "H H+D")),
    },
}


def rosetta():
    """Return the table as Markdown, a row for each cell and convention.

    Returns
    -------
    str

    Examples
    --------
    >>> print(rosetta().splitlines()[9])
    | LSTM | onnx | `W` (dirs, 4H, D), `R` (dirs, 4H, H), `B` (dirs, 8H) | i, o, f, c | column | 2 | – | – |
    """
    lines = ["| cell | name | arrays | gates | vectors | biases | z | reset |", "|" + "---|" * 8]
    for cell, rows in ROSETTA.items():
        for name, row in rows.items():
            arrays = ", ".join(f"`{array}` {row.shape(array)}" for array in row.shapes)
            gates = ", ".join(row.gates) if len(row.gates) > 1 else "–"
            vectors = f"{row.vectors}, [{', '.join(row.joined)}]" if row.joined else row.vectors
            columns = cell, name, arrays, gates, vectors, str(row.biases), row.z or "–", row.reset or "–"
            lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines)
