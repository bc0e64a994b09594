"""One layer as one node of the autograd graph: all that does not have to wait for the step before.

Forward, W_ih x_t + b is one product for all steps; then a time loop turns these pre-activations into gates and outputs.
Backward, a time loop turns the gradients of the outputs into `d`, the gradients of the pre-activations; then

    dx = d W_ih,   dW_ih = dᵀ x,   dW_hh = dᵀ h_before,   db = Σ d

are again one product each. The two time loops need W_hh only. They are written twice, with the same names: in cpu.py
for a CPU and in kernels.py for a GPU. Such an engine has

    forward(cell, lengths, gates, extra, y, h_0, c_0, weights_hh, biases_hh) -> h_n, c_n
        fills gates, extra and y;
    backward(cell, lengths, gates, extra, y, h_0, c_0, dy, dh, dc, weights_hh) -> (direction, where, d, h_before), ...
        yields d for one part of the batch after the other, and turns dh and dc, the gradients of h_n and c_n, into
        those of h_0 and c_0, in place.

`gates` (T, B, directions, G·H) holds the pre-activations and then, in their place, the gates; the one gate of a simple
RNN is its output. `extra` (T, B, directions, H) holds the cell states of an LSTM, or q = W_hn h + b_hn of a GRU, whose
gradient comes before that of n in `d`: r, z, q, n. With lengths, the rows of the batch come longest first.
"""

import torch
from torch._C._functorch import is_batchedtensor, is_legacy_batchedtensor
from torch.nn.functional import linear

from course_rnn.torch import loop
from course_rnn.torch.cells import MODES

INPUT, HIDDEN = 0, 1  # W_ih and W_hh


def layer(engine):
    """Return the twin of `loop.layer` whose time loops run in `engine`."""

    def fused_layer(cell, x, state, weights, lengths=None):
        h_0, c_0, *_ = *(s.contiguous() for s in state), None
        flat = (of_direction.get(name) for of_direction in weights for name in loop.NAMES)
        y, h_n, c_n = Layer.apply(engine, cell.mode, lengths, x.contiguous(), h_0, c_0, *flat)
        return y, (h_n,) if c_n is None else (h_n, c_n)

    return fused_layer


def forward(engine, cell, lengths, x, h_0, c_0, *weights):
    """Return y, h_n and c_n, and what backward needs: gates and extra.

    `weights` are four tensors a direction; c_0 and c_n are None unless the cell is an LSTM.
    """
    (T, B, _), (directions, _, H) = x.shape, h_0.shape
    weights_ih, weights_hh, biases_ih, biases_hh = (weights[i::4] for i in range(4))
    bias = None
    if biases_ih[0] is not None:
        bias, early = torch.stack(biases_ih), slice(0, 2 * H if cell == "GRU" else None)
        bias[:, early] += torch.stack(biases_hh)[:, early]  # all but the GRU's b_hn, which is inside q
        bias = bias.flatten()
    gates = linear(x, torch.cat(weights_ih), bias).view(T, B, directions, len(weights_ih[0]))
    new = x.new_empty if lengths is None else x.new_zeros  # 0 where a sequence has no step
    y = gates if cell.startswith("RNN") else new(T, B, directions, H)
    if y is gates and lengths is not None:
        y[torch.arange(T, device=x.device)[:, None] >= lengths] = 0
    extra = new(T, B, directions, H) if cell in ("LSTM", "GRU") else None
    h_n, c_n = engine.forward(cell, lengths, gates, extra, y, h_0, c_0, weights_hh, biases_hh)
    return y, h_n, c_n, gates, extra


def backward(engine, cell, lengths, saved, grads, with_dx=True):
    """Return the gradients of x, h_0, c_0 and of each weight, from those of y, h_n and c_n."""
    x, h_0, c_0, gates, extra, y, *weights = saved
    dy, dh_n, dc_n = grads
    dx = torch.zeros_like(x) if with_dx else None
    dh, dc = dh_n.clone(), None if c_0 is None else dc_n.clone()
    dweights = [None if w is None else torch.zeros_like(w) for w in weights]
    for k, where, d, h_before in engine.backward(
        cell, lengths, gates, extra, y, h_0, c_0, dy.view(y.shape), dh, dc, weights[1::4]
    ):
        for side, rows, part, operand in _products(cell, d, x[where], h_before, gates[where][:, :, k]):
            dweight, dbias = dweights[4 * k + side], dweights[4 * k + 2 + side]
            dweight[rows].addmm_(part.flatten(0, 1).T, operand.flatten(0, 1))
            if dbias is not None and (side == INPUT or cell == "GRU"):
                dbias[rows] += part.sum((0, 1))
            if side == INPUT and dx is not None:
                dx[where] += part @ weights[4 * k][rows]
    if cell != "GRU":
        dweights[3::4] = dweights[2::4]  # the two biases are added to the same thing
    return dx, dh, dc, *dweights


class Layer(torch.autograd.Function):
    """``apply(engine, cell, lengths, x, h_0, c_0, *weights) -> y, h_n, c_n``, with shapes as in `loop.layer`."""

    @staticmethod
    def forward(ctx, engine, cell, lengths, x, h_0, c_0, *weights):
        y, h_n, c_n, gates, extra = forward(engine, cell, lengths, x, h_0, c_0, *weights)
        ctx.engine, ctx.cell = engine, cell
        ctx.save_for_backward(lengths, x, h_0, c_0, gates, extra, y, *weights)
        return y.flatten(2), h_n, c_n

    @staticmethod
    def backward(ctx, *grads):
        lengths, *saved = ctx.saved_tensors
        if torch.is_grad_enabled() or _batched(*grads):  # create_graph=True or is_grads_batched=True
            x, h_0, c_0, _, _, _, *weights = saved
            inputs, wanted = (x, h_0, c_0, *weights), ctx.needs_input_grad[3:]
            return None, None, None, *through_the_loop(ctx.cell, lengths, inputs, grads, wanted)
        return None, None, None, *backward(ctx.engine, ctx.cell, lengths, saved, grads, ctx.needs_input_grad[3])


def _batched(*grads):
    """Whether many gradients came as one, which vmap can send through operations that are not in place only."""
    return any(g is not None and (is_legacy_batchedtensor(g) or is_batchedtensor(g)) for g in grads)


def _products(cell, d, x, h_before, gates):
    """Yield each product of the forward pass: W_ih or W_hh, which of its rows, its gradient, what it multiplied."""
    H = h_before.shape[-1]
    all_rows, r_z, n = slice(None), slice(0, 2 * H), slice(2 * H, None)
    if cell == "GRU":
        yield INPUT, r_z, d[..., r_z], x
        yield INPUT, n, d[..., 3 * H :], x
        yield HIDDEN, all_rows, d[..., : 3 * H], h_before
    elif cell == "GRU_RESET_BEFORE":
        yield INPUT, all_rows, d, x
        yield HIDDEN, r_z, d[..., r_z], h_before
        yield HIDDEN, n, d[..., n], gates[..., :H] * h_before
    else:
        yield INPUT, all_rows, d, x
        yield HIDDEN, all_rows, d, h_before


def through_the_loop(cell, lengths, inputs, grads, wanted):
    """Gradients of `inputs` that have gradients themselves, or many at once: run the plain loop under autograd."""
    with torch.enable_grad():
        inputs = [None if i is None else i.view_as(i) for i in inputs]  # apart, even if one made another
        x, h_0, c_0, *weights = inputs
        state = (h_0,) if c_0 is None else (h_0, c_0)
        weights = [loop.named(weights[k : k + 4]) for k in range(0, len(weights), 4)]
        y, state = loop.layer(MODES[cell], x, state, weights, lengths)
        wanted = [i for i, needed in enumerate(wanted) if needed]
        found = torch.autograd.grad(
            (y, *state), [inputs[i] for i in wanted], grads[: 1 + len(state)], create_graph=True, allow_unused=True
        )
    found = dict(zip(wanted, found, strict=True))
    return [found.get(i) for i in range(len(inputs))]
