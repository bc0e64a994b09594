"""Depth and direction: stacked, bidirectional and recursive networks."""

from course_rnn.diagrams.draw import Diagram, at_least, count, sym
from course_rnn.diagrams.recurrent import LEVEL


def stacked_rnn(steps: int = 3, layers: int = 2, *, folded: bool = False) -> Diagram:
    r"""Draw a stack of recurrent layers, unfolded or folded.

    .. math:: h_t^{(k)} = \tanh(W_{ih}^{(k)} h_t^{(k-1)} + W_{hh}^{(k)} h_{t-1}^{(k)} + b^{(k)}), \qquad h_t^{(0)} = x_t

    Parameters
    ----------
    steps, layers : int
        Number of time steps (not used if ``folded``) and of layers, at least 1.
    folded : bool
        Draw one step, with a loop at each layer.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> [e[:3] for e in stacked_rnn(2, layers=2).edges if e.target == "h2_2"]
    [('h1_2', 'h2_2', '$W_{ih}^{(2)}$'), ('h2_1', 'h2_2', '$W_{hh}^{(2)}$')]
    """
    at_least(1, steps=steps, layers=layers)
    d = Diagram(
        f"A stack of {count(layers, 'recurrent layer')}"
        + (", folded" if folded else f", unfolded into {count(steps, 'step')}")
        + ". The input x feeds layer 1, the states of each layer are the inputs of the layer above, and the states "
        "of the last layer feed the output y. Each layer also hands its state to its own next step"
        + (", drawn as a loop" if folded else "")
        + ", with parameters of its own."
    )
    pitch = 3.0
    for t in ["t"] if folded else range(1, steps + 1):
        x = 0 if folded else pitch * t
        d.box(f"x{t}", x, 0, sym("x", t), "input")
        below = f"x{t}"
        for k in range(1, layers + 1):
            name = f"h{k}_{t}"
            d.box(name, x, LEVEL * k, sym("h", t, f"({k})"), "state", h=1.0)
            d.arrow(below, name, f"$W_{{ih}}^{{({k})}}$")
            if folded:
                d.loop(name, f"$W_{{hh}}^{{({k})}}$")
            elif t > 1:
                d.arrow(f"h{k}_{t - 1}", name, f"$W_{{hh}}^{{({k})}}$")
            below = name
        d.box(f"y{t}", x, LEVEL * (layers + 1), sym("y", t), "output")
        d.arrow(below, f"y{t}")
    return d


def _arrowed(base: str, forward: bool, below="", above="") -> str:
    arrow = "right" if forward else "left"
    return sym(rf"\over{arrow}arrow{{{base}}}" + (r"\,{}" if above else ""), below, above)


def _one_direction(steps: int, forward: bool) -> Diagram:
    way = "forward, from the first step to the last" if forward else "backward, from the last step to the first"
    seen = "x1 to x" if forward else f"x{steps} back to x"
    d = Diagram(
        f"One half of a bidirectional network over {count(steps, 'step')}: the chain of states runs {way}, so that "
        f"the state at step t has seen the inputs from {seen}t."
    )
    name = "f" if forward else "b"
    for t in range(1, steps + 1):
        x = 2.3 * t
        d.box(f"x{t}", x, 0, sym("x", t), "input")
        d.box(f"{name}{t}", x, LEVEL, _arrowed("h", forward, t), "state", h=1.0)
        d.arrow(f"x{t}", f"{name}{t}")
    for t in range(1, steps):
        ends = (f"{name}{t}", f"{name}{t + 1}")
        d.arrow(*(ends if forward else ends[::-1]), _arrowed("W", forward))
    return d


def bidirectional_rnn(steps: int = 3, *, show: str = "each", layers: int = 1) -> Diagram:
    r"""Draw a bidirectional network, or one of its directions.

    .. math::
        \overrightarrow h_t = f(\overrightarrow h_{t-1}, x_t), \qquad
        \overleftarrow h_t = g(\overleftarrow h_{t+1}, x_t), \qquad y_t = [\overrightarrow h_t; \overleftarrow h_t]

    Parameters
    ----------
    steps : int
        Number of time steps T, at least 1.
    show : {"each", "final", "forward", "backward"}
        Both directions with their states combined at each step, or only the two final states, which are those of step T
        forward and of step 1 backward; or one direction alone.
    layers : int
        How many bidirectional layers to stack, at least 1; more than one only with "each" and "final".

    Raises
    ------
    ValueError
        If a size is below 1, ``show`` is unknown, or a single direction is to be stacked.

    Notes
    -----
    Schuster and Paliwal (1997).

    Examples
    --------
    >>> d = bidirectional_rnn(3, show="final")
    >>> [e.source for e in d.edges if e.target == "y"]
    ['f3', 'b1']
    """
    at_least(1, steps=steps, layers=layers)
    if show not in ("each", "final", "forward", "backward"):
        raise ValueError(f'show must be "each", "final", "forward" or "backward", got {show!r}')
    if show in ("forward", "backward"):
        if layers > 1:
            raise ValueError(f'layers must be 1 with show="{show}", got {layers}')
        return _one_direction(steps, show == "forward")
    d = Diagram(
        f"A bidirectional network over {count(steps, 'step')}"
        + (
            f" with {count(layers, 'layer')}; each layer reads the combined states of the one below"
            if layers > 1
            else ""
        )
        + ". Every input feeds two states: one in a chain that runs from the first step to the last and one in a "
        "chain that runs from the last to the first, with parameters of their own. "
        + (
            "At every step the two states are combined into the output y of the step."
            if show == "each"
            else f"Only the final states are combined into y: the forward state of step {steps} and the backward "
            "state of step 1, each of which has seen the whole sequence."
        )
    )
    pitch, half, y = 3.1, 0.65, 0.0
    columns = range(1, steps + 1)
    for t in columns:
        d.box(f"x{t}", pitch * t, 0, sym("x", t), "input", w=2.4)
    below = "x"
    for k in range(1, layers + 1):
        f, b, above = ("f", "b", "y") if layers == 1 else (f"f{k}_", f"b{k}_", "y" if k == layers else f"y{k}_")
        index = "" if layers == 1 else f"({k})"
        for t in columns:
            x = pitch * t
            for name, forward, dx, dy in ((f, True, -half, LEVEL), (b, False, half, LEVEL + 1.6)):
                label = _arrowed("h", forward, t, index)
                d.box(f"{name}{t}", x + dx, y + dy, label, "state", w=1.1, h=1.0)
                d.arrow(f"{below}{t}", f"{name}{t}")
        for t in range(1, steps):
            d.arrow(f"{f}{t}", f"{f}{t + 1}", _arrowed("W", True, above=index), at=0.68)
            d.arrow(f"{b}{t + 1}", f"{b}{t}", _arrowed("W", False, above=index), at=0.68)
        y += 2 * LEVEL + 1.6
        if k == layers and show == "final":
            break
        for t in columns:
            d.box(f"{above}{t}", pitch * t, y, sym("y", t, index if k < layers else ""), "output", w=2.4)
            d.arrow(f"{f}{t}", f"{above}{t}")
            d.arrow(f"{b}{t}", f"{above}{t}")
        below = above
    if show == "final":
        straight = steps <= 2  # both states stand under y
        d.box("y", pitch * (steps + 1) / 2, y, "$y$", "output", w=2.4 if straight else 1.6)
        for source in (f"{f}{steps}", f"{b}1"):
            d.arrow(source, "y", route="--" if straight else "|-")
    return d


def recursive_network(leaves: int = 4) -> Diagram:
    r"""Draw a recursive network: a tree of one function, of which the recurrent chain is the special case.

    .. math:: h = f_\theta(h_{\mathrm{left}}, h_{\mathrm{right}})

    Parameters
    ----------
    leaves : int
        Number of inputs, at least 2.

    Raises
    ------
    ValueError
        If ``leaves`` is below 2.

    Examples
    --------
    >>> len([n for n in recursive_network(4).nodes if n.startswith("f")])
    3
    """
    at_least(2, leaves=leaves)
    d = Diagram(
        f"A recursive network: {count(leaves, 'input')} are the leaves of a tree, and the same function f with "
        "parameters theta joins two neighbours at a time, level by level, until one state is left at the top."
    )
    row = []
    for i in range(1, leaves + 1):
        d.box(f"x{i}", 2.0 * i, 0, sym("x", i), "input")
        row.append((f"x{i}", 2.0 * i))
    made, y = 0, 0.0
    while len(row) > 1:
        y += 1.7
        pairs, odd = zip(row[::2], row[1::2], strict=False), row[len(row) // 2 * 2 :]
        row = []
        for (left, x_left), (right, x_right) in pairs:
            made += 1
            name, x = f"f{made}", (x_left + x_right) / 2
            d.box(name, x, y, r"$f_\theta$")
            d.arrow(left, name, route="|-")
            d.arrow(right, name, route="|-")
            row.append((name, x))
        row += odd
    d.box("h", row[0][1], y + 1.7, "$h$", "state")
    d.arrow(row[0][0], "h")
    return d
