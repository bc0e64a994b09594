"""The fused layer as one operator of torch, for what looks at operators rather than at numbers.

`torch.ops.course_rnn.layer` stands as one node in a graph that is compiled, exported, traced or counted, and has rules
for shapes, gradients, vmap and floating-point operations. What runs inside is fused.py. An operator cannot have an
output that is missing, so an empty tensor stands for it.
"""

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from course_rnn.torch import cpu, fused, loop
from course_rnn.torch.cells import MODES


def layer(cell, x, state, weights, lengths=None):
    """The twin of `loop.layer` that is one operator."""
    h_0, c_0, *_ = *(s.contiguous() for s in state), None
    flat = [of_direction[name] for of_direction in weights for name in loop.NAMES if name in of_direction]
    y, h_n, c_n, _, _ = operator(cell.mode, lengths, x.contiguous(), h_0, c_0, flat)
    return y, (h_n,) if c_0 is None else (h_n, c_n)


@torch.library.custom_op("course_rnn::layer", mutates_args=())
def operator(
    cell: str, lengths: Tensor | None, x: Tensor, h_0: Tensor, c_0: Tensor | None, weights: list[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return y (T, B, directions·H), h_n, c_n, and what backward needs: gates and extra."""
    state = (h_0,) if c_0 is None else (h_0, c_0)
    y, last, saved = _engine(x).forward(MODES[cell], lengths, x, state, _of_directions(h_0, weights))
    h_n, c_n, gates, extra = *(*last, None)[:2], *(*saved, None)[:2]
    gates = None if gates is y else gates
    return y.flatten(2), h_n, *(x.new_empty(0) if t is None else t for t in (c_n, gates, extra))


@operator.register_fake
def _(cell, lengths, x, h_0, c_0, weights):
    (T, B, _), (directions, _, H) = x.shape, h_0.shape
    y = x.new_empty(T, B, directions * H)
    c_n = x.new_empty(0) if c_0 is None else torch.empty_like(c_0)
    in_place = x.device.type == "cpu" and cell.startswith("RNN")
    gates = x.new_empty(0) if in_place else x.new_empty(T, B, directions, len(weights[0]))
    kept = cell == "LSTM" or (x.device.type == "cpu" and cell == "GRU")
    extra = x.new_empty(T, B, directions, H) if kept else x.new_empty(0)
    return y, torch.empty_like(h_0), c_n, gates, extra


@torch.library.custom_op("course_rnn::layer_backward", mutates_args=())
def backward_operator(
    cell: str,
    lengths: Tensor | None,
    x: Tensor,
    h_0: Tensor,
    c_0: Tensor | None,
    weights: list[Tensor],
    y: Tensor,
    gates: Tensor,
    extra: Tensor,
    dy: Tensor,
    dh_n: Tensor,
    dc_n: Tensor,
) -> list[Tensor]:
    """Return the gradients of x, h_0, c_0 if there is one, and the weights."""
    y = y.view(*y.shape[:2], *h_0.shape[::2])
    saved = y if not gates.numel() else gates, extra if extra.numel() else None
    state, dstate = ((h_0,), (dh_n,)) if c_0 is None else ((h_0, c_0), (dh_n, dc_n))
    dx, dstate, dweights = _engine(x).backward(
        MODES[cell], lengths, x, state, _of_directions(h_0, weights), y, saved, dy.contiguous().view(y.shape), dstate
    )
    found, seen = [], set()
    for grad in (dx, *dstate, *(grad for of_direction in dweights for grad in of_direction.values())):
        found.append(grad.clone() if id(grad) in seen else grad)  # two biases may have one gradient
        seen.add(id(grad))
    return found


@backward_operator.register_fake
def _(cell, lengths, x, h_0, c_0, weights, *_):
    return [torch.empty_like(t) for t in (x, h_0, c_0, *weights) if t is not None]


def _setup(ctx, inputs, output):
    ctx.cell, lengths, x, h_0, c_0, weights = inputs
    y, _, _, gates, extra = output
    ctx.save_for_backward(lengths, x, h_0, c_0, y, gates, extra, *weights)


def _backward(ctx, dy, dh_n, dc_n, _gates, _extra):
    lengths, x, h_0, c_0, y, gates, extra, *weights = ctx.saved_tensors
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():  # it is itself to be differentiated
        inputs = [i for i in (x, h_0, c_0, *weights) if i is not None]
        grads = [d for d, s in zip((dy, dh_n, dc_n), (x, h_0, c_0), strict=True) if s is not None]
        wanted, names = [i.requires_grad for i in inputs], loop.NAMES[: len(weights) // len(h_0)]
        found = fused.through_the_loop(MODES[ctx.cell], names, lengths, inputs, grads, wanted)
    else:
        found = backward_operator(ctx.cell, lengths, x, h_0, c_0, weights, y, gates, extra, dy, dh_n, dc_n)
    dx, dh, *rest = found
    dc, dweights = (None, rest) if c_0 is None else (rest[0], rest[1:])
    return None, None, dx, dh, dc, dweights


operator.register_autograd(_backward, setup_context=_setup)


@operator.register_vmap
def _(info, dims, *arguments):
    return _one_by_one(operator, info, dims, arguments)


@backward_operator.register_vmap
def _(info, dims, *arguments):
    return _one_by_one(backward_operator, info, dims, arguments)


def _one_by_one(op, info, dims, arguments):
    """Call the operator for each of many, and stack what came out: sizes are alike, but weights may differ."""

    def pick(argument, dim, k):
        if isinstance(argument, (list, tuple)):
            return [pick(a, d, k) for a, d in zip(argument, dim, strict=True)]
        return argument if dim is None else argument.select(dim, k)

    results = [op(*(pick(a, d, k) for a, d in zip(arguments, dims, strict=True))) for k in range(info.batch_size)]
    stacked = [torch.stack(parts) for parts in zip(*results, strict=True)]
    return (stacked, [0] * len(stacked)) if op is backward_operator else (tuple(stacked), (0,) * len(stacked))


@register_flop_formula(torch.ops.course_rnn.layer)
def _flops(cell, lengths, x, h_0, c_0, weights, *_, out_shape=None, **__):
    """Two for each weight, step and sequence, as torch counts a product; padding is counted, too."""
    T, B, _ = x
    return sum(2 * T * B * shape[0] * shape[1] for shape in weights if len(shape) == 2)


@register_flop_formula(torch.ops.course_rnn.layer_backward)
def _backward_flops(cell, lengths, x, h_0, c_0, weights, *_, out_shape=None, **__):
    return 2 * _flops(cell, lengths, x, h_0, c_0, weights)


def _engine(x):
    """The module whose time loops run where x is."""
    if x.device.type == "cpu":
        return cpu
    from course_rnn.torch import kernels  # only here, as it needs Triton

    return kernels


def _of_directions(h_0, weights):
    """The weights by their names, a dict a direction."""
    count = len(weights) // len(h_0)
    names = loop.NAMES[:count]
    return [dict(zip(names, weights[i : i + count], strict=True)) for i in range(0, len(weights), count)]
