"""The scan that runs a linear recurrence in parallel, and its gradient."""

import torch


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
