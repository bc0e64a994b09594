"""How every network of the experiments is trained: one rule, within a budget of CPU seconds."""

import copy
import math
from contextlib import contextmanager

import torch

WARM = 0.05  # of the budget: as long the rate rises


@contextmanager
def one_thread():
    """One thread, and numbers too small for full precision are zero; as before afterwards.

    A gradient that vanishes passes through such numbers, with which a processor is slow.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)


@one_thread()
def train(model, batch, loss, clock, *, lr, clip=1.0, validate=None, looks=8):
    """Train with Adam, a rate that falls along a cosine to zero as the budget is spent, and clipping by norm.

    Parameters
    ----------
    model : torch.nn.Module
    batch : function
        ``batch()`` gives the next inputs and target; the last one given is the target.
    loss : function
        ``loss(y, target) -> () Tensor``.
    clock : Clock
        What a look costs counts, too.
    lr, clip : float
    validate : function, optional
        ``validate(model) -> float``, lower is better; with it the weights of the best of several looks are kept.
    looks : int
        How many, evenly spaced over the budget; the last is at its end.

    Returns
    -------
    torch.nn.Module
        The model, ready to be used.
    """
    adam, best, kept, seen = torch.optim.Adam(model.parameters(), lr=lr), math.inf, None, 0
    for share in clock.ticks():
        if validate and int(share * looks) > seen:
            seen, (best, kept) = int(share * looks), _look(model, validate, best, kept)
        adam.param_groups[0]["lr"] = lr * min(1, share / WARM + 0.01) * (1 + math.cos(math.pi * share)) / 2
        *inputs, target = batch()
        model.train()
        adam.zero_grad()
        loss(model(*inputs), target).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        adam.step()
    if validate:
        _, kept = _look(model, validate, best, kept)
        model.load_state_dict(kept)
    return model.eval()


def _look(model, validate, best, kept):
    with torch.no_grad():
        value = validate(model.eval())
    return (value, copy.deepcopy(model.state_dict())) if value < best else (best, kept)
