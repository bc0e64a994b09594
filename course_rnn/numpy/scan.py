"""Linear recurrences: the scan that runs them in parallel, and two layers built on it."""

import math

import numpy as np

from course_rnn.numpy.cells import sigmoid
from course_rnn.numpy.nn import Linear, Module, check_input, state_parts


def linear_scan(a, b, h0=None, parallel=False):
    """Run the recurrence h_t = a_t ⊙ h_{t−1} + b_t over the first axis.

    One step is the map h ↦ a h + b, and two steps in a row are such a map again:
    (a₂, b₂) after (a₁, b₁) is (a₂ a₁, a₂ b₁ + b₂).  Composition is associative, so the T maps may be composed in any
    grouping. The parallel form (Hillis and Steele) lets every step absorb the one 1, then 2, 4, … before it:
    depth ⌈log₂ T⌉ instead of T, for about T log₂ T compositions instead of T.

    Parameters
    ----------
    a, b : (T, ...) ndarray of one shape and dtype
    h0 : (...) ndarray, optional
        The state before the first step, 0 by default.
    parallel : bool

    Returns
    -------
    (T, ...) ndarray
        h_1 to h_T.

    Raises
    ------
    ValueError
        If shapes differ or T = 0.
    TypeError
        If dtypes differ.

    References
    ----------
    Hillis and Steele, "Data parallel algorithms", Communications of the ACM 29 (1986); Blelloch, "Prefix sums and
    their applications" (1990), who needs 2 T compositions at twice the depth.

    Examples
    --------
    >>> linear_scan(np.array([2.0, 2.0, 2.0]), np.array([1.0, 1.0, 1.0]), parallel=True)
    array([1., 3., 7.])
    """
    if a.shape != b.shape or len(a) == 0:
        raise ValueError(f"a has shape {a.shape} and b {b.shape}, expected the same with at least one step")
    if h0 is not None and h0.shape != a.shape[1:]:
        raise ValueError(f"h0 has shape {h0.shape}, expected {a.shape[1:]}")
    if a.dtype != b.dtype or (h0 is not None and h0.dtype != a.dtype):
        raise TypeError("a, b and h0 have different dtypes")
    h = b.copy()
    if h0 is not None:
        h[0] += a[0] * h0
    if not parallel:
        for t in range(1, len(h)):
            h[t] += a[t] * h[t - 1]
        return h
    a, reach = a.copy(), 1  # (a[t], h[t]) is the composition of the last `reach` maps up to t
    while reach < len(h):
        h[reach:] += a[reach:] * h[:-reach]
        a[reach:] *= a[:-reach]
        reach *= 2
    return h


def linear_scan_backward(dh, a, h, h0=None, parallel=False):
    """Carry gradients back through `linear_scan`: again a linear recurrence, from the last step to the first.

    db_t = dh_t + a_{t+1} ⊙ db_{t+1},   da_t = db_t ⊙ h_{t−1},   dh_0 = a_1 ⊙ db_1

    Parameters
    ----------
    dh : (T, ...) ndarray
        ∂L/∂h_t without the part that comes through later steps.
    a, h, h0, parallel
        What `linear_scan` was given, and what it returned.

    Returns
    -------
    da, db : (T, ...) ndarray
    dh0 : (...) ndarray

    Examples
    --------
    >>> a, b = np.full(3, 2.0), np.ones(3)
    >>> da, db, dh0 = linear_scan_backward(np.array([0.0, 0.0, 1.0]), a, linear_scan(a, b))
    >>> da, db
    (array([0., 2., 3.]), array([4., 2., 1.]))
    """
    h0 = np.zeros_like(h[0]) if h0 is None else h0
    a_next = np.concatenate([a[1:], np.zeros_like(a[:1])])  # nothing comes after the last step
    db = linear_scan(a_next[::-1], dh[::-1], parallel=parallel)[::-1]
    da = db * np.concatenate([h0[None], h[:-1]])
    return da, db, a[0] * db[0]


class MinGRU(Module):
    """A GRU whose gate and candidate do not look at the state, so that the whole sequence is one linear scan.

    z_t = σ(W_z x_t + b_z),   h̃_t = W_h x_t + b_h,   h_t = (1 − z_t) ⊙ h_{t−1} + z_t ⊙ h̃_t

    Here z writes, as in the paper; in torch's GRU z keeps.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
    parallel : bool
        Which form of `linear_scan` runs it; the result is the same.
    rng : numpy.random.Generator, optional
    dtype : numpy dtype

    References
    ----------
    Feng et al., "Were RNNs all we needed?", arXiv 2410.01201 (2024).

    Examples
    --------
    >>> layer = MinGRU(3, 4)
    >>> y, h_n = layer.forward(np.ones((5, 2, 3)))
    >>> y.shape, h_n.shape, list(layer.params)[0]
    ((5, 2, 4), (1, 2, 4), 'linear_z.weight')
    """

    bidirectional = False

    def __init__(self, input_size, hidden_size, bias=True, parallel=False, *, rng=None, dtype=np.float64):
        rng = np.random.default_rng() if rng is None else rng
        self.linear_z = Linear(input_size, hidden_size, bias, rng=rng, dtype=dtype)
        self.linear_h = Linear(input_size, hidden_size, bias, rng=rng, dtype=dtype)
        self.parallel = parallel

    def forward(self, x, state=None, lengths=None):
        """Map x (T, B, D) to y (T, B, H) and h_n (1, B, H); the arguments mean what they mean for a GRU."""
        weight = self.linear_z.params["weight"]
        x, self.real, (self.h0,) = _enter(x, state, lengths, weight, sizes=[len(weight)])
        self.gate, self.candidate = sigmoid(self.linear_z.forward(x)), self.linear_h.forward(x)
        z = self.gate * self.real  # padding writes nothing, so the last row is the state at the true end
        self.a = 1 - z
        self.h = linear_scan(self.a, z * self.candidate, self.h0, self.parallel)
        return self.h * self.real, self.h[-1:]

    def backward(self, dy, dstate=None):
        """Map dy (T, B, H) and dh_n (1, B, H), either of them None for 0, to dx and dh_0, and fill `grads`."""
        dh = np.zeros_like(self.h) if dy is None else dy * self.real
        if dstate is not None:
            dh[-1] += dstate[0]
        da, db, dh0 = linear_scan_backward(dh, self.a, self.h, self.h0, self.parallel)
        dgate = (db * self.candidate - da) * self.real
        dcandidate = db * (1 - self.a)
        dx = self.linear_z.backward(dgate * self.gate * (1 - self.gate)) + self.linear_h.backward(dcandidate)
        return dx, dh0[None]


class SCRN(Module):
    """The structurally constrained network: beside a fast state h, a context s that may only change slowly.

    s_t = (1 − α) B x_t + α s_{t−1},   h_t = σ(P s_t + A x_t + R h_{t−1})

    The Jacobian ∂s_T/∂s_t = α^(T−t) is fixed, so the context neither vanishes at once nor explodes; the price is that
    what it remembers cannot be chosen. The output is y_t = [h_t, s_t]; with the head ``Linear(hidden_size +
    context_size, V)``, whose weight is [U, V], it becomes the paper's softmax(U h_t + V s_t).

    Parameters
    ----------
    input_size, hidden_size, context_size : int
    alpha : float
        How much of the context stays in each step, 0 ≤ α < 1.
    rng : numpy.random.Generator, optional
        Initial values are uniform in ±1/√hidden_size.
    dtype : numpy dtype

    Raises
    ------
    ValueError
        If alpha is outside its range.

    References
    ----------
    Mikolov et al., "Learning longer memory in recurrent neural networks", arXiv 1412.7753 (2014).

    Examples
    --------
    >>> layer = SCRN(3, 4, 2)
    >>> y, (h_n, s_n) = layer.forward(np.ones((5, 1, 3)))
    >>> y.shape, h_n.shape, s_n.shape, list(layer.params)
    ((5, 1, 6), (1, 1, 4), (1, 1, 2), ['A', 'B', 'P', 'R'])
    """

    bidirectional = False

    def __init__(self, input_size, hidden_size, context_size, alpha=0.95, *, rng=None, dtype=np.float64):
        if not 0 <= alpha < 1:
            raise ValueError(f"alpha is {alpha}, expected 0 ≤ alpha < 1")
        rng = np.random.default_rng() if rng is None else rng
        D, H, S, bound = input_size, hidden_size, context_size, 1 / math.sqrt(hidden_size)
        shapes = {"A": (H, D), "B": (S, D), "P": (H, S), "R": (H, H)}
        self.params = {name: rng.uniform(-bound, bound, shape).astype(dtype) for name, shape in shapes.items()}
        self.grads, self.alpha = {}, alpha

    def forward(self, x, state=None, lengths=None):
        """Map x (T, B, D) to y (T, B, H + S) and the state (h_n, s_n), of shapes (1, B, H) and (1, B, S)."""
        A, B, P, R = self.params.values()
        x, real, (h0, s0) = _enter(x, state, lengths, A, sizes=[len(A), len(B)])
        alpha = np.where(real, self.alpha, 1).astype(x.dtype)  # padding changes neither s nor h
        alpha = np.broadcast_to(alpha, (*x.shape[:2], len(B)))
        s = linear_scan(alpha, (1 - alpha) * (x @ B.T), s0)
        a = s @ P.T + x @ A.T  # (T, B, H)
        h = np.concatenate([h0[None], np.empty_like(a)])
        for t in range(len(x)):
            h[t + 1] = np.where(real[t], sigmoid(a[t] + h[t] @ R.T), h[t])
        self.cache = x, real, alpha, h, s, s0
        return np.concatenate([h[1:], s], axis=-1) * real, (h[-1:], s[-1:])

    def backward(self, dy, dstate=None):
        """Map dy and the gradients of the final state, either of them None for 0, to dx and (dh_0, ds_0)."""
        A, B, P, R = self.params.values()
        x, real, alpha, h, s, s0 = self.cache
        H = len(A)
        dy = np.zeros((*x.shape[:2], H + len(B)), x.dtype) if dy is None else dy * real
        dh, ds = dy[..., :H], dy[..., H:]
        dh_next, ds_n = (0, 0) if dstate is None else (d[0] for d in dstate)
        da = np.empty_like(dh)
        for t in reversed(range(len(x))):
            dh_t = dh[t] + dh_next
            da[t] = dh_t * real[t] * h[t + 1] * (1 - h[t + 1])
            dh_next = da[t] @ R + dh_t * ~real[t]
        ds = ds + da @ P
        ds[-1] += ds_n
        _, db, ds0 = linear_scan_backward(ds, alpha, s, s0)
        db = db * (1 - alpha)
        self.grads = {"A": _outer(da, x), "B": _outer(db, x), "P": _outer(da, s), "R": _outer(da, h[:-1])}
        return da @ A + db @ B, (dh_next[None], ds0[None])


def _outer(dy, x):
    """Gradient of W in y = x Wᵀ: Σ dyᵀ x over time and batch."""
    return dy.reshape(-1, dy.shape[-1]).T @ x.reshape(-1, x.shape[-1])


def _enter(x, state, lengths, weight, sizes):
    """Refuse what does not fit; return x with padding set to 0, the mask (T, B, 1) of real steps, the state's parts."""
    if x.ndim != 3 or x.size == 0:
        raise ValueError(f"x has shape {x.shape}, expected (T, B, {weight.shape[1]}) with none of them 0")
    check_input(x, weight)
    T, B, _ = x.shape
    lengths = np.full(B, T) if lengths is None else lengths
    if lengths.shape != (B,) or lengths.min() < 1 or lengths.max() > T:
        raise ValueError(f"lengths are {lengths}, expected {B} numbers from 1 to {T}")
    parts = [np.zeros((1, B, size), x.dtype) for size in sizes] if state is None else state_parts(state)
    if [part.shape for part in parts] != [(1, B, size) for size in sizes]:
        expected = " and ".join(f"(1, {B}, {size})" for size in sizes)
        raise ValueError(f"the state has shape {' and '.join(str(part.shape) for part in parts)}, expected {expected}")
    for part in parts:
        if part.dtype != weight.dtype:
            raise TypeError(f"the state is {part.dtype}, this layer is {weight.dtype}")
        if np.isnan(part).any():
            raise ValueError("the state holds NaN")
    real = (np.arange(T)[:, None] < lengths)[..., None]
    return np.where(real, x, 0), real, [part[0] for part in parts]
