"""The cells: the equations of one step, the same step backward, and nothing else.

A layer is a cell in a loop (`course_rnn.numpy.loop`), so what stands here is what runs. Nearly every cell is pointwise
on two sums, a = W_ih x + b_ih and u = W_hh h + b_hh: it gives `pointwise` and `pointwise_backward`, of which the second
takes the lines of the first in reverse order, so that the two can be read side by side. A cell that needs its weights
inside the step gives `step` and `step_backward` itself. Row vectors: x is (B, D), h is (B, H), and a matrix is stored
as torch stores it, (features out, features in).
"""

import numpy as np

from course_rnn.shared.cell import Cell as _Cell
from course_rnn.shared.cell import check_alpha, check_cell, check_count
from course_rnn.shared.search import check_choice

# name: (f, its derivative written in terms of the value h = f(a), which is what a step keeps)
NONLINEARITIES = {
    "tanh": (np.tanh, lambda h: 1 - h * h),
    "relu": (lambda a: np.maximum(a, 0), lambda h: (h > 0).astype(h.dtype)),
    "identity": (np.positive, np.ones_like),
}


def sigmoid(a):
    """Squash any real number into (0, 1).

    σ(a) = 1 / (1 + exp(−a)) = ½ tanh(½ a) + ½, and the second form cannot overflow.

    Parameters
    ----------
    a : ndarray
        Any shape; float32 stays float32.

    Returns
    -------
    ndarray
        As `a`.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return 0.5 * np.tanh(0.5 * a) + 0.5


def blocks(a, G):
    """Cut (B, G·H) into its G blocks (B, H), as views."""
    return a.reshape(len(a), G, -1).swapaxes(0, 1)


def summed(a, u, G):
    """Return the blocks (G, B, H) of a + u, each in one piece of memory: what follows is up to twice as fast."""
    return np.add(blocks(a, G), blocks(u, G), order="C")


def linear(v, weights, name):
    """Apply the linear map `name` to rows: v Wᵀ + b, or v Wᵀ if the weights have no biases."""
    y = v @ weights["weight_" + name].T
    if "bias_" + name in weights:
        y += weights["bias_" + name]
    return y


class Cell(_Cell):
    """A recurrent cell: subclass it, say which gates and states there are, and write `pointwise` and its backward.

    Attributes are those of `course_rnn.shared.cell.Cell`: `gates`, `states`, and where they differ from the default
    `shown`, `vectors`, `keep` and `write`.

    Examples
    --------
    The update gate RNN: one gate says how much of the state stays.

    >>> class UGRNN(Cell):
    ...     gates = ("g", "c")
    ...     def pointwise(self, a, u, h):
    ...         s_g, s_c = blocks(a + u, 2)
    ...         g, c = sigmoid(s_g), np.tanh(s_c)
    ...         return g * h + (1 - g) * c, (g, c, h)
    ...     def pointwise_backward(self, dh, cache):
    ...         g, c, h = cache
    ...         ds = np.concatenate([dh * (h - c) * g * (1 - g), dh * (1 - g) * (1 - c * c)], axis=-1)
    ...         return ds, ds, dh * g
    >>> from course_rnn.numpy import Recurrent
    >>> y, h_n = Recurrent(UGRNN(), 3, 4, num_layers=2, bidirectional=True).forward(np.ones((5, 2, 3)))
    >>> y.shape, h_n.shape
    ((5, 2, 8), (4, 2, 4))
    """

    def pointwise(self, a, u, *states):
        """Make the next states.

        Parameters
        ----------
        a, u : (B, G·H) ndarray
            W_ih x + b_ih and W_hh h + b_hh, a block of H columns for each gate.
        *states : (B, H) ndarray each
            Those before this step, then the cell's `vectors` (H,), if it has some.

        Returns
        -------
        *states : (B, H) ndarray each
            Those after it.
        cache
            What `pointwise_backward` needs.
        """
        raise NotImplementedError(f"{self.name} has no pointwise(a, u, {', '.join(self.states)})")

    def pointwise_backward(self, *dstates_and_cache):
        """Carry the gradient back through `pointwise`.

        Parameters
        ----------
        *dstates : (B, H) ndarray each
            ∂L/∂ each state after the step.
        cache
            From `pointwise`.

        Returns
        -------
        da, du : (B, G·H) ndarray
        *dstates : (B, H) ndarray each, or 0
            What reaches the states before the step without going through W_hh; then one (B, H) for each of the
            cell's `vectors`.
        """
        raise NotImplementedError(f"{self.name} has no pointwise_backward(d{', d'.join(self.states)}, cache)")

    def step(self, a, states, weights):
        """Take one step.

        Parameters
        ----------
        a : (B, rows of weight_ih) ndarray
            W_ih x + b_ih.
        states : sequence of (B, size) ndarray
        weights : dict of str to ndarray
            Of one layer in one direction: weight_hh, bias_hh, …

        Returns
        -------
        states : list of ndarray
        cache
            What `step_backward` needs.
        """
        u = linear(states[0], weights, "hh")
        *after, cache = self.pointwise(a, u, *states, *map(weights.get, self.vectors))
        return after, (states[0], cache)

    def step_backward(self, dstates, cache, weights):
        """Carry the gradient back through `step`; the weights' gradients are left as products.

        A linear map of the step takes v to W v + b. If d is the gradient of its result, then dW = dᵀ v and db = Σ d.
        Over many steps that is one large product, so a step only says what d and v were.

        Parameters
        ----------
        dstates : sequence of (B, size) ndarray
        cache
            From `step`.
        weights : dict of str to ndarray

        Returns
        -------
        da : (B, rows of weight_ih) ndarray
        dstates : list of ndarray
        products : list of (name, d, v)
            Of a map, such as "hh"; if a name comes twice, the second belongs to the rows that follow. Of a vector v
            is None, and d its gradient for each row.
        """
        h, cache = cache
        da, du, dh, *rest = self.pointwise_backward(*dstates, cache)
        through = du @ weights["weight_hh"]
        before, products = [through if isinstance(dh, int) else through + dh], [("hh", du, h)]
        if rest:
            others, dvectors = rest[: len(self.states) - 1], rest[len(self.states) - 1 :]
            before += [np.full_like(h, d) if isinstance(d, int) else d for d in others]
            products += [(name, d, None) for name, d in zip(self.vectors, dvectors, strict=True)]
        return da, before, products


class RNN(Cell):
    """The simple (Elman) cell: h' = f(a + u).

    Parameters
    ----------
    nonlinearity : "tanh", "relu" or "identity"

    Raises
    ------
    ValueError
        If the nonlinearity is unknown.

    References
    ----------
    Elman, "Finding structure in time", Cognitive Science 14 (1990).
    """

    def __init__(self, nonlinearity="tanh"):
        if nonlinearity not in NONLINEARITIES:
            raise ValueError(f"nonlinearity is {nonlinearity!r}, expected one of {', '.join(NONLINEARITIES)}")
        self.nonlinearity = nonlinearity

    def pointwise(self, a, u, h):
        f, _ = NONLINEARITIES[self.nonlinearity]
        h_next = f(a + u)
        return h_next, h_next

    def pointwise_backward(self, dh, h_next):
        _, derivative = NONLINEARITIES[self.nonlinearity]
        da = dh * derivative(h_next)
        return da, da, 0


class LSTM(Cell):
    """The long short-term memory cell.

    i, f, o = σ(…) and g = tanh(…) of a + u;   c' = f ⊙ c + i ⊙ g,   h' = o ⊙ tanh(c')

    Backward, dc' += dh' ⊙ o ⊙ (1 − tanh²c'), then dc = dc' ⊙ f: along the memory nothing but the forget gate.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9 (1997); the forget gate f is from
    Gers, Schmidhuber and Cummins, "Learning to forget", Neural Computation 12 (2000).
    """

    gates, states = ("i", "f", "g", "o"), ("h", "c")
    keep, write = "f", "i"

    def pointwise(self, a, u, h, c):
        s = summed(a, u, 4)
        i, f, _, o = sigmoid(s)
        g = np.tanh(s[2])
        c_next = f * c + i * g
        tanh_c = np.tanh(c_next)
        return o * tanh_c, c_next, (i, f, g, o, c, tanh_c)

    def pointwise_backward(self, dh, dc, cache):
        i, f, g, o, c, tanh_c = cache
        do = dh * tanh_c
        dc = dc + dh * o * (1 - tanh_c * tanh_c)  # h' depends on c', too
        di, df, dg = dc * g, dc * c, dc * i
        ds_i, ds_f = di * i * (1 - i), df * f * (1 - f)
        ds_g, ds_o = dg * (1 - g * g), do * o * (1 - o)
        ds = np.concatenate([ds_i, ds_f, ds_g, ds_o], axis=-1)
        return ds, ds, 0, dc * f


class GRU(Cell):
    """The gated recurrent unit as torch, cuDNN and Keras have it: the reset gate acts after the matrix W_hn.

    r, z = σ(a + u),   n = tanh(a_n + r ⊙ u_n);   h' = (1 − z) ⊙ n + z ⊙ h, so z says how much is kept

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder–decoder", arXiv 1406.1078, version 1 (2014).
    """

    gates, keep = ("r", "z", "n"), "z"

    def pointwise(self, a, u, h):
        H = h.shape[-1]
        r, z = sigmoid(summed(a[:, : 2 * H], u[:, : 2 * H], 2))
        q = u[:, 2 * H :]
        n = np.tanh(a[:, 2 * H :] + r * q)
        return (1 - z) * n + z * h, (r, z, n, q, h)

    def pointwise_backward(self, dh, cache):
        r, z, n, q, h = cache
        da_n = dh * (1 - z) * (1 - n * n)
        da_r, da_z = da_n * q * r * (1 - r), dh * (h - n) * z * (1 - z)
        return np.concatenate([da_r, da_z, da_n], axis=-1), np.concatenate([da_r, da_z, da_n * r], axis=-1), dh * z


class GRUResetBefore(Cell):
    """The gated recurrent unit of the published paper: the reset gate acts before the matrix W_hn, on the state.

    r, z = σ(a + u),   n = tanh(a_n + W_hn (r ⊙ h) + b_hn);   h' = (1 − z) ⊙ n + z ⊙ h

    W_hn waits for r, so this cell is not pointwise on two sums and takes its own step.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder–decoder", EMNLP 2014. Their z is our 1 − z.
    """

    gates, keep = ("r", "z", "n"), "z"

    def step(self, a, states, weights):
        (h,) = states
        gates, candidate = self._halves(weights)
        H = h.shape[-1]
        r, z = sigmoid(summed(a[:, : 2 * H], linear(h, gates, "hh"), 2))
        v = r * h
        n = np.tanh(a[:, 2 * H :] + linear(v, candidate, "hh"))
        return [(1 - z) * n + z * h], (h, r, z, v, n)

    def step_backward(self, dstates, cache, weights):
        (dh,), (h, r, z, v, n) = dstates, cache
        gates, candidate = self._halves(weights)
        da_n = dh * (1 - z) * (1 - n * n)
        dv = da_n @ candidate["weight_hh"]
        da_rz = np.concatenate([dv * h * r * (1 - r), dh * (h - n) * z * (1 - z)], axis=-1)  # (B, 2H)
        dh = dh * z + dv * r + da_rz @ gates["weight_hh"]
        return np.concatenate([da_rz, da_n], axis=-1), [dh], [("hh", da_rz, h), ("hh", da_n, v)]

    @staticmethod
    def _halves(weights):
        """The recurrent map cut into that of the two gates and that of the candidate, each under its full names."""
        H = weights["weight_hh"].shape[1]
        own = {name: w for name, w in weights.items() if name in ("weight_hh", "bias_hh")}
        return {name: w[: 2 * H] for name, w in own.items()}, {name: w[2 * H :] for name, w in own.items()}


class UGRNN(Cell):
    """The update gate network: one gate, the smallest cell that chooses what to keep.

    g = σ(a_g + u_g),   c = tanh(a_c + u_c);   h' = g ⊙ h + (1 − g) ⊙ c

    References
    ----------
    Collins, Sohl-Dickstein and Sussillo, "Capacity and trainability in recurrent neural networks", ICLR 2017.
    """

    gates, keep = ("g", "c"), "g"

    def pointwise(self, a, u, h):
        s_g, s_c = blocks(a + u, 2)
        g, c = sigmoid(s_g), np.tanh(s_c)
        return c + g * (h - c), (g, c, h)

    def pointwise_backward(self, dh, cache):
        g, c, h = cache
        ds = np.concatenate([dh * (h - c) * g * (1 - g), dh * (1 - g) * (1 - c * c)], axis=-1)
        return ds, ds, dh * g


class CoupledLSTM(Cell):
    """An LSTM that writes exactly where it forgets: i = 1 − f, so three blocks of weights instead of four.

    f, o = σ(…) and g = tanh(…) of a + u;   c' = f ⊙ c + (1 − f) ⊙ g,   h' = o ⊙ tanh(c')

    References
    ----------
    Greff et al., "LSTM: a search space odyssey", IEEE TNNLS 28 (2017), variant CIFG.
    """

    gates, states, keep = ("f", "g", "o"), ("h", "c"), "f"

    def pointwise(self, a, u, h, c):
        s_f, s_g, s_o = summed(a, u, 3)
        f, g, o = sigmoid(s_f), np.tanh(s_g), sigmoid(s_o)
        c_next = g + f * (c - g)
        tanh_c = np.tanh(c_next)
        return o * tanh_c, c_next, (f, g, o, c, tanh_c)

    def pointwise_backward(self, dh, dc, cache):
        f, g, o, c, tanh_c = cache
        do = dh * tanh_c
        dc = dc + dh * o * (1 - tanh_c * tanh_c)
        df, dg = dc * (c - g), dc * (1 - f)
        ds = np.concatenate([df * f * (1 - f), dg * (1 - g * g), do * o * (1 - o)], axis=-1)
        return ds, ds, 0, dc * f


class PeepholeLSTM(Cell):
    """An LSTM whose gates also see the memory itself, each unit its own: i and f the old one, o the new one.

    i = σ(s_i + p_i ⊙ c),   f = σ(s_f + p_f ⊙ c),   g = tanh(s_g),   c' = f ⊙ c + i ⊙ g,   o = σ(s_o + p_o ⊙ c'),
    h' = o ⊙ tanh(c')   with s = a + u

    References
    ----------
    Gers and Schmidhuber, "Recurrent nets that time and count", IJCNN 2000.
    """

    gates, states = ("i", "f", "g", "o"), ("h", "c")
    keep, write = "f", "i"
    vectors = ("weight_ci", "weight_cf", "weight_co")

    def pointwise(self, a, u, h, c, p_i, p_f, p_o):
        s_i, s_f, s_g, s_o = summed(a, u, 4)
        i, f, g = sigmoid(s_i + p_i * c), sigmoid(s_f + p_f * c), np.tanh(s_g)
        c_next = f * c + i * g
        o, tanh_c = sigmoid(s_o + p_o * c_next), np.tanh(c_next)
        return o * tanh_c, c_next, (i, f, g, o, c, c_next, tanh_c, p_i, p_f, p_o)

    def pointwise_backward(self, dh, dc, cache):
        i, f, g, o, c, c_next, tanh_c, p_i, p_f, p_o = cache
        ds_o = dh * tanh_c * o * (1 - o)
        dc = dc + dh * o * (1 - tanh_c * tanh_c) + ds_o * p_o
        ds_i, ds_f, ds_g = dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g)
        ds = np.concatenate([ds_i, ds_f, ds_g, ds_o], axis=-1)
        return ds, ds, 0, dc * f + ds_i * p_i + ds_f * p_f, ds_i * c, ds_f * c, ds_o * c_next


class MinGRU(Cell):
    """A GRU whose gate and candidate do not look at the state, so that the step is linear in it.

    z = σ(a_z),   h' = (1 − z) ⊙ h + z ⊙ a_c;   here z writes, as in the paper

    References
    ----------
    Feng et al., "Were RNNs all we needed?", arXiv 2410.01201 (2024).
    """

    gates, write = ("z", "c"), "z"

    def maps(self, D, H):
        return {"ih": (2 * H, D)}

    def bound(self, D, H):
        return D**-0.5  # both maps are torch's Linear

    def step(self, a, states, weights):
        (h,), (a_z, c) = states, blocks(a, 2)
        z = sigmoid(a_z)
        return [h + z * (c - h)], (z, c, h)

    def step_backward(self, dstates, cache, weights):
        (dh,), (z, c, h) = dstates, cache
        return np.concatenate([dh * (c - h) * z * (1 - z), dh * z], axis=-1), [dh * (1 - z)], []


class SCRN(Cell):
    """The structurally constrained cell: beside a fast state h, a context s that may only change slowly.

    s' = (1 − α) B x + α s,   h' = σ(P s' + A x + R h), and both are shown

    weight_ih is [A; B], weight_sh is P, weight_hh is R.

    Parameters
    ----------
    context_size : int
    alpha : float
        How much of the context stays in each step, 0 ≤ α < 1.

    Raises
    ------
    ValueError
        If alpha is outside its range.

    References
    ----------
    Mikolov et al., "Learning longer memory in recurrent neural networks", arXiv 1412.7753 (2014).
    """

    states = shown = ("h", "s")

    def __init__(self, context_size, alpha=0.95):
        check_alpha(alpha)
        self.context_size, self.alpha = context_size, alpha

    def sizes(self, H):
        return H, self.context_size

    def maps(self, D, H):
        return {"ih": (H + self.context_size, D), "sh": (H, self.context_size), "hh": (H, H)}

    def step(self, a, states, weights):
        h, s = states
        H = h.shape[-1]
        s_next = (1 - self.alpha) * a[:, H:] + self.alpha * s
        h_next = sigmoid(linear(s_next, weights, "sh") + a[:, :H] + linear(h, weights, "hh"))
        return [h_next, s_next], (h, h_next, s_next)

    def step_backward(self, dstates, cache, weights):
        (dh, ds), (h, h_next, s_next) = dstates, cache
        d = dh * h_next * (1 - h_next)
        ds = ds + d @ weights["weight_sh"]
        da = np.concatenate([d, (1 - self.alpha) * ds], axis=-1)
        return da, [d @ weights["weight_hh"], self.alpha * ds], [("sh", d, s_next), ("hh", d, h)]


class Jordan(Cell):
    """The Jordan cell: what comes back is the output, and nothing else.

    h = tanh(a + W_oh f(o) + b_oh),   o' = W_ho h + b_ho

    Its states are o, which is shown, and f(o), which the next step is fed.

    Parameters
    ----------
    output_size : int
    feedback : "output", "probabilities" or "label"
        What f is: the output itself, its softmax, or the one-hot vector of its largest entry.

    Raises
    ------
    ValueError
        If the feedback is unknown.

    References
    ----------
    Jordan, "Attractor dynamics and parallelism in a connectionist sequential machine", CogSci 1986;
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), figure 10.4.
    """

    states, shown = ("o", "fed"), ("o",)

    def __init__(self, output_size, feedback="output"):
        if feedback not in FEEDBACKS:
            raise ValueError(f"feedback is {feedback!r}, expected one of {', '.join(FEEDBACKS)}")
        self.output_size, self.feedback = output_size, feedback

    def sizes(self, H):
        return self.output_size, self.output_size

    def maps(self, D, H):
        return {"ih": (H, D), "oh": (H, self.output_size), "ho": (self.output_size, H)}

    def step(self, a, states, weights):
        _, fed = states
        h = np.tanh(a + linear(fed, weights, "oh"))
        o = linear(h, weights, "ho")
        feed, _ = FEEDBACKS[self.feedback]
        return [o, feed(o)], (h, o, fed)

    def step_backward(self, dstates, cache, weights):
        (do, dfed), (h, o, fed) = dstates, cache
        _, feed_backward = FEEDBACKS[self.feedback]
        do = do + feed_backward(dfed, o)
        da = do @ weights["weight_ho"] * (1 - h * h)
        return da, [np.zeros_like(o), da @ weights["weight_oh"]], [("oh", da, fed), ("ho", do, h)]


def softmax(x, axis=-1):
    """Turn scores into probabilities: exp(x_k) / Σ_j exp(x_j), shifted by the largest score so as not to overflow.

    Examples
    --------
    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _softmax_backward(df, o):
    p = softmax(o)
    return p * (df - (p * df).sum(axis=-1, keepdims=True))


# name: (what f(o) of the output comes back, df -> do); a hard label is flat wherever it does not jump
FEEDBACKS = {
    "output": (lambda o: o, lambda df, o: df),
    "probabilities": (softmax, _softmax_backward),
    "label": (lambda o: np.eye(o.shape[-1], dtype=o.dtype)[o.argmax(axis=-1)], lambda df, o: np.zeros_like(o)),
}


class DeepTransition(Cell):
    """A simple cell with several layers between one state and the next: deep in each step, not only over steps.

    z_1 = tanh(a + u),   z_k = tanh(W_k z_{k−1} + b_k),   h' = z_depth

    Parameters
    ----------
    depth : int
        With 1 it is the simple cell.

    Raises
    ------
    ValueError
        If the depth is not a positive whole number.

    References
    ----------
    Pascanu, Gulcehre, Cho and Bengio, "How to construct deep recurrent neural networks", ICLR 2014, figure 2b.
    """

    def __init__(self, depth=2):
        check_count("depth", depth, 1)
        self.depth = depth

    def maps(self, D, H):
        return {"ih": (H, D), "hh": (H, H)} | {f"deep{k}": (H, H) for k in range(2, self.depth + 1)}

    def step(self, a, states, weights):
        z = [np.tanh(a + linear(states[0], weights, "hh"))]
        for k in range(2, self.depth + 1):
            z.append(np.tanh(linear(z[-1], weights, f"deep{k}")))
        return [z[-1]], (states[0], z)

    def step_backward(self, dstates, cache, weights):
        (dz,), (h, z), products = dstates, cache, []
        for k in range(self.depth, 1, -1):
            d = dz * (1 - z[k - 1] * z[k - 1])
            products.append((f"deep{k}", d, z[k - 2]))
            dz = d @ weights[f"weight_deep{k}"]
        da = dz * (1 - z[0] * z[0])
        return da, [da @ weights["weight_hh"]], [("hh", da, h), *products]


class Skip(Cell):
    """A simple cell with a second line back, from the state `distance` steps ago: gradients take the shorter way.

    h_t = tanh(a + W_hh h_{t−1} + b_hh + W_skip h_{t−distance} + b_skip)

    Its states are the last `distance` h.

    Parameters
    ----------
    distance : int
        At least 2.

    Raises
    ------
    ValueError
        If the distance is under 2.

    References
    ----------
    Lin, Horne, Tiño and Giles, "Learning long-term dependencies in NARX recurrent neural networks", IEEE Transactions
    on Neural Networks 7 (1996).
    """

    def __init__(self, distance=2):
        check_count("distance", distance, 2)
        self.distance = distance
        self.states = ("h", *(f"h_{k}_ago" for k in range(1, distance)))

    def maps(self, D, H):
        return {"ih": (H, D), "hh": (H, H), "skip": (H, H)}

    def step(self, a, states, weights):
        h_next = np.tanh(a + linear(states[0], weights, "hh") + linear(states[-1], weights, "skip"))
        return [h_next, *states[:-1]], (h_next, states[0], states[-1])

    def step_backward(self, dstates, cache, weights):
        (dh, *dpast), (h_next, h, far) = dstates, cache
        da = dh * (1 - h_next * h_next)
        before = [*dpast, 0]
        before[0] = before[0] + da @ weights["weight_hh"]
        before[-1] = before[-1] + da @ weights["weight_skip"]
        return da, before, [("hh", da, h), ("skip", da, far)]


#: The cells that go by a name: what `Encoder(cell="GRU")` means.
CELLS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}


def cell_of(cell):
    """Return the cell of this name, or the cell itself.

    Raises
    ------
    ValueError, TypeError
        If the name is unknown, or the cell is none.
    """
    if isinstance(cell, str):
        check_choice("cell", cell, CELLS)
        return CELLS[cell]()
    check_cell(cell, Cell, "course_rnn.numpy")
    return cell
