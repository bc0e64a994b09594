"""What flows backwards."""

from itertools import pairwise

from course_rnn.diagrams.draw import Diagram, at_least, count, sym
from course_rnn.diagrams.recurrent import LEVEL


def backprop_chain(steps: int = 3) -> Diagram:
    r"""Draw backpropagation over the chain: states forward, gradients backward, one sum for the shared parameters.

    .. math::
        \frac{dL}{dh_{t-1}} = \frac{dL}{dh_t} \frac{\partial h_t}{\partial h_{t-1}}, \qquad
        \frac{dL}{d\theta} = \sum_t \frac{dL}{dh_t} \frac{\partial^+ h_t}{\partial \theta}

    Parameters
    ----------
    steps : int
        Number of copies of f, at least 1.

    Raises
    ------
    ValueError
        If ``steps`` is below 1.

    Examples
    --------
    >>> d = backprop_chain(2)
    >>> [e[:2] for e in d.edges if e.style == "--"]
    [('f2', 'f1'), ('f1', 'theta'), ('L', 'f2'), ('f2', 'theta')]
    """
    at_least(1, steps=steps)
    d = Diagram(
        f"Backpropagation over {count(steps, 'step')}. Black arrows carry the states forward, from h0 through each "
        "copy of f to the loss L. Dashed red arrows carry gradients back, from L through each copy; from every copy "
        f"one more leads down to the shared parameters theta, where the {count(steps, 'part')} of the gradient "
        f"{'is taken' if steps == 1 else 'are added'}."
    )
    pitch, middle = 2.9, LEVEL + 0.2
    high, low = middle + 0.24, middle - 0.24  # forward above, backward below
    names = ["h0", *(f"f{t}" for t in range(1, steps + 1)), "L"]
    d.box("h0", 0, high, "$h_0$", "state")
    for t in range(1, steps + 1):
        d.box(f"f{t}", pitch * t, middle, r"$f_\theta$", h=1.3, w=1.4)
    d.box("L", pitch * (steps + 1), middle, "$L$", "gradient", h=1.3)
    total = r"$\frac{dL}{d\theta} = \sum_t\; \frac{dL}{dh_t}\, \frac{\partial^+ h_t}{\partial\theta}$"
    width = max(pitch * (steps - 1) + 1.4, 5.0)
    d.box("theta", pitch * (1 + steps) / 2, -0.4, total, "gradient", w=width, h=1.2)
    back = {"role": "gradient", "style": "--"}
    for t, (before, after) in enumerate(pairwise(names)):
        x = pitch * (t + 0.5)
        d.arrow(before, after, sym("h", t) if t else "", route=[(x, high)])
        if t:
            d.arrow(after, before, sym("dL / dh", t), route=[(x, low)], side="s", **back)
            d.arrow(before, "theta", **back)
    return d


def truncated_bptt(steps: int = 6, chunk: int = 3) -> Diagram:
    r"""Draw truncated backpropagation: the state goes on from chunk to chunk, the gradient does not.

    Parameters
    ----------
    steps : int
        Number of time steps, at least 1.
    chunk : int
        Steps in a chunk, at least 1.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> [e[:2] for e in truncated_bptt(4, 2).edges if e.style == "--"]
    [('h2', 'h1'), ('h4', 'h3')]
    """
    at_least(1, steps=steps, chunk=chunk)
    chunks = [range(first, min(first + chunk, steps + 1)) for first in range(1, steps + 1, chunk)]
    d = Diagram(
        f"Truncated backpropagation over {count(steps, 'step')} in chunks of {chunk}. Black arrows carry the state "
        f"through all steps, also from chunk to chunk; dashed red arrows carry gradients back inside each of the "
        f"{count(len(chunks), 'chunk')} only."
    )
    pitch, gap, x = 1.9, 0.22, 0.0
    for t in range(1, steps + 1):
        x += pitch + (0.8 if t > 1 and (t - 1) % chunk == 0 else 0)
        d.box(f"x{t}", x, 0, sym("x", t), "input", w=1.1)
        d.box(f"h{t}", x, LEVEL, sym("h", t), "state", w=1.1)
        d.arrow(f"x{t}", f"h{t}")
        if t > 1:
            middle = (d.nodes[f"h{t - 1}"].x + x) / 2
            d.arrow(f"h{t - 1}", f"h{t}", route=[(middle, LEVEL + gap)])
            if (t - 1) % chunk:
                d.arrow(f"h{t}", f"h{t - 1}", route=[(middle, LEVEL - gap)], role="gradient", style="--")
    for part in chunks:
        d.panel([f"{name}{t}" for t in part for name in "xh"])
    return d
