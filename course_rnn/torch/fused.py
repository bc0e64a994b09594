"""One layer as one node of the autograd graph: all that does not have to wait for the step before.

Forward, W_ih x_t + b is one product for all steps; then a time loop makes the states. Backward, a time loop turns the
gradients of the outputs into `d`, the gradients of the pre-activations; then

    dx = d W_ih,   dW_ih = dᵀ x,   dW_hh = dᵀ h_before,   db = Σ d

are again one product each. How that is done depends on where: cpu.py does it for torch.nn's cells on a CPU, kernels for
any pointwise cell on a GPU. Such an engine has

    forward(cell, lengths, x, state, weights) -> y, state, saved
        y (T, B, directions, H), the last states, and the tensors that backward needs beside these;
    backward(cell, lengths, x, state, weights, y, saved, dy, dstate, with_dx) -> dx, dstate, dweights
        with the gradients of the weights, as the weights, one dict a direction.

With lengths, the rows of the batch come longest first.
"""

import torch
from torch._C._functorch import is_batchedtensor, is_legacy_batchedtensor

from course_rnn.torch import loop


def layer(engine):
    """Return the twin of `loop.layer` whose time loops run in `engine`."""

    def fused_layer(cell, x, state, weights, lengths=None):
        flat = [weight for of_direction in weights for weight in of_direction.values()]
        state = [s.contiguous() for s in state]
        y, *state = Layer.apply(engine, cell, tuple(weights[0]), lengths, x.contiguous(), *state, *flat)
        return y, tuple(state)

    return fused_layer


class Layer(torch.autograd.Function):
    """``apply(engine, cell, names of the weights, lengths, x, *state, *weights) -> y, *state``, as `loop.layer`."""

    @staticmethod
    def forward(ctx, engine, cell, names, lengths, *inputs):
        x, state, weights = _parts(cell, names, inputs)
        y, last, saved = engine.forward(cell, lengths, x, state, weights)
        ctx.engine, ctx.cell, ctx.names, ctx.count = engine, cell, names, len(inputs)
        ctx.save_for_backward(lengths, *inputs, y, *saved)
        return y.flatten(2), *last

    @staticmethod
    def backward(ctx, dy, *dstate):
        lengths, *tensors = ctx.saved_tensors
        inputs, (y, *saved) = tensors[: ctx.count], tensors[ctx.count :]
        if torch.is_grad_enabled() or _batched(dy, *dstate):  # create_graph=True or is_grads_batched=True
            found = through_the_loop(ctx.cell, ctx.names, lengths, inputs, (dy, *dstate), ctx.needs_input_grad[4:])
            return None, None, None, None, *found
        dx, dstate, dweights = ctx.engine.backward(
            ctx.cell, lengths, *_parts(ctx.cell, ctx.names, inputs), y, saved, dy.reshape(y.shape), dstate,
            ctx.needs_input_grad[4],
        )  # fmt: skip
        flat = [of_direction[name] for of_direction in dweights for name in ctx.names]
        return None, None, None, None, dx, *dstate, *flat


def _batched(*grads):
    """Whether many gradients came as one, which vmap can send through operations that are not in place only."""
    return any(g is not None and (is_legacy_batchedtensor(g) or is_batchedtensor(g)) for g in grads)


def through_the_loop(cell, names, lengths, inputs, grads, wanted):
    """Gradients of `inputs` that have gradients themselves, or many at once: run the plain loop under autograd."""
    with torch.enable_grad():
        inputs = [i.view_as(i) for i in inputs]  # apart, even if one made another
        x, state, weights = _parts(cell, names, inputs)
        y, state = loop.layer(cell, x, state, weights, lengths)
        wanted = [i for i, needed in enumerate(wanted) if needed]
        found = torch.autograd.grad(
            (y, *state), [inputs[i] for i in wanted], grads, create_graph=True, allow_unused=True
        )
    found = dict(zip(wanted, found, strict=True))
    return [found.get(i) for i in range(len(inputs))]


def _parts(cell, names, inputs):
    """Take x, the states and a dict of weights for each direction out of a flat list."""
    x, inputs, S, n = inputs[0], inputs[1:], len(cell.states), len(names)
    state, weights = tuple(inputs[:S]), inputs[S:]
    return x, state, [dict(zip(names, weights[k : k + n], strict=True)) for k in range(0, len(weights), n)]
