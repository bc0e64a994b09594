"""What is done with the states: modes of input and output, heads, and two whole nets."""

from collections.abc import Sequence

from course_rnn.diagrams.draw import SMALL, Diagram, at_least, count, measure, sym
from course_rnn.diagrams.recurrent import LEVEL, PITCH, chain, feed_back

PLAIN = ("", "")  # arrows without labels
CLASSES = ("negative", "neutral", "positive")


def five_modes(steps: int = 3) -> Diagram:
    """Draw the five ways to join inputs and outputs: one to one, one to many, many to one, and many to many twice.

    Shapes, for n samples: (n, d) to (n, o); (n, d) to (n, T, o); (n, T, d) to (n, o); (n, T, d) to (n, T', o);
    (n, T, d) to (n, T, o).

    Parameters
    ----------
    steps : int
        Length of "many", at least 2.

    Raises
    ------
    ValueError
        If ``steps`` is below 2.

    Notes
    -----
    The division is Karpathy's (2015).

    Examples
    --------
    >>> d = five_modes(3)
    >>> [e[:2] for e in d.edges if e.source.startswith("3")][:3]
    [('3_x1', '3_h1'), ('3_h1', '3_h2'), ('3_x2', '3_h2')]
    """
    at_least(2, steps=steps)
    d = Diagram(
        f"Five modes side by side, with {steps} for many. One to one: an input, a state, an output, no recurrence. "
        "One to many: an input at the first step, an output at every step. Many to one: an input at every step, an "
        "output at the last. Many to many, one after the other: all inputs, then all outputs. Many to many, in step: "
        "an input and an output at every step."
    )
    every = range(1, steps + 1)
    modes = [
        (["one", "to one"], 1, {1}, {1}),
        (["one", "to many"], steps, {1}, set(every)),
        (["many", "to one"], steps, set(every), {steps}),
        (["many to many,", "in turn"], 2 * steps - 1, set(every), set(range(steps, 2 * steps))),
        (["many to many,", "in step"], steps, set(every), set(every)),
    ]
    pitch, width, level = 0.79, 0.5, 1.5
    x = 0.0
    for k, (words, length, inputs, outputs) in enumerate(modes, 1):
        d.text(x + pitch * (length - 1) / 2, -0.95, words[0])
        d.text(x + pitch * (length - 1) / 2, -1.45, words[1])
        for t in range(1, length + 1):
            d.box(f"{k}_h{t}", x, level, "", "state", w=width, h=0.8)
            if t > 1:
                d.arrow(f"{k}_h{t - 1}", f"{k}_h{t}")
            if t in inputs:
                d.box(f"{k}_x{t}", x, 0, "", "input", w=width, h=0.8)
                d.arrow(f"{k}_x{t}", f"{k}_h{t}")
            if t in outputs:
                d.box(f"{k}_y{t}", x, 2 * level, "", "output", w=width, h=0.8)
                d.arrow(f"{k}_h{t}", f"{k}_y{t}")
            x += pitch
        x += 0.6
    return d


def final_state_head(steps: int = 4, *, head: str = "regression", classes: Sequence[str] = CLASSES) -> Diagram:
    r"""Draw a head on the last state only: a number, or the probabilities of some classes.

    .. math:: \hat y = W h_n + b \qquad\text{or}\qquad p = \mathrm{softmax}(W h_n + b)

    Parameters
    ----------
    steps : int
        Number of time steps n, at least 1.
    head : {"regression", "softmax"}
    classes : sequence of str
        The classes, for softmax.

    Raises
    ------
    ValueError
        If ``steps`` is below 1, there is no class, or ``head`` is neither.

    Examples
    --------
    >>> [e.source for e in final_state_head(4).edges if e.target == "head"]
    ['h4']
    """
    at_least(1, steps=steps, classes=len(classes))
    if head not in ("regression", "softmax"):
        raise ValueError(f'head must be "regression" or "softmax", got {head!r}')
    regression = head == "regression"
    d = Diagram(
        f"A recurrent network reads {count(steps, 'input')}; only its last state, h{steps}, feeds a head, "
        + (
            "W h plus b, which gives one number, y-hat."
            if regression
            else f"the softmax of W h plus b, which gives the probabilities of {count(len(classes), 'class')}: "
            f"{', '.join(classes)}."
        )
    )
    chain(d, steps, through=PLAIN)
    x, y = PITCH * (steps - 1), 2 * LEVEL
    formula = f"W h_{{{steps}}} + b"
    d.box("head", x, y, f"${formula}$" if regression else rf"$\mathrm{{softmax}}({formula})$")
    d.arrow(f"h{steps}", "head")
    if regression:
        d.box("y", x, y + LEVEL, r"$\hat{y}$", "output")
        d.arrow("head", "y")
    else:
        _classes(d, "head", classes)
    return d


def _classes(d: Diagram, head: str, classes: Sequence[str]) -> None:
    """A row of classes above their head, which feeds each of them."""
    x, y = d.nodes[head].x, d.nodes[head].y
    width = max(1.0, *(measure(name, SMALL)[0] + 0.4 for name in classes))
    d.dot("split", x, y + 0.9)
    d.arrow(head, "split")
    for k, name in enumerate(classes, 1):
        shift = (width + 0.25) * (k - (len(classes) + 1) / 2)
        d.box(f"p{k}", x + shift, y + LEVEL, name, "output", w=width, size=SMALL)
        d.arrow("split", f"p{k}", route="-|" if shift else "--")


def _head(d: Diagram, t, x, y, depth) -> float:
    """A head of ``depth`` layers on the state h_t and its output; returns the height of the output."""
    below = f"h{t}"
    for k in range(1, depth + 1):
        y += 1.5
        d.box(f"head{t}_{k}", x, y, "head" if depth == 1 else sym("g", k))
        d.arrow(below, f"head{t}_{k}")
        below = f"head{t}_{k}"
    d.box(f"y{t}", x, y + 1.5, rf"$\hat{{y}}_{{{t}}}$", "output")
    d.arrow(below, f"y{t}")
    return y + 1.5


def per_step_heads(steps: int = 4, *, depth: int = 1, folded: bool = False) -> Diagram:
    r"""Draw the same head on every state, unfolded or folded.

    .. math:: \hat y_t = g(h_t)

    Parameters
    ----------
    steps : int
        Number of time steps, at least 1; not used if ``folded``.
    depth : int
        Layers of the head, at least 1.
    folded : bool
        Draw one step with the state's loop instead.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> [e[:2] for e in per_step_heads(folded=True).edges]
    [('xt', 'ht'), ('ht', 'ht'), ('ht', 'headt_1'), ('headt_1', 'yt')]
    """
    at_least(1, steps=steps, depth=depth)
    layers = f"of {count(depth, 'layer')}"
    if folded:
        d = Diagram(
            f"Folded: the input x feeds the state h, the state feeds itself one step later, and a head {layers} "
            "turns the state of every step into that step's prediction y-hat."
        )
        d.box("xt", 0, 0, "$x_t$", "input")
        d.box("ht", 0, LEVEL, "$h_t$", "state")
        d.arrow("xt", "ht")
        d.loop("ht")
        _head(d, "t", 0, LEVEL, depth)
        return d
    d = Diagram(
        f"A recurrent network over {count(steps, 'step')}; on each state sits the same head {layers}, which gives a "
        "prediction y-hat at every step."
    )
    chain(d, steps, through=PLAIN)
    for t in range(1, steps + 1):
        _head(d, t, PITCH * (t - 1), LEVEL, depth)
    return d


def classification_net(text: str = "Sato", classes: Sequence[str] = ("English", "French", "Japanese")) -> Diagram:
    r"""Draw a network that reads a name letter by letter and says its language.

    .. math:: h_t = \tanh(W_{ih} x_t + W_{hh} h_{t-1} + b), \qquad p = \mathrm{softmax}(W h_T + b)

    Parameters
    ----------
    text : str
        The name; at least one letter.
    classes : sequence of str
        The languages; at least one.

    Raises
    ------
    ValueError
        If there is no letter or no class.

    Examples
    --------
    >>> [e.source for e in classification_net("Sato").edges if e.target == "linear"]
    ['h4']
    """
    at_least(1, letters=len(text), classes=len(classes))
    n = len(text)
    d = Diagram(
        f'A network reads the {count(n, "letter")} of "{text}" one by one; each letter is turned into a vector x and '
        "feeds the state. Only the last state feeds a linear layer and a softmax, which gives one probability for each "
        f"of {', '.join(classes)}."
    )
    chain(d, n, through=PLAIN)
    for t, letter in enumerate(text, 1):
        d.box(f"c{t}", PITCH * (t - 1), -1.6, letter)
        d.arrow(f"c{t}", f"x{t}")
    x = PITCH * (n - 1)
    d.box("linear", x, 2 * LEVEL - 0.2, "linear", h=0.8)
    d.box("softmax", x, 3 * LEVEL - 0.6, "softmax", h=0.8)
    d.path(f"h{n} linear softmax")
    _classes(d, "softmax", classes)
    d.text(-1.0, -1.6, "letters", ha="right")
    d.text(-1.0, 0, "vectors", ha="right")
    return d


def generation_net(text: str = "Sato") -> Diagram:
    r"""Draw a network that writes a name: each letter it gives is its next input.

    .. math:: p(y_t \mid y_1 \dots y_{t-1}) = \mathrm{softmax}(V h_t + c)

    In training the inputs are the letters themselves, moved by one place behind BOS; in use they are what was sampled.

    Parameters
    ----------
    text : str
        The name; at least one letter.

    Raises
    ------
    ValueError
        If there is no letter.

    Examples
    --------
    >>> [e[:2] for e in generation_net("Jo").edges if e.role == "feedback"]
    [('y1', 'x2'), ('y2', 'x3')]
    """
    at_least(1, letters=len(text))
    n = len(text) + 1
    d = Diagram(
        f'A network writes "{text}" in {n} steps. The first input is BOS; at each step the state feeds a softmax over '
        "letters, one is chosen, and a red arrow takes it to the input of the next step, until EOS is chosen. Input "
        "and target are the same letters, moved by one place."
    )
    chain(d, n, through=PLAIN, inputs=False)
    for t, (letter, target) in enumerate(zip(["BOS", *text], [*text, "EOS"], strict=True), 1):
        x = PITCH * (t - 1)
        d.box(f"x{t}", x, 0, letter, "input", w=1.3)
        d.box(f"s{t}", x, LEVEL + 1.5, "softmax", w=1.6, h=0.8, size=SMALL)
        d.box(f"y{t}", x, LEVEL + 3.0, target, "output", w=1.3)
        d.path(f"x{t} h{t} s{t} y{t}")
    for t in range(1, n):
        x = PITCH * (t - 0.5)
        d.arrow(f"y{t}", f"x{t + 1}", route=[(x, LEVEL + 3.0), (x, 0)], role="feedback")
    return d


def vector_to_sequence(steps: int = 3) -> Diagram:
    r"""Draw a network that turns one vector into a sequence: the vector is an extra bias at every step.

    .. math:: h_t = \tanh(b + R x + W_{hh} h_{t-1} + W_{ih} y_{t-1}), \qquad o_t = c + V h_t

    Parameters
    ----------
    steps : int
        Number of words, at least 1.

    Raises
    ------
    ValueError
        If ``steps`` is below 1.

    Notes
    -----
    Compare Goodfellow et al. (2016), figure 10.9.

    Examples
    --------
    >>> [e.target for e in vector_to_sequence(3).edges if e.label == "$R$"]
    ['h1', 'h2', 'h3']
    """
    at_least(1, steps=steps)
    d = Diagram(
        f"From one vector to {count(steps, 'word')}. The vector x, for example the features of a picture, feeds the "
        "state of every step through R, like a bias that does not change; each state also reads the state before "
        "through W_hh and the word before through W_ih (a red arrow, from the start sign y0 on), and gives a word y "
        "through V."
    )
    chain(d, steps, through=("", "$W_{hh}$"), inputs=False, side="s")
    d.box("x", PITCH * (steps - 1) / 2, 0, "$x$", "context", w=PITCH * (steps - 1) + 1.2)
    d.box("y0", -PITCH, 2 * LEVEL, "$y_0$", "output")
    for t in range(1, steps + 1):
        d.arrow("x", f"h{t}", "$R$")
        d.box(f"y{t}", PITCH * (t - 1), 2 * LEVEL, sym("y", t), "output")
        d.arrow(f"h{t}", f"y{t}", "$V$")
        feed_back(d, f"y{t - 1}", f"h{t}", "$W_{ih}$", down=-0.25)
    return d
