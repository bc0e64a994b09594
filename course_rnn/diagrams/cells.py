"""One step from inside: the plain cell, the LSTM and the GRU."""

from course_rnn.diagrams.draw import Diagram
from course_rnn.shared.cell import Cell


def vanilla_module() -> Diagram:
    r"""Draw the inside of the module f_theta of a plain RNN, which returns a state and an output.

    .. math:: h_t = \tanh(W_{hh} h_{t-1} + W_{ih} x_t + b), \qquad o_t = V h_t + c

    Examples
    --------
    >>> sorted(e.source for e in vanilla_module().edges if e.target == "add_h")
    ['bh', 'wh', 'wx']
    >>> sorted(e.target for e in vanilla_module().edges if e.source == "tanh")
    ['h_next', 'wy']
    """
    d = Diagram(
        "Inside the module of a plain recurrent network. W_hh times the old state, W_ih times the input and the bias b "
        "are added; tanh of the sum is the new state. The new state leaves for the next step, and V times it plus the "
        "bias c is the output."
    )
    d.box("h", 0, 2.2, "$h_{t-1}$", "state")
    d.box("wh", 2.5, 2.2, "$W_{hh}$")
    d.circle("add_h", 4.4, 2.2, "$+$")
    d.name("bh", 4.4, 3.7, "$b$")
    d.box("wx", 4.4, 0.6, "$W_{ih}$")
    d.box("x", 4.4, -1.2, "$x_t$", "input")
    d.box("tanh", 6.3, 2.2, "tanh")
    d.dot("split", 7.9, 2.2)
    d.box("h_next", 10.2, 2.2, "$h_t$", "state")
    d.box("wy", 7.9, 3.7, "$V$")
    d.circle("add_y", 7.9, 5.1, "$+$")
    d.name("by", 6.3, 5.1, "$c$")
    d.box("y", 7.9, 6.9, "$o_t$", "output")
    for stops in ("h wh add_h tanh split h_next", "x wx add_h", "bh add_h", "split wy add_y y", "by add_y"):
        d.path(stops)
    d.panel(["wh", "wx", "wy", "add_y"], pad=0.4)
    return d


#: The step of an LSTM in four parts: what each speaks of, and what it says.
LSTM_PARTS = {
    "forget": ("h x join join_to_f f c mul_f", "the forget gate f multiplies the old cell"),
    "write": ("h x join join_to_f join_to_i join_to_g i g mul_i", "the input gate i multiplies the candidate g"),
    "add": ("mul_f mul_i add split c_next", "what was kept and what is written are added: the new cell"),
    "show": (
        "h x join join_to_f join_to_i join_to_g o split tanh mul_o h_next",
        "the output gate o multiplies tanh of the new cell: the new state",
    ),
}


def lstm_cell(part: str | None = None) -> Diagram:
    r"""Draw one step of an LSTM, or one part of it with the rest faint.

    .. math::
        i, f, o = \sigma(W_{i,f,o}\,[h_{t-1}; x_t] + b_{i,f,o}), \qquad g = \tanh(W_g\,[h_{t-1}; x_t] + b_g)

        c_t = f \odot c_{t-1} + i \odot g, \qquad h_t = o \odot \tanh(c_t)

    Notes
    -----
    Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000) and without peepholes.

    Parameters
    ----------
    part : str, optional
        "forget", "write", "add" or "show".

    Raises
    ------
    ValueError
        If there is no such part.

    Examples
    --------
    >>> d = lstm_cell()
    >>> [sorted(e.source for e in d.edges if e.target == name) for name in ("add", "mul_f", "mul_i", "mul_o")]
    [['mul_f', 'mul_i'], ['c', 'f'], ['g', 'i'], ['o', 'tanh']]
    """
    if part is not None and part not in LSTM_PARTS:
        raise ValueError(f"part must be one of {', '.join(LSTM_PARTS)}, got {part!r}")
    speaks_of, says = LSTM_PARTS.get(part, ("", ""))
    d = Diagram(
        f"One step of an LSTM, of which one part stands out: {says}."
        if part
        else "One step of an LSTM. The old state h and the input x feed the gates f, i and o, each a sigmoid, and the "
        "candidate g, a tanh. Along the top, the old cell c is multiplied by f, then i times g is added, which gives "
        "the new cell; tanh of the new cell times o is the new state h."
    )
    bus, gates, top = 0.0, 1.7, 5.2
    d.box("c", -2.1, top, "$c_{t-1}$", "state")
    d.box("h", -2.1, bus, "$h_{t-1}$", "state")
    d.box("join", 0, bus, "$[h;x]$")
    d.box("x", 0, -1.7, "$x_t$", "input")
    gate_at = {"f": 1.7, "i": 3.4, "g": 5.5, "o": 7.2}
    for name, x in gate_at.items():
        d.box(name, x, gates, "tanh" if name == "g" else r"$\sigma$", "state" if name == "g" else "gate", h=0.8)
    d.circle("mul_f", 1.7, top, r"$\times$")
    d.circle("mul_i", 4.45, 3.5, r"$\times$")
    d.circle("add", 4.45, top, "$+$")
    d.dot("split", 8.7, top)
    d.box("tanh", 8.7, 4.1, "tanh", h=0.8)
    d.circle("mul_o", 8.7, 2.85, r"$\times$")
    d.box("c_next", 10.9, top, "$c_t$", "state")
    d.box("h_next", 10.9, bus, "$h_t$", "state")

    d.path("c mul_f add split c_next")
    d.path("h join")
    d.path("x join")
    d.bus("join", "figo", bus)
    d.arrow("f", "mul_f", "$f_t$", at=0.22)
    d.arrow("i", "mul_i", "$i_t$", route="|-", stretch=0, side="w")
    d.arrow("g", "mul_i", "$g_t$", route="|-", stretch=0)
    d.arrow("mul_i", "add")
    d.arrow("o", "mul_o", "$o_t$", route="|-", stretch=0, side="w")
    d.path("split tanh mul_o")
    d.arrow("mul_o", "h_next", route="|-")
    d.panel(["join", "mul_f", "tanh"], pad=0.45)
    if part:
        d.highlight(speaks_of.split())
    return d


class UGRNN(Cell):
    """What the update gate network says of itself: an example for `any_cell`."""

    gates = ("g", "c")


def any_cell(cell: Cell) -> Diagram:
    """Draw what a cell says of itself: its gates, and the states that it takes and makes. It serves for one's own.

    Parameters
    ----------
    cell : Cell
        Of the reference or of its torch twin.

    Examples
    --------
    >>> class Mine(Cell):
    ...     gates, states = ("g", "c"), ("h", "m")
    >>> d = any_cell(Mine())
    >>> [sorted(e.source for e in d.edges if e.target == name) for name in ("gate_0", "inside", "next_m")]
    [['sums'], ['gate_0', 'gate_1', 'h', 'm'], ['inside']]
    """
    gates, rows = cell.gate_names, 1.3 * (len(cell.states) - 1)
    d = Diagram(
        f"One step of a {cell.name}. The input and the state {cell.states[0]} are multiplied by their matrices, which "
        f"gives the sums a and u, a block for each of: {', '.join(gates)}. From these and the states before the step, "
        f"{', '.join(cell.states)}, the cell makes the states after it; shown is {', '.join(cell.shown)}."
    )
    at = [2.0 + 1.7 * k for k in range(len(gates))]
    middle, low = (at[0] + at[-1]) / 2, 3.9
    d.box("x", 0, -1.7, "$x_t$", "input")
    d.box("sums", 0, 0, "$a, u$")
    d.box("inside", middle, low + rows / 2, cell.name, w=max(at[-1] - at[0] + 1.7, 0.3 * len(cell.name)), h=rows + 1.0)
    for k, (x, gate) in enumerate(zip(at, gates, strict=True)):
        d.box(f"gate_{k}", x, 1.7, gate, "gate", h=0.8, w=1.4)
    right = d.nodes["inside"].x + d.nodes["inside"].w / 2 + 2.0
    for k, name in enumerate(cell.states):
        letter, y = name[0], low + 1.3 * k
        d.box(name, -2.1, 0 if k == 0 else y, _before(name), "state", w=1.5)
        ago = f"${letter}_t$" if "_" not in name else _before(name, 0)
        d.box(f"next_{name}", right, y, ago, "output" if name in cell.shown else "state", w=1.5)
    d.path(f"{cell.states[0]} sums")
    d.path("x sums")
    d.bus("sums", [f"gate_{k}" for k in range(len(gates))], 0)
    for k in range(len(gates)):
        d.arrow(f"gate_{k}", "inside")
    for k, name in enumerate(cell.states):
        d.arrow(name, "inside", route="--" if k else [(-2.1, low)])
        d.arrow("inside", f"next_{name}")
    return d


def _before(state, steps=1):
    """A state so many steps before the one that a step makes; "h_2_ago" is one that was handed on."""
    ago = steps + (int(state.split("_")[1]) if "_" in state else 0)
    return f"${state[0]}_{{t-{ago}}}$"


def gru_cell(*, reset_after: bool = True) -> Diagram:
    r"""Draw one step of a GRU, with the reset after or before the recurrent matrix.

    .. math::
        r, z = \sigma(W_{r,z}\,[h_{t-1}; x_t] + b_{r,z}), \qquad h_t = z \odot h_{t-1} + (1 - z) \odot n

        n = \tanh(W_{in} x_t + r \odot (W_{hn} h_{t-1} + b_{hn})) \quad\text{(after)} \qquad
        n = \tanh(W_{in} x_t + W_{hn} (r \odot h_{t-1})) \quad\text{(before)}

    Parameters
    ----------
    reset_after : bool
        True is the form of cuDNN and ``torch.nn.GRU``; False that of Cho et al. (2014).

    Examples
    --------
    >>> [sorted(e.source for e in gru_cell(reset_after=after).edges if e.target == "mul_r") for after in (True, False)]
    [['r', 'w_hn'], ['h', 'r']]
    """
    order = ["w_hn", "mul_r"] if reset_after else ["mul_r", "w_hn"]
    d = Diagram(
        "One step of a GRU. The old state h and the input x feed the gates r and z, each a sigmoid. For the "
        "candidate n, "
        + (
            "the old state is first multiplied by the matrix W_hn and then by r"
            if reset_after
            else "the old state is first multiplied by r and then by the matrix W_hn"
        )
        + ", W_in times the input is added, and tanh is taken. Along the top, the new state is z times the old state "
        "plus one minus z times n."
    )
    bus, gates, middle, upper, top = 0.0, 1.6, 3.4, 4.7, 6.0
    d.box("h", -2.0, top, "$h_{t-1}$", "state")
    d.box("join", 0, bus, "$[h;x]$")
    d.dot("split_x", 0, -1.2)
    d.box("x", -2.0, -1.2, "$x_t$", "input")
    d.dot("split_h", 0, top)
    d.dot("split_h2", 0, middle)
    d.box("z", 1.7, gates, r"$\sigma$", "gate", h=0.8)
    d.dot("split_z", 1.7, upper)
    d.circle("keep", 1.7, top, r"$\times$")
    at = dict(zip(order, (3.4, 5.0), strict=True))
    d.circle("mul_r", at["mul_r"], middle, r"$\times$")
    d.box("w_hn", at["w_hn"], middle, "$W_{hn}$", h=0.8)
    d.box("r", at["mul_r"], gates, r"$\sigma$", "gate", h=0.8)
    d.circle("add_n", 6.5, middle, "$+$")
    d.box("w_in", 6.5, gates, "$W_{in}$", h=0.8)
    d.box("n", 8.0, middle, "tanh", "state", h=0.8)
    d.box("one_minus", 8.0, upper, "$1-z_t$", h=0.8)
    d.circle("write", 9.6, upper, r"$\times$")
    d.circle("add", 9.6, top, "$+$")
    d.box("h_next", 11.4, top, "$h_t$", "state")

    d.path("h split_h keep add h_next")
    d.path("split_h split_h2 join")
    d.path("x split_x join")
    d.bus("join", "zr", bus)
    d.arrow("z", "split_z", "$z_t$", at=0.3)
    d.path("split_z keep")
    d.path("split_z one_minus write add")
    d.path("split_h2 " + " ".join(order) + " add_n n")
    d.arrow("r", "mul_r", "$r_t$")
    d.arrow("split_x", "w_in", route="-|")
    d.path("w_in add_n")
    d.arrow("n", "write", "$n_t$", route="-|", stretch=0)
    d.panel(["join", "split_x", "add"], pad=0.45)
    return d


def computational_graph() -> Diagram:
    r"""Draw the equations of a step as a graph of operations, with the parameters as nodes.

    .. math::
        h^{(t)} = \sigma(W^{hx} x^{(t)} + W^{hh} h^{(t-1)} + b_h), \qquad
        \hat y^{(t)} = \mathrm{softmax}(W^{yh} h^{(t)} + b_y)

    Examples
    --------
    >>> sorted(e.source for e in computational_graph().edges if e.target == "add_h")
    ['bh', 'mul_h', 'mul_x']
    """
    d = Diagram(
        "The equations of one step as a graph of operations. The input times W^hx, the state before times W^hh and "
        "the bias b_h meet in a sum; a nonlinearity sigma of the sum is the new state. The new state times W^yh and "
        "the bias b_y meet in a second sum; its softmax is the prediction y-hat."
    )
    d.box("h", 0, 0, "$h^{(t-1)}$", "state", w=1.5)
    d.circle("mul_h", 2.3, 0, r"$\times$")
    d.name("whh", 2.3, 1.3, "$W^{hh}$")
    d.box("x", 0, -2.9, "$x^{(t)}$", "input", w=1.5)
    d.circle("mul_x", 2.3, -2.9, r"$\times$")
    d.name("whx", 2.3, -1.6, "$W^{hx}$")
    d.circle("add_h", 4.3, 0, "$+$")
    d.name("bh", 4.3, 1.3, "$b_h$")
    d.box("sigma", 6.0, 0, r"$\sigma$")
    d.box("h_next", 7.9, 0, "$h^{(t)}$", "state")
    d.circle("mul_y", 7.9, -2.9, r"$\times$")
    d.name("wyh", 6.4, -2.9, "$W^{yh}$")
    d.circle("add_y", 9.5, -2.9, "$+$")
    d.name("by", 9.5, -1.6, "$b_y$")
    d.box("softmax", 11.3, -2.9, "softmax")
    d.box("y", 13.5, -2.9, r"$\hat{y}^{(t)}$", "output")
    for stops in (
        "h mul_h add_h sigma h_next mul_y add_y softmax y", "whh mul_h", "x mul_x", "whx mul_x", "bh add_h",
        "wyh mul_y", "by add_y",
    ):  # fmt: skip
        d.path(stops)
    d.arrow("mul_x", "add_h", route="-|")
    return d
