"""Linear recurrences: the scan that runs them in parallel, and two layers built on it."""

import math

import torch
from torch.nn.functional import linear

from course_rnn.torch._check import check_dtype_and_device, check_lengths
from course_rnn.torch.nn import state_parts


def linear_scan(a, b, h0=None, parallel=False):
    """Run the recurrence h_t = a_t ⊙ h_{t−1} + b_t over the first axis.

    One step is the map h ↦ a h + b, and two steps in a row are such a map again: (a₂ a₁, a₂ b₁ + b₂). The maps may be
    composed in any grouping, so the parallel form (Hillis and Steele) lets every step absorb the one 1, then 2, 4, …
    before it: ⌈log₂ T⌉ passes over the whole sequence instead of T small steps, which is what a GPU wants.

    Parameters
    ----------
    a, b : (T, ...) Tensor of one shape and dtype
    h0 : (...) Tensor, optional
        The state before the first step, 0 by default.
    parallel : bool

    Returns
    -------
    (T, ...) Tensor
        h_1 to h_T.

    Raises
    ------
    ValueError
        If shapes differ or T = 0.
    TypeError
        If dtypes differ.

    References
    ----------
    Hillis and Steele, "Data parallel algorithms", Communications of the ACM 29 (1986).

    Examples
    --------
    >>> linear_scan(torch.tensor([2.0, 2.0, 2.0]), torch.tensor([1.0, 1.0, 1.0]), parallel=True)
    tensor([1., 3., 7.])
    """
    if a.shape != b.shape or len(a) == 0:
        raise ValueError(
            f"a has shape {tuple(a.shape)} and b {tuple(b.shape)}, expected the same with at least one step"
        )
    if h0 is not None and h0.shape != a.shape[1:]:
        raise ValueError(f"h0 has shape {tuple(h0.shape)}, expected {tuple(a.shape[1:])}")
    if a.dtype != b.dtype or (h0 is not None and h0.dtype != a.dtype):
        raise TypeError("a, b and h0 have different dtypes")
    if h0 is not None:
        b = torch.cat([(b[0] + a[0] * h0)[None], b[1:]])
    return _Scan.apply(a, b, parallel)


class _Scan(torch.autograd.Function):
    """The recurrence from zero; its gradient is a linear recurrence again, from the last step to the first.

    db_t = dh_t + a_{t+1} ⊙ db_{t+1},   da_t = db_t ⊙ h_{t−1}

    Left to itself, autograd would keep what every pass of the parallel form has made.
    """

    @staticmethod
    def forward(ctx, a, b, parallel):
        h = b.clone()
        if parallel:
            product, reach = a.clone(), 1  # (product[t], h[t]) is the composition of the last `reach` maps up to t
            while reach < len(h):
                h[reach:] += product[reach:] * h[:-reach]
                product[reach:] = product[reach:] * product[:-reach]
                reach *= 2
        else:
            for t in range(1, len(h)):
                h[t] += a[t] * h[t - 1]
        ctx.save_for_backward(a, h)
        ctx.parallel = parallel
        return h

    @staticmethod
    def backward(ctx, dh):
        a, h = ctx.saved_tensors
        a_next = torch.cat([a[1:], torch.zeros_like(a[:1])])  # nothing comes after the last step
        db = _Scan.apply(a_next.flip(0), dh.flip(0), ctx.parallel).flip(0)
        return torch.cat([torch.zeros_like(db[:1]), db[1:] * h[:-1]]), db, None


class MinGRU(torch.nn.Module):
    """A GRU whose gate and candidate do not look at the state, so that the whole sequence is one linear scan.

    z_t = σ(W_z x_t + b_z),   h̃_t = W_h x_t + b_h,   h_t = (1 − z_t) ⊙ h_{t−1} + z_t ⊙ h̃_t

    Here z writes, as in the paper; in torch's GRU z keeps.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
    parallel : bool
        Which form of `linear_scan` runs it; the result is the same.
    device, dtype
        As in torch.nn.

    References
    ----------
    Feng et al., "Were RNNs all we needed?", arXiv 2410.01201 (2024).

    Examples
    --------
    >>> y, h_n = MinGRU(3, 4)(torch.ones(5, 2, 3))
    >>> y.shape, h_n.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    bidirectional = False

    def __init__(self, input_size, hidden_size, bias=True, parallel=False, *, device=None, dtype=None):
        super().__init__()
        self.linear_z = torch.nn.Linear(input_size, hidden_size, bias, device, dtype)
        self.linear_h = torch.nn.Linear(input_size, hidden_size, bias, device, dtype)
        self.parallel = parallel

    def forward(self, x, state=None, lengths=None):
        """Map x (T, B, D) to y (T, B, H) and h_n (1, B, H); the arguments mean what they mean for a GRU."""
        weight = self.linear_z.weight
        x, real, (h0,) = _enter(x, state, lengths, weight, sizes=[len(weight)])
        # autocast lowers the products only: the scan adds over many steps, in x's own dtype
        z, candidate = torch.sigmoid(self.linear_z(x)).to(x.dtype), self.linear_h(x).to(x.dtype)
        z = z * real  # padding writes nothing, so the last row is the state at the true end
        h = linear_scan(1 - z, z * candidate, h0, self.parallel)
        return h * real, h[-1:]


class SCRN(torch.nn.Module):
    """The structurally constrained network: beside a fast state h, a context s that may only change slowly.

    s_t = (1 − α) B x_t + α s_{t−1},   h_t = σ(P s_t + A x_t + R h_{t−1}),   y_t = [h_t, s_t]

    The Jacobian ∂s_T/∂s_t = α^(T−t) is fixed, so the context neither vanishes at once nor explodes. With the head
    ``Linear(hidden_size + context_size, V)``, whose weight is [U, V], y becomes the paper's softmax(U h_t + V s_t).

    Parameters
    ----------
    input_size, hidden_size, context_size : int
    alpha : float
        How much of the context stays in each step, 0 ≤ α < 1.
    device, dtype
        As in torch.nn. Initial values are uniform in ±1/√hidden_size.

    Raises
    ------
    ValueError
        If alpha is outside its range.

    References
    ----------
    Mikolov et al., "Learning longer memory in recurrent neural networks", arXiv 1412.7753 (2014).

    Examples
    --------
    >>> y, (h_n, s_n) = SCRN(3, 4, 2)(torch.ones(5, 1, 3))
    >>> y.shape, h_n.shape, s_n.shape
    (torch.Size([5, 1, 6]), torch.Size([1, 1, 4]), torch.Size([1, 1, 2]))
    """

    bidirectional = False

    def __init__(self, input_size, hidden_size, context_size, alpha=0.95, *, device=None, dtype=None):
        super().__init__()
        if not 0 <= alpha < 1:
            raise ValueError(f"alpha is {alpha}, expected 0 ≤ alpha < 1")
        D, H, S, bound = input_size, hidden_size, context_size, 1 / math.sqrt(hidden_size)
        for name, shape in {"A": (H, D), "B": (S, D), "P": (H, S), "R": (H, H)}.items():
            values = torch.empty(shape, device=device, dtype=dtype).uniform_(-bound, bound)
            self.register_parameter(name, torch.nn.Parameter(values))
        self.alpha = alpha

    def forward(self, x, state=None, lengths=None):
        """Map x (T, B, D) to y (T, B, H + S) and the state (h_n, s_n), of shapes (1, B, H) and (1, B, S)."""
        x, real, (h, s0) = _enter(x, state, lengths, self.A, sizes=[len(self.A), len(self.B)])
        alpha = x.new_full((*x.shape[:2], len(self.B)), self.alpha).masked_fill(~real, 1)  # padding changes neither
        s = linear_scan(alpha, (1 - alpha) * linear(x, self.B), s0)
        a = linear(s, self.P) + linear(x, self.A)  # (T, B, H)
        hs = []
        for a_t, real_t in zip(a, real, strict=True):
            h = torch.where(real_t, torch.sigmoid(a_t + linear(h, self.R)), h)
            hs.append(h)
        return torch.cat([torch.stack(hs), s], dim=-1) * real, (h[None], s[-1:])


def _enter(x, state, lengths, weight, sizes):
    """Refuse what does not fit; return x with padding set to 0, the mask (T, B, 1) of real steps, the state's parts."""
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(f"x has shape {tuple(x.shape)}, expected (T, B, {weight.shape[1]}) with none of them 0")
    if x.shape[-1] != weight.shape[1]:
        raise ValueError(f"x has {x.shape[-1]} features, this layer expects {weight.shape[1]}")
    check_dtype_and_device("x", x, weight, "this layer")
    T, B, _ = x.shape
    lengths = torch.full((B,), T) if lengths is None else torch.as_tensor(lengths)
    check_lengths(lengths, T, B)
    parts = [x.new_zeros(1, B, size) for size in sizes] if state is None else state_parts(state)
    if [part.shape for part in parts] != [(1, B, size) for size in sizes]:
        expected = " and ".join(f"(1, {B}, {size})" for size in sizes)
        shapes = " and ".join(str(tuple(part.shape)) for part in parts)
        raise ValueError(f"the state has shape {shapes}, expected {expected}")
    for part in parts:
        check_dtype_and_device("the state", part, x, "x")
    real = (torch.arange(T, device=x.device)[:, None] < lengths.to(x.device))[..., None]
    return x.masked_fill(~real, 0), real, [part[0] for part in parts]
