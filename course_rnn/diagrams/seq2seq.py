"""Encoder and decoder, their context, and attention."""

from course_rnn.diagrams.draw import Diagram, at_least, count, sym
from course_rnn.diagrams.recurrent import LEVEL, feed_back

PITCH = 1.95  # two nets stand side by side, so the steps are a little closer


def _encoder(d: Diagram, source: int) -> float:
    """The encoder's chain; returns where its next column would stand."""
    for t in range(1, source + 1):
        d.box(f"x{t}", PITCH * t, 0, sym("x", t), "input")
        d.box(f"h{t}", PITCH * t, LEVEL, sym("h", t), "state")
        d.arrow(f"x{t}", f"h{t}")
        if t > 1:
            d.arrow(f"h{t - 1}", f"h{t}")
    return PITCH * (source + 1)


def _decoder(d: Diagram, x: float, target: int, *, start: str, fed: bool = True) -> None:
    """The decoder's chain after the node ``start``; its outputs are fed back unless others are fed in from below."""
    before = start
    for t in range(1, target + 1):
        at = x + PITCH * (t - 1)
        d.box(f"s{t}", at, LEVEL, sym("s", t), "state")
        d.arrow(before, f"s{t}", style=":")
        d.box(f"y{t}", at, 2 * LEVEL, "EOS" if t == target else rf"$\hat{{y}}_{{{t}}}$", "output")
        d.arrow(f"s{t}", f"y{t}")
        before = f"s{t}"
    for t in range(1, target + 1) if fed else ():
        feed_back(d, f"y{t - 1}", f"s{t}", down=-0.25)


def encoder_decoder(source: int = 3, target: int = 4, *, teacher_forcing: bool = False) -> Diagram:
    r"""Draw an encoder and a decoder whose lengths differ.

    .. math::
        h_t = f(h_{t-1}, x_t), \qquad s_0 = h_S, \qquad s_t = g(s_{t-1}, \hat y_{t-1}), \qquad \hat y_0 = \mathrm{BOS}

    Parameters
    ----------
    source, target : int
        Lengths of the source and of the output with its EOS, at least 1.
    teacher_forcing : bool
        Feed the target's tokens to the decoder, as in training, and not its own outputs.

    Raises
    ------
    ValueError
        If a length is below 1.

    Notes
    -----
    Sutskever et al. (2014).

    Examples
    --------
    >>> d = encoder_decoder(2, 3)
    >>> [e[:2] for e in d.edges if e.role == "feedback"], [e[:2] for e in d.edges if e.style == ":"]
    ([('y0', 's1'), ('y1', 's2'), ('y2', 's3')], [('h2', 's1'), ('s1', 's2'), ('s2', 's3')])
    """
    at_least(1, source=source, target=target)
    d = Diagram(
        f"An encoder reads {count(source, 'input')} and gives no output; its last state is the first state of a "
        f"decoder, which writes {count(target, 'output')}, the last of them EOS. Dotted arrows carry the state from "
        "step to step; "
        + (
            "from below, each step of the decoder is fed the token of the target before its own, beginning with BOS."
            if teacher_forcing
            else "red arrows feed each output to the next step of the decoder, beginning with BOS."
        )
    )
    x = _encoder(d, source) + 0.3
    if not teacher_forcing:
        d.box("y0", x - PITCH, 2 * LEVEL, "BOS", "output")
    _decoder(d, x, target, start=f"h{source}", fed=not teacher_forcing)
    for t in range(1, target + 1) if teacher_forcing else ():
        d.box(f"t{t - 1}", x + PITCH * (t - 1), 0, "BOS" if t == 1 else sym("y", t - 1))
        d.arrow(f"t{t - 1}", f"s{t}")
    d.text(PITCH * (source + 1) / 2, -0.95, "encoder")
    d.text(x + PITCH * (target - 1) / 2, -0.95, "decoder")
    return d


def encoder_decoder_context(source: int = 3, target: int = 3, *, context: str = "both") -> Diagram:
    r"""Draw the ways to hand the context to the decoder: as its first state, to every step, or both.

    .. math:: c = h_S, \qquad s_0 = \tanh(W_c c + b), \qquad s_t = \tanh(U y_{t-1} + W s_{t-1} + C c + b)

    Parameters
    ----------
    source, target : int
        Lengths of input and output, at least 1.
    context : {"init", "every_step", "both"}
        Which of the two connections W_c and C exist.

    Raises
    ------
    ValueError
        If a length is below 1 or ``context`` is unknown.

    Notes
    -----
    Compare Goodfellow et al. (2016), figure 10.12.

    Examples
    --------
    >>> [e[:3] for e in encoder_decoder_context(2, 2, context="both").edges if e.source == "c"]
    [('c', 's0', '$W_c$'), ('c', 's1', '$C$'), ('c', 's2', '$C$')]
    """
    at_least(1, source=source, target=target)
    if context not in ("init", "every_step", "both"):
        raise ValueError(f'context must be "init", "every_step" or "both", got {context!r}')
    way = {
        "init": "only the decoder's first state s0, through W_c",
        "every_step": "every step of the decoder, through C, and stays the same",
        "both": "the decoder's first state s0, through W_c, and every one of its steps, through C, and stays the same",
    }[context]
    d = Diagram(
        f"An encoder of {count(source, 'step')} gives its last state as the context c. The context feeds {way}. The "
        f"decoder takes {count(target, 'step')}; dotted arrows carry its state, red arrows feed each output to its "
        "next step."
    )
    x = _encoder(d, source)
    d.box("c", x, LEVEL, "$c$", "context")
    d.arrow(f"h{source}", "c")
    x += PITCH
    d.box("s0", x, LEVEL, "$s_0$", "state")
    d.box("y0", x, 2 * LEVEL, "BOS", "output")
    _decoder(d, x + PITCH, target, start="s0")
    if context != "every_step":
        d.arrow("c", "s0", "$W_c$", role="context")
    if context != "init":
        d.bus("c", [f"s{t}" for t in range(1, target + 1)], 0, "$C$", role="context")
    return d


def attention(source: int = 4) -> Diagram:
    r"""Draw one step of a decoder that looks at all states of the encoder.

    .. math::
        \alpha_{tj} = \mathrm{softmax}_j(\mathrm{score}(s_t, h_j)), \qquad c_t = \sum_j \alpha_{tj} h_j, \qquad
        \hat y_t = \mathrm{softmax}(W_o [s_t, c_t] + b_o)

    Parameters
    ----------
    source : int
        Length of the source S, at least 1.

    Raises
    ------
    ValueError
        If ``source`` is below 1.

    Notes
    -----
    Luong et al. (2015): the new state asks. Bahdanau et al. (2015) let the state before it ask.

    Examples
    --------
    >>> sorted(e.source for e in attention(3).edges if e.target == "alpha2")
    ['h2', 's']
    """
    at_least(1, source=source)
    d = Diagram(
        f"One step of attention over {count(source, 'state')} of an encoder. The decoder makes its new state s from "
        "its last state and the output before. The new state is compared with every encoder state, which gives one "
        "weight alpha for each; the weighted sum of the encoder states is the context c of this step, and the new "
        "state and the context together give the output."
    )
    x = _encoder(d, source) - PITCH
    bus, weights, sums, top = LEVEL + 1.05, LEVEL + 2.1, LEVEL + 3.8, LEVEL + 5.6
    d.box("s_prev", -PITCH, top, "$s_{t-1}$", "state")
    d.box("y_prev", 0, top + LEVEL, r"$\hat{y}_{t-1}$", "output")
    d.box("s", 0, top, "$s_t$", "state")
    total = r"$c_t = \sum_j\, \alpha_{tj}\, h_j$"
    d.box("c", PITCH * (source + 1) / 2, sums, total, "context", w=PITCH * (source - 1) + 3.0, h=1.3)
    for j in range(1, source + 1):
        d.box(f"alpha{j}", PITCH * j, weights, sym(r"\alpha", f"t{j}"), "gate")
        d.path(f"h{j} alpha{j} c")
    d.bus("s", [f"alpha{j}" for j in range(1, source + 1)], bus, shift=-0.4)
    d.box("y", x, top, r"$\hat{y}_t$", "output")
    d.path("s_prev s y")
    d.arrow("y_prev", "s", role="feedback")
    d.arrow("c", "y")
    return d
