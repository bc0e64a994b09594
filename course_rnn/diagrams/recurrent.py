"""The simple recurrent network: folded beside unfolded, step by step, with its outputs and losses."""

from course_rnn.diagrams.draw import Diagram, at_least, count, sym

PITCH, LEVEL = 2.3, 1.8  # units between two time steps and between two rows


def chain(d: Diagram, steps, x=0.0, *, inputs=True, through=("$W_{ih}$", "$W_{hh}$"), outputs=None, side=None) -> None:
    """Add x_1..x_T, the states h_0..h_T above them, the arrows between them and, if asked for, the outputs."""
    d.box("h0", x - PITCH, LEVEL, "$h_0$", "state")
    for t in range(1, steps + 1):
        at = x + PITCH * (t - 1)
        d.box(f"h{t}", at, LEVEL, sym("h", t), "state")
        if inputs:
            d.box(f"x{t}", at, 0, sym("x", t), "input")
            d.arrow(f"x{t}", f"h{t}", through[0])
        d.arrow(f"h{t - 1}", f"h{t}", through[1], side=side)
        if outputs:
            d.box(f"o{t}", at, 2 * LEVEL, sym("o", t), "output")
            d.arrow(f"h{t}", f"o{t}", outputs)


def unrolled_rnn(steps: int = 4, *, weights: tuple[str, str, str] = ("W_{ih}", "W_{hh}", "V")) -> Diagram:
    r"""Draw an Elman network folded and, beside it, unfolded in time.

    .. math:: h_t = \tanh(W_{ih} x_t + W_{hh} h_{t-1} + b), \qquad o_t = V h_t + c

    Every copy has the same W_ih, W_hh and V. The loop W_hh of the folded net becomes the arrows from each state to the
    next: T - 1 between the states of T steps, and one from the given h_0 to the first.

    Parameters
    ----------
    steps : int
        Number of time steps T, at least 1.
    weights : tuple of str
        What to call input to hidden, hidden to hidden and hidden to output.

    Raises
    ------
    ValueError
        If ``steps`` is below 1.

    Notes
    -----
    After the figure that introduces Elman networks (Elman 1990); compare Goodfellow et al. (2016), figure 10.3.

    Examples
    --------
    >>> d = unrolled_rnn(steps=3)
    >>> [e[:3] for e in d.edges if e.source == "h1"]
    [('h1', 'o1', '$V$'), ('h1', 'h2', '$W_{hh}$')]
    """
    at_least(1, steps=steps)
    u, w, v = weights
    said = [name.replace("{", "").replace("}", "") for name in weights]
    d = Diagram(
        f"A recurrent network drawn twice. On the left, folded: the input x feeds the state h through {said[0]}, the "
        f"state feeds itself one step later through {said[1]} and feeds the output o through {said[2]}. On the right, "
        f"unfolded into {count(steps, 'step')}: a chain of states begins at h0, and every step has its own input, "
        f"state and output but the same {said[0]}, {said[1]} and {said[2]}."
    )
    d.box("xt", 0, 0, "$x_t$", "input")
    d.box("ht", 0, LEVEL, "$h_t$", "state")
    d.box("ot", 0, 2 * LEVEL, "$o_t$", "output")
    d.arrow("xt", "ht", f"${u}$")
    d.arrow("ht", "ot", f"${v}$")
    d.loop("ht", f"${w}$")
    chain(d, steps, 5.6, through=(f"${u}$", f"${w}$"), outputs=f"${v}$")
    d.text(0, -0.95, "folded")
    d.text(5.6 + PITCH * (steps - 1) / 2, -0.95, "unfolded in time")
    return d


def _affine_step(d: Diagram, t, y: float) -> None:
    """One step of the recurrence in a row: W_ih x + b_ih and W_hh h + b_hh are added, then tanh."""
    d.box(f"x{t}", 0, y, sym("x", t), "input")
    d.box(f"wx{t}", 2.5, y, f"$W_{{ih}} x_{{{t}}} + b_{{ih}}$")
    d.circle(f"sum{t}", 4.9, y, "$+$")
    d.box(f"tanh{t}", 7.0, y, "tanh")
    d.box(f"h{t}", 8.8, y, sym("h", t), "state")
    d.box(f"wh{t}", 4.9, y + 1.35, f"$W_{{hh}} h_{{{t - 1}}} + b_{{hh}}$")
    for source, target in [("x", "wx"), ("wx", "sum"), ("wh", "sum"), ("sum", "tanh"), ("tanh", "h")]:
        d.arrow(f"{source}{t}", f"{target}{t}")


def rnn_steps(first: int = 1, last: int = 3) -> Diagram:
    r"""Draw one or more steps of the recurrence, each operation a box, one step under the other.

    .. math:: h_t = \tanh(W_{hh} h_{t-1} + b_{hh} + W_{ih} x_t + b_{ih})

    ``rnn_steps(2, 2)`` is the second step alone, ``rnn_steps(1, 3)`` the first three.

    Parameters
    ----------
    first, last : int
        The steps to draw, from 1.

    Raises
    ------
    ValueError
        If ``first`` is below 1 or ``last`` below ``first``.

    Examples
    --------
    >>> d = rnn_steps(1, 2)
    >>> [e.source for e in d.edges if e.target == "wh2"]
    ['h1']
    """
    at_least(1, first=first)
    at_least(first, last=last)
    n = last - first + 1
    which = f"Step {first}" if n == 1 else f"Steps {first} to {last} ({count(n, 'step')}, one under the other)"
    d = Diagram(
        f"{which} of a simple recurrent network. In each, the input times W_ih plus b_ih and the state before, from "
        f"h{first - 1} on, times W_hh plus b_hh are added, and tanh gives the new state"
        + ("." if n == 1 else f"; the new state goes to the next step. The last is h{last}.")
    )
    d.box(f"h{first - 1}", 8.8, 1.35, sym("h", first - 1), "state")
    for k, t in enumerate(range(first, last + 1)):
        _affine_step(d, t, -2.7 * k)
        d.arrow(f"h{t - 1}", f"wh{t}", route="--" if k == 0 else "|-")
    return d


def forward_propagation(steps: int = 3) -> Diagram:
    r"""Draw the forward pass of a network with an output and a loss at every step.

    .. math:: h_t = \tanh(b + W_{hh} h_{t-1} + W_{ih} x_t), \quad o_t = c + V h_t,
        \quad \hat y_t = \mathrm{softmax}(o_t), \quad L_t = -\log \hat y_t[y_t]

    Parameters
    ----------
    steps : int
        Number of time steps, at least 1.

    Raises
    ------
    ValueError
        If ``steps`` is below 1.

    Notes
    -----
    Compare Goodfellow et al. (2016), equations 10.8 to 10.14 and figure 10.3.

    Examples
    --------
    >>> [e.source for e in forward_propagation(2).edges if e.target == "L2"]
    ['p2', 'y2']
    """
    at_least(1, steps=steps)
    d = Diagram(
        f"The forward pass through {count(steps, 'step')}. In each column, from the bottom: the input x feeds the "
        "state h through W_ih, h feeds the output o through V, softmax turns o into the prediction y-hat, and the loss "
        "L compares it with the target y. The states are chained from h0 by W_hh."
    )
    chain(d, steps)
    for t in range(1, steps + 1):
        x, y = PITCH * (t - 1), LEVEL
        column = [("o", "o", "output"), ("p", r"\hat{y}", "output"), ("L", "L", "gradient"), ("y", "y", "neutral")]
        for k, (name, base, role) in enumerate(column, 1):
            d.box(f"{name}{t}", x, y + LEVEL * k, sym(base, t), role)
        d.arrow(f"h{t}", f"o{t}", "$V$")
        d.arrow(f"o{t}", f"p{t}", "softmax" if t == steps else "")
        d.arrow(f"p{t}", f"L{t}")
        d.arrow(f"y{t}", f"L{t}")
    words = ["input", "state", "output", "prediction", "loss", "target"]
    for word, y in zip(words, [0, LEVEL, *(LEVEL + LEVEL * k for k in range(1, 5))], strict=True):
        d.text(-3.0, y, word, ha="right")
    return d


def recurrent_network(inputs: int = 3, hidden: int = 4, outputs: int = 2) -> Diagram:
    r"""Draw a recurrent network as layers of units; the hidden layer also feeds itself.

    .. math::
        h^{(t)} = \sigma(W^{hx} x^{(t)} + W^{hh} h^{(t-1)} + b_h), \qquad
        \hat y^{(t)} = \mathrm{softmax}(W^{yh} h^{(t)} + b_y)

    Parameters
    ----------
    inputs, hidden, outputs : int
        Units per layer, at least 1.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> [e[:3] for e in recurrent_network().edges if e.source == "h"]
    [('h', 'h', '$W^{hh}$'), ('h', 'y', '$W^{yh}$')]
    """
    at_least(1, inputs=inputs, hidden=hidden, outputs=outputs)
    d = Diagram(
        f"A recurrent network as three layers: {count(inputs, 'input unit')} feed {count(hidden, 'hidden unit')} "
        f"through W^hx, and these feed {count(outputs, 'output unit')} through W^yh. An arrow leads from the hidden "
        "layer back to itself through W^hh: its values return one step later."
    )
    layers = [("x", "x", inputs, "input"), ("h", "h", hidden, "state"), ("y", r"\hat{y}", outputs, "output")]
    low = -0.3 * max(inputs, hidden, outputs) - 0.5
    for k, (name, base, size, role) in enumerate(layers):
        d.units(name, 3.0 * k, 0, size, role)
        d.text(3.0 * k, low, sym(base, above="(t)"))
    d.arrow("x", "h", "$W^{hx}$")
    d.loop("h", "$W^{hh}$", above=True)
    d.arrow("h", "y", "$W^{yh}$")
    return d


def output_recurrence(steps: int = 3) -> Diagram:
    r"""Draw a network whose only recurrence leads from the output to the next state.

    .. math:: h_t = \tanh(b + W_{oh} o_{t-1} + W_{ih} x_t), \qquad o_t = c + V h_t

    Parameters
    ----------
    steps : int
        Number of time steps, at least 1.

    Raises
    ------
    ValueError
        If ``steps`` is below 1.

    Notes
    -----
    After Jordan (1986), whose state units also fed themselves; compare Goodfellow et al. (2016), figure 10.4.

    Examples
    --------
    >>> [e[:3] for e in output_recurrence(3).edges if e.role == "feedback"]
    [('o0', 'h1', '$W_{oh}$'), ('o1', 'h2', '$W_{oh}$'), ('o2', 'h3', '$W_{oh}$')]
    """
    at_least(1, steps=steps)
    d = Diagram(
        f"A network over {count(steps, 'step')} that remembers through its outputs only: the input feeds the state "
        "through W_ih, the state feeds the output through V, and a red arrow leads from each output, from o0 on, "
        "through W_oh to the next state. No arrow joins one state to the next."
    )
    d.box("o0", 0, 2 * LEVEL, "$o_0$", "output")
    for t in range(1, steps + 1):
        x = PITCH * t
        d.box(f"x{t}", x, 0, sym("x", t), "input")
        d.box(f"h{t}", x, LEVEL, sym("h", t), "state")
        d.box(f"o{t}", x, 2 * LEVEL, sym("o", t), "output")
        d.arrow(f"x{t}", f"h{t}", "$W_{ih}$")
        d.arrow(f"h{t}", f"o{t}", "$V$")
        feed_back(d, f"o{t - 1}", f"h{t}", "$W_{oh}$")
    return d


def feed_back(d: Diagram, source: str, target: str, label="", down=0.0) -> None:
    """A red arrow from an output to the state of the next column; it enters ``down`` from the middle of its side."""
    a, b = d.nodes[source], d.nodes[target]
    x = (a.x + a.w / 2 + b.x - b.w / 2) / 2
    d.arrow(source, target, label, route=[(x, a.y), (x, b.y - down)], role="feedback", side="e")
