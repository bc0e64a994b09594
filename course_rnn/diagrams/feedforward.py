"""Before recurrence: layers, batches, order, windows."""

from collections.abc import Sequence

from course_rnn.colours import FILL, OUTLINE
from course_rnn.diagrams.draw import SMALL, Diagram, at_least, count, measure, sym


def batch_to_layer(batch: int = 3) -> Diagram:
    r"""Draw a batch that goes through one layer: each sample alone, with the same parameters.

    .. math:: h^{(i)} = \tanh(W x^{(i)} + b), \qquad i = 1 \dots B

    Parameters
    ----------
    batch : int
        Number of samples B, at least 1.

    Raises
    ------
    ValueError
        If ``batch`` is below 1.

    Examples
    --------
    >>> [e[:2] for e in batch_to_layer(2).edges]
    [('x1', 'layer1'), ('layer1', 'h1'), ('x2', 'layer2'), ('layer2', 'h2')]
    """
    at_least(1, batch=batch)
    d = Diagram(
        f"A batch of {count(batch, 'sample')} goes through one layer. Each sample x passes alone through tanh of W x "
        "plus b, with the same W and b, and gives its own h; no arrow joins one sample to another."
    )
    for i in range(1, batch + 1):
        y = -1.4 * i
        d.box(f"x{i}", 0, y, sym("x", above=f"({i})"), "input")
        d.box(f"layer{i}", 3.3, y, f"$\\tanh(W x^{{({i})}} + b)$")
        d.box(f"h{i}", 6.6, y, sym("h", above=f"({i})"), "state")
        d.path(f"x{i} layer{i} h{i}")
    d.panel([f"layer{i}" for i in range(1, batch + 1)], pad=0.25)
    d.text(0, -0.3, "batch")
    d.text(3.3, -0.3, "one layer: the same $W$ and $b$")
    return d


def feed_forward_layer(inputs: int = 3, outputs: int = 4) -> Diagram:
    r"""Draw a layer as operations on column vectors.

    .. math:: h = \tanh(W x + b), \qquad x \in R^d,\ W \in R^{h \times d},\ b, h \in R^h

    Parameters
    ----------
    inputs, outputs : int
        Sizes of x and h, at least 1.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> [e[:2] for e in feed_forward_layer(3, 4).edges]
    [('x', 'W'), ('W', 'add'), ('b', 'add'), ('add', 'tanh'), ('tanh', 'h')]
    """
    at_least(1, inputs=inputs, outputs=outputs)
    d = Diagram(
        f"A feed-forward layer. The column vector x of {count(inputs, 'number')} is multiplied by the matrix W of "
        f"{outputs} rows and {count(inputs, 'column')}, the vector b is added, and tanh gives h, a column vector of "
        f"{count(outputs, 'number')}."
    )
    d.units("x", 0, 0, inputs, "input")
    d.box("W", 2.2, 0, "$W$")
    d.circle("add", 4.1, 0, "$+$")
    d.name("b", 4.1, 1.4, "$b$")
    d.box("tanh", 5.9, 0, "tanh")
    d.units("h", 8.0, 0, outputs, "state")
    d.path("x W add")
    d.path("b add tanh h")
    low = -0.3 * max(inputs, outputs) - 0.5
    d.text(0, low, rf"$x \in \mathbb{{R}}^{{{inputs}}}$")
    d.text(2.2, low, rf"${outputs}\!\times\!{inputs}$")
    d.text(8.0, low, rf"$h \in \mathbb{{R}}^{{{outputs}}}$")
    return d


def feed_forward_network(sizes: Sequence[int] = (3, 4, 4, 2)) -> Diagram:
    r"""Draw a fully connected network, unit by unit.

    .. math:: a^{(k)} = \phi(W^{(k)} a^{(k-1)} + b^{(k)})

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, from the input to the output; two sizes or more.

    Raises
    ------
    ValueError
        If there are fewer than two layers or an empty one.

    Examples
    --------
    >>> len(feed_forward_network((3, 4, 2)).edges)
    20
    """
    at_least(2, layers=len(sizes))
    for size in sizes:
        at_least(1, size=size)
    hidden = len(sizes) - 2
    d = Diagram(
        f"A fully connected network with layers of {', '.join(map(str, sizes[:-1]))} and {sizes[-1]} units, from the "
        f"input on the left over {count(hidden, 'hidden layer') if hidden else 'no hidden layer'} to the output on "
        "the right. Every unit feeds every unit of the next layer and no other: there is no cycle."
    )
    for k, size in enumerate(sizes):
        role = "input" if k == 0 else "output" if k == len(sizes) - 1 else "state"
        for i in range(size):
            d.circle(f"u{k}_{i}", 2.7 * k, 1.1 * ((size - 1) / 2 - i), "", role, r=0.34)
            for j in range(sizes[k - 1] if k else 0):
                d.arrow(f"u{k - 1}_{j}", f"u{k}_{i}")
        words = "input" if k == 0 else "output" if k == len(sizes) - 1 else f"hidden {k}" if hidden > 1 else "hidden"
        d.text(2.7 * k, -0.55 * max(sizes) - 0.45, words)
    return d


def mlp_graph(layers: int = 3) -> Diagram:
    r"""Draw a multi-layer perceptron as a composition: a graph without cycles.

    .. math:: f(x) = f^{(3)}(f^{(2)}(f^{(1)}(x))), \qquad f^{(k)}(a) = \phi(W_k a + b_k)

    Parameters
    ----------
    layers : int
        Number of functions, at least 1; the last has softmax for its nonlinearity.

    Raises
    ------
    ValueError
        If ``layers`` is below 1.

    Examples
    --------
    >>> [e[:3] for e in mlp_graph(2).edges if e.target == "f2"]
    [('w2', 'f2', ''), ('f1', 'f2', '$h_{1}$')]
    """
    at_least(1, layers=layers)
    d = Diagram(
        f"A multi-layer perceptron as a chain of {count(layers, 'function')}: x goes into the first, each hands its "
        "result to the next, and the last, a softmax, gives y-hat. Each function has its own weights W and bias b, "
        "and no arrow leads back."
    )
    d.box("x", 0, 0, "$x$", "input")
    for k in range(1, layers + 1):
        x = 2.4 * k
        d.box(f"f{k}", x, 0, sym("f", above=f"({k})"))
        d.name(f"w{k}", x, -1.6, f"$W_{{{k}}}, b_{{{k}}}$")
        d.arrow(f"w{k}", f"f{k}")
        d.arrow("x" if k == 1 else f"f{k - 1}", f"f{k}", "" if k == 1 else sym("h", k - 1))
        d.text(x, 0.85, "tanh" if k < layers else "softmax")
    d.box("y", 2.4 * (layers + 1), 0, r"$\hat{y}$", "output")
    d.arrow(f"f{layers}", "y")
    return d


def batch_order(samples: Sequence[str] = ("cat", "dog", "bird"), order: Sequence[int] = (2, 0, 1)) -> Diagram:
    r"""Draw a batch in two orders: the layer's outputs change places with its inputs and nothing else changes.

    .. math:: f(P X) = P f(X)

    Parameters
    ----------
    samples : sequence of str
        What is in the batch.
    order : sequence of int
        The places from which the second batch takes its samples: a permutation of 0..B-1.

    Raises
    ------
    ValueError
        If there is no sample or ``order`` is no permutation.

    Examples
    --------
    >>> [e.target for e in batch_order().edges if e.source == "b_layer"]
    ['b_h2', 'b_h0', 'b_h1']
    """
    at_least(1, samples=len(samples))
    if sorted(order) != list(range(len(samples))):
        raise ValueError(f"order must be a permutation of 0 to {len(samples) - 1}, got {tuple(order)}")
    shuffled = ", ".join(samples[i] for i in order)
    d = Diagram(
        f"A batch of {count(len(samples), 'picture')} goes through the same layer in two orders: "
        f"{', '.join(samples)}, and {shuffled}. The outputs come in the order of the inputs and are otherwise the "
        "same: order carries nothing here."
    )
    width = max(measure(f"$h$({s})", SMALL)[0] for s in samples) + 0.55
    for group, places in (("a", range(len(samples))), ("b", order)):
        left = 0.0 if group == "a" else width * len(samples) + 1.2
        names = [(f"{group}_x{i}", f"{group}_h{i}") for i in places]
        d.box(f"{group}_layer", left + width * (len(samples) - 1) / 2, 1.7, "layer", w=width * len(samples) - 0.2)
        for k, (i, (x, h)) in enumerate(zip(places, names, strict=True)):
            d.box(x, left + width * k, 0, samples[i], "input", w=width - 0.2, size=SMALL)
            d.box(h, left + width * k, 3.4, f"$h$({samples[i]})", "state", w=width - 0.2, size=SMALL)
            d.arrow(x, f"{group}_layer")
        for k in range(len(names)):
            d.arrow(f"{group}_layer", names[k][1])
    return d


def word_order(
    first: Sequence[str] = ("A", "dog", "bit", "Tom"), second: Sequence[str] = ("Tom", "bit", "a", "dog")
) -> Diagram:
    """Draw two sentences with the same words in another order, read from left to right into a state.

    Parameters
    ----------
    first, second : sequence of str
        The words; both have the same bag of words, whatever their capitals.

    Raises
    ------
    ValueError
        If a sentence is empty or the two bags differ.

    Examples
    --------
    >>> [e[:2] for e in word_order(("a", "b"), ("b", "a")).edges][:2]
    [('first1', 'first2'), ('first2', 'first_h')]
    """
    at_least(1, words=len(first))
    bag = sorted(word.lower() for word in first)
    if bag != sorted(word.lower() for word in second):
        raise ValueError("the two sentences must have the same words")
    n = len(first)
    d = Diagram(
        f'Two sentences of the same {count(n, "word")}: "{" ".join(first)}" and "{" ".join(second)}". '
        "Their bags of words are "
        "equal, but read word by word from left to right they end in two different states."
    )
    width = max(measure(word, SMALL)[0] for word in (*first, *second)) + 0.5
    pitch = width + 0.75
    for name, words, y in (("first", first, 0.0), ("second", second, -2.4)):
        for t, word in enumerate(words, 1):
            d.box(f"{name}{t}", pitch * t, y, word, "input", w=width, size=SMALL)
        d.box(f"{name}_h", pitch * (n + 1) + 0.2, y, f"$h_{{{n}}}$" if name == "first" else f"$h'_{{{n}}}$", "state")
        d.path(" ".join([*(f"{name}{t}" for t in range(1, n + 1)), f"{name}_h"]))
    d.text(pitch * (n + 1) / 2, -1.2, f"the same bag of words: {', '.join(sorted(second, key=str.lower))}")
    d.text(pitch * (n + 1) + 0.2, -1.2, r"$\neq$", size=22)
    return d


def _dog(d: Diagram, x, y, s=1.0) -> None:
    """A dog that runs to the right, around (x, y)."""
    from matplotlib.patches import Circle, Ellipse, Polygon

    look = {"fc": OUTLINE["input"], "ec": "none", "zorder": 3}
    d.art += [
        Ellipse((x, y), 0.62 * s, 0.24 * s, **look),
        Circle((x + 0.36 * s, y + 0.17 * s), 0.12 * s, **look),
        Ellipse((x + 0.46 * s, y + 0.13 * s), 0.2 * s, 0.1 * s, **look),
        Polygon([(x + 0.26 * s, y + 0.26 * s), (x + 0.36 * s, y + 0.27 * s), (x + 0.27 * s, y + 0.42 * s)], **look),
        Polygon([(x - 0.3 * s, y), (x - 0.26 * s, y + 0.08 * s), (x - 0.5 * s, y + 0.28 * s)], **look),
    ]
    for foot, lean in ((-0.24, -0.1), (-0.15, 0.06), (0.16, -0.06), (0.24, 0.1)):
        a, b = x + foot * s, x + (foot + lean) * s
        corners = [(a - 0.035 * s, y), (a + 0.035 * s, y), (b + 0.03 * s, y - 0.34 * s), (b - 0.03 * s, y - 0.34 * s)]
        d.art.append(Polygon(corners, **look))


def video_frames(frames: int = 4) -> Diagram:
    """Draw the frames of a film, a dog that crosses a park, and the frame to be predicted.

    Parameters
    ----------
    frames : int
        Number of frames seen, at least 1.

    Raises
    ------
    ValueError
        If ``frames`` is below 1.

    Examples
    --------
    >>> [e[:2] for e in video_frames(2).edges]
    [('frame1', 'frame2'), ('frame2', 'next')]
    """
    from matplotlib.patches import Circle, Polygon

    at_least(1, frames=frames)
    d = Diagram(
        f"{count(frames, 'frame')} of a film in the order of time: a dog runs through a park, a little further to the "
        "right and nearer to a tree in each. The next frame, with a question mark, is to be predicted; from shuffled "
        "frames nobody could."
    )
    w, h, pitch = 2.3, 1.7, 2.9
    for t in range(1, frames + 1):
        x = pitch * t
        d.box(f"frame{t}", x, 0, "", "input", w=w, h=h)
        d.art += [
            Polygon(
                [(x - 1.0, -0.6), (x + 1.0, -0.6), (x + 1.0, -0.66), (x - 1.0, -0.66)], fc=OUTLINE["output"], zorder=3
            ),
            Polygon(
                [(x + 0.81, -0.6), (x + 0.87, -0.6), (x + 0.87, 0.2), (x + 0.81, 0.2)], fc=OUTLINE["state"], zorder=3
            ),
            Circle((x + 0.84, 0.3), 0.22, fc=FILL["output"], ec=OUTLINE["output"], lw=1.0, zorder=3),
        ]
        _dog(d, x - 0.62 + 1.0 * (t - 1) / frames, -0.26)
        d.text(x, -h / 2 - 0.4, f"$t = {t}$")
    d.box("next", pitch * (frames + 1), 0, "?", "output", w=w, h=h, size=22)
    d.text(pitch * (frames + 1), -h / 2 - 0.4, f"$t = {frames + 1}$")
    d.path(" ".join([*(f"frame{t}" for t in range(1, frames + 1)), "next"]))
    return d


def windowing(
    tokens: Sequence[str] = ("This", "is", "a", "great", "movie"),
    size: int = 2,
    *,
    label: str = "+1",
    next_token: bool = False,
    shown: int | None = None,
) -> Diagram:
    r"""Draw how a sequence is cut into windows, each of which a model sees alone.

    .. math:: \hat y_j = f(w_j)

    Parameters
    ----------
    tokens : sequence of str
        The sequence.
    size : int
        Tokens in a window W.
    label : str
        The label that every window inherits from its sequence.
    next_token : bool
        Instead, predict from each window the token after it; the sequence is padded with W times "#" on the left.
    shown : int, optional
        How many windows to draw, the first ones; all if not given.

    Raises
    ------
    ValueError
        If ``size`` or ``shown`` is below 1 or there are too few tokens for one window.

    Examples
    --------
    >>> len([n for n in windowing().nodes if n.startswith("f")])
    4
    >>> windowing("Hello world!", 3, next_token=True).nodes["y12"].label
    '!'
    """
    at_least(1, size=size)
    total = len(tokens) if next_token else len(tokens) - size + 1
    at_least(1, windows=total)
    rows = total if shown is None else shown
    at_least(1, shown=rows)
    rows = min(rows, total)
    padded = ["#"] * size + list(tokens) if next_token else list(tokens)
    printed = ["␣" if token == " " else token for token in padded]
    columns = rows + size - 1 if rows < total or next_token else len(padded)
    what = "the token after it" if next_token else f"the label {label} of the whole sequence"
    d = Diagram(
        f'The sequence "{("" if next_token else " ").join(tokens)}" cut into {count(total, "window")} of '
        f"{count(size, 'token')}, each one place further to the right"
        + (f"; the first {rows} are drawn" if rows < total else "")
        + f". The same model f sees each window alone and is to predict {what}."
        + (f" The sequence is padded on the left with {count(size, 'sign')} #." if next_token else "")
    )
    width = max(0.62, *(measure(token, SMALL)[0] + 0.35 for token in printed))
    x_f = width * columns + 0.9
    for j in range(1, rows + 1):
        y = -1.15 * j
        for k in range(j - 1, j - 1 + size):
            last = k == j - 2 + size
            name = f"w{j}" if last else f"w{j}_{k - j + 2}"
            d.box(name, width * k, y, printed[k], "input", w=width, h=0.8, size=SMALL)
        d.box(f"f{j}", x_f, y, "$f$", w=0.9, h=0.8)
        d.box(f"p{j}", x_f + 2.1, y, rf"$\hat{{y}}_{{{j}}}$", "output", w=0.9, h=0.8)
        target = printed[j - 1 + size] if next_token else label
        d.box(f"y{j}", x_f + 4.3, y, target, w=max(0.9, measure(target, SMALL)[0] + 0.35), h=0.8, size=SMALL)
        d.path(f"w{j} f{j} p{j}")
        d.arrow(f"y{j}", f"p{j}", style="--", role="gradient")
    for x, word in (
        (width * (columns - 1) / 2, "windows"),
        (x_f, "model"),
        (x_f + 2.1, "prediction"),
        (x_f + 4.3, "target"),
    ):
        d.text(x, -0.25, word)
    if rows < total:
        d.text(width * (columns - 1) / 2, -1.15 * rows - 0.8, r"$\cdots$")
    return d


def applications(
    rows: Sequence[tuple[str, str, str]] = (
        ("sentiment", "words of a review", "positive"),
        ("translation", "words in English", "words in French"),
        ("captioning", "a picture", "words"),
        ("video", "frames", "a label per frame"),
    ),
) -> Diagram:
    """Draw what sequence models are used for: what goes in and what comes out.

    Parameters
    ----------
    rows : sequence of (name, input, output)
        The applications, one row each.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> [e[:2] for e in applications().edges][:2]
    [('in1', 'rnn1'), ('rnn1', 'out1')]
    """
    at_least(1, rows=len(rows))
    listed = "; ".join(f"{name}, from {source} to {target}" for name, source, target in rows)
    d = Diagram(
        f"{count(len(rows), 'use')} of recurrent networks: {listed}. In each the data or the answer is a sequence."
    )
    w_in = max(measure(r[1], SMALL)[0] for r in rows) + 0.6
    w_out = max(measure(r[2], SMALL)[0] for r in rows) + 0.6
    for k, (name, source, target) in enumerate(rows, 1):
        y = -1.35 * k
        d.text(-w_in / 2 - 0.5, y, name, ha="right")
        d.box(f"in{k}", 0, y, source, "input", w=w_in, size=SMALL)
        d.box(f"rnn{k}", w_in / 2 + 1.6, y, "RNN", "state", w=1.5, size=SMALL)
        d.box(f"out{k}", w_in / 2 + 3.2 + w_out / 2, y, target, "output", w=w_out, size=SMALL)
        d.path(f"in{k} rnn{k} out{k}")
    return d
