"""One function again and again: cycles, and the rows that they unfold into."""

from course_rnn.diagrams.draw import SMALL, Diagram, at_least, count, sym
from course_rnn.diagrams.recurrent import LEVEL, PITCH, chain


def _module(d: Diagram, t, x, *, inputs=True, outputs=False) -> None:
    """One copy of f_theta with its input below and its output above."""
    d.box(f"f{t}", x, LEVEL, r"$f_\theta$")
    if inputs:
        d.box(f"x{t}", x, 0, sym("x", t), "input")
        d.arrow(f"x{t}", f"f{t}")
    if outputs:
        d.box(f"y{t}", x, 2 * LEVEL, sym("y", t), "output")
        d.arrow(f"f{t}", f"y{t}")


def _modules(d: Diagram, steps, x=0.0, *, outputs=False) -> None:
    """h_0 -> f -> h_1 -> f -> ... -> h_T; the states stand over the arrows."""
    d.box("h0", x - PITCH, LEVEL, "$h_0$", "state")
    for t in range(1, steps + 1):
        _module(d, t, x + PITCH * (t - 1), outputs=outputs)
        d.arrow("h0" if t == 1 else f"f{t - 1}", f"f{t}", "" if t == 1 else sym("h", t - 1))
    d.box(f"h{steps}", x + PITCH * steps, LEVEL, sym("h", steps), "state")
    d.arrow(f"f{steps}", f"h{steps}")


def unrolled_module(steps: int = 3, *, outputs: bool = False) -> Diagram:
    r"""Draw the unfolded network as copies of one function, with states on the arrows.

    .. math:: h_t = f_\theta(h_{t-1}, x_t)

    Parameters
    ----------
    steps : int
        Number of copies, at least 1.
    outputs : bool
        Also draw y_t, for a module that returns (y_t, h_t).

    Raises
    ------
    ValueError
        If ``steps`` is below 1.

    Examples
    --------
    >>> [e[:3] for e in unrolled_module(3).edges if e.source.startswith("f")]
    [('f1', 'f2', '$h_{1}$'), ('f2', 'f3', '$h_{2}$'), ('f3', 'h3', '')]
    """
    at_least(1, steps=steps)
    d = Diagram(
        f"A row of {count(steps, 'copy')} of one function f with the same parameters theta. "
        f"From left to right, h0 and x1 go in and h1 comes out, and so on to h{steps}; every copy reads its own "
        "input from below" + (" and gives its own output y above." if outputs else ".")
    )
    _modules(d, steps, outputs=outputs)
    return d


def folded_module(*, outputs: bool = False, inputs: bool = True) -> Diagram:
    r"""Draw the network folded: one function whose state returns to it.

    .. math:: h_t = f_\theta(h_{t-1}, x_t)

    Examples
    --------
    >>> [e[:3] for e in folded_module().edges]
    [('xt', 'ft', ''), ('ft', 'ft', '$h_t$')]
    """
    d = Diagram(
        "A recurrent network, folded: one function f with parameters theta"
        + (" reads the input x at time t" if inputs else " reads no input")
        + (", gives the output y" if outputs else "")
        + " and hands its state h back to itself for the next step."
    )
    _module(d, "t", 0, inputs=inputs, outputs=outputs)
    d.loop("ft", "$h_t$")
    return d


def loop_and_unrolled(steps: int = 3, *, outputs: bool = True) -> Diagram:
    """Draw the loop and, after an equals sign, the same network unfolded into modules.

    Parameters
    ----------
    steps : int
        Number of copies on the right, at least 1.
    outputs : bool
        Also draw the outputs y.

    Raises
    ------
    ValueError
        If ``steps`` is below 1.

    Examples
    --------
    >>> sum(e.source == e.target for e in loop_and_unrolled(3).edges)
    1
    """
    at_least(1, steps=steps)
    d = Diagram(
        "A loop and what it stands for. On the left one module f reads x and keeps a state h that returns to it; on "
        f"the right, after an equals sign, the same module is written out {count(steps, 'time')}, and the state goes "
        f"from each copy to the next, from h0 to h{steps}"
        + (", with an output y above every copy." if outputs else ".")
    )
    _module(d, "t", 0, outputs=outputs)
    d.loop("ft", "$h_t$")
    d.text(3.0, LEVEL, "$=$", size=22)
    _modules(d, steps, 4.4 + PITCH, outputs=outputs)
    return d


def expanded_recursion(steps: int = 3) -> Diagram:
    r"""Draw the recursion written out as nested calls.

    .. math:: h_n = f_\theta(f_\theta(\dots f_\theta(h_0, x_1) \dots, x_{n-1}), x_n)

    Parameters
    ----------
    steps : int
        Depth of the nesting n, at least 1.

    Raises
    ------
    ValueError
        If ``steps`` is below 1.

    Examples
    --------
    >>> sorted(e.source for e in expanded_recursion(3).edges if e.target == "f3")
    ['f2', 'x3']
    """
    at_least(1, steps=steps)
    d = Diagram(
        f"The recursion written out for {count(steps, 'step')}, as calls inside calls: the outermost f takes "
        f"x{steps} and the result of the call inside it; the innermost takes h0 and x1. The result is h{steps}."
    )
    d.box("h0", 0, 0, "$h_0$", "state")
    for t in range(1, steps + 1):
        x, y = 1.5 * t, 1.5 * t
        d.box(f"f{t}", x, y, "$f_\\theta$")
        d.box(f"x{t}", x + 1.5, y - 1.5, sym("x", t), "input")
        d.arrow(
            "h0" if t == 1 else f"f{t - 1}", f"f{t}", "" if t == 1 else sym("h", t - 1), route="|-", stretch=0, side="w"
        )
        d.arrow(f"x{t}", f"f{t}", route="|-")
    d.box(f"h{steps}", 1.5 * steps, 1.5 * steps + 1.5, sym("h", steps), "state")
    d.arrow(f"f{steps}", f"h{steps}")
    nested = "h_0"
    for t in range(1, steps + 1):
        nested = f"f_\\theta({nested}, x_{{{t}}})"
    d.text(1.5 * steps / 2 + 0.75, -1.0, f"$h_{{{steps}}} = {nested}$", size=SMALL)
    return d


def dynamical_system(steps: int = 3, *, inputs: bool = False, folded: bool = False) -> Diagram:
    r"""Draw a dynamical system, with or without an outside signal.

    .. math:: s_t = f(s_{t-1}; \theta) \qquad\text{or}\qquad s_t = f(s_{t-1}, x_t; \theta)

    Parameters
    ----------
    steps : int
        Number of states to write out, at least 1; not used if ``folded``.
    inputs : bool
        Whether a signal x drives it.
    folded : bool
        Draw the cycle instead of the states in a row.

    Raises
    ------
    ValueError
        If ``steps`` is below 1.

    Notes
    -----
    Compare Goodfellow et al. (2016), equations 10.1 to 10.5 and figure 10.1.

    Examples
    --------
    >>> [e[:3] for e in dynamical_system(3).edges]
    [('s1', 's2', '$f$'), ('s2', 's3', '$f$')]
    >>> [e[:3] for e in dynamical_system(folded=True).edges]
    [('st', 'st', '$f$')]
    """
    at_least(1, steps=steps)
    driven = " and the signal x of the step" if inputs else ", and no signal comes from outside"
    if folded:
        d = Diagram(
            f"A dynamical system as a cycle: the state s feeds itself through f; f sees the state before it{driven}."
        )
        d.box("st", 0, 0, "$s_t$", "state")
        d.loop("st", "$f$")
        if inputs:
            d.box("xt", 0, -LEVEL, "$x_t$", "input")
            d.arrow("xt", "st", "$f$")
        return d
    d = Diagram(
        f"A dynamical system unfolded into {count(steps, 'state')} in a row, from s1 to s{steps}: an arrow marked f "
        f"leads from each to the next; f sees the state before it{driven}. There is no cycle."
    )
    for t in range(1, steps + 1):
        d.box(f"s{t}", PITCH * t, 0, sym("s", t), "state")
        if t > 1:
            d.arrow(f"s{t - 1}", f"s{t}", "$f$")
        if inputs:
            d.box(f"x{t}", PITCH * t, -LEVEL, sym("x", t), "input")
            d.arrow(f"x{t}", f"s{t}", "$f$")
    if steps > 1 or inputs:
        d.text(PITCH * (1 + steps) / 2, 0.95, "the same $f$ and $\\theta$ at every arrow")
    return d


def delay_circuit(steps: int = 3) -> Diagram:
    r"""Draw a network without outputs as a circuit with a delay, and unfolded.

    .. math:: h_t = f(h_{t-1}, x_t; \theta)

    Parameters
    ----------
    steps : int
        Number of unfolded steps, at least 1.

    Raises
    ------
    ValueError
        If ``steps`` is below 1.

    Notes
    -----
    Compare Goodfellow et al. (2016), figure 10.2.

    Examples
    --------
    >>> [e[:2] for e in delay_circuit(2).edges if "delay" in e]
    [('h', 'delay'), ('delay', 'h')]
    """
    at_least(1, steps=steps)
    d = Diagram(
        "Left, a circuit: the input x feeds the state h, and h returns to itself through a black square, a delay of "
        f"one time step. Right, the same circuit unfolded into {count(steps, 'state')}, each fed by its own input "
        "and by the state before it through the same f."
    )
    d.box("x", 0, 0, "$x$", "input")
    d.box("h", 0, LEVEL, "$h$", "state")
    d.square("delay", 1.5, LEVEL + 0.9)
    d.arrow("x", "h", "$f$", side="w")
    d.arrow("h", "delay", "$f$", route=[(0, LEVEL + 0.9)], side="n", stretch=-1)
    d.arrow("delay", "h", route=[(1.5, LEVEL)])
    d.text(1.9, LEVEL + 0.9, "one step later", ha="left")
    d.text(0, -0.95, "circuit")
    chain(d, steps, 7.0, through=("$f$", "$f$"))
    d.text(7.0 + PITCH * (steps - 1) / 2, -0.95, "unfolded in time")
    return d
