"""What a training run leaves behind, and how one long sequence is cut for it."""

from dataclasses import dataclass, field


@dataclass
class History:
    """What `fit` saw at each step: the loss before the update, and the gradient's norm before clipping."""

    loss: list[float] = field(default_factory=list)
    grad_norm: list[float] = field(default_factory=list)


def chunks(model, x, target, chunk):
    """Yield x, lengths, state and target of one chunk after the other; the state is what the model was left with.

    Raises
    ------
    ValueError
        If `chunk` is under 1, or `target` has not the length of x.
    """
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}, expected at least 1")
    if len(x) != len(target):
        raise ValueError(f"x has {len(x)} steps, target has {len(target)}")

    def cut():
        state = None
        for start in range(0, len(x), chunk):
            part = slice(start, start + chunk)
            yield x[part], None, state, target[part]
            state = model.state  # what the forward pass over this chunk left

    return cut()
