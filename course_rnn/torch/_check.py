"""Questions asked of the inputs of a layer or a cell; each answer is one sentence.

Shapes, dtypes and devices are looked at, values are not, as that would make the host wait for a GPU; only lengths that
are on the CPU are. Where torch has a good sentence, ours is the same, for those who search for it.
"""

import torch
from torch.nn.utils.rnn import PackedSequence


class InputError(ValueError, RuntimeError):
    """Input that does not fit the layer.

    torch.nn raises a RuntimeError for a wrong shape, and Python has ValueError for it: whoever catches either catches
    this.

    Examples
    --------
    >>> import course_rnn.torch as rt
    >>> rt.RNN(3, 4)(torch.zeros(5, 2, 7))
    Traceback (most recent call last):
        ...
    course_rnn.torch._check.InputError: input has 7 features, this layer expects 3
    """


class InputTypeError(InputError, TypeError):
    """Input of the wrong kind or dtype: a TypeError as in Python, and a ValueError and RuntimeError as in torch.nn."""


def check_inputs(layer, input, hx, lengths):
    """Refuse what does not fit `layer`, a torch.nn.RNNBase."""
    check_is_tensor("input", input, PackedSequence)
    x = input.data if isinstance(input, PackedSequence) else input
    if x is input and x.dim() not in (2, 3):
        raise InputError(f"input has {x.dim()} dimensions, this layer expects 3, or 2 for one sequence")
    if x.shape[-1] != layer.input_size:
        raise InputError(f"input has {x.shape[-1]} features, this layer expects {layer.input_size}")
    T, B, batched = dimensions(layer, input)
    if T == 0:
        raise InputError("input has no time steps, this layer expects at least one")
    check_weights(x, layer.weight_ih_l0)
    if lengths is not None:
        if x is not input or not batched:
            raise InputError(
                "lengths go with a padded batch; a PackedSequence has its own, and one sequence needs none"
            )
        check_lengths(torch.as_tensor(lengths), T, B)
    if hx is not None:
        sizes = (layer.proj_size or layer.hidden_size, layer.hidden_size)  # of h and of c
        shapes = [(layer.num_layers * (1 + layer.bidirectional), B, size) for size in sizes]
        check_state(hx, shapes if batched else [shape[::2] for shape in shapes], x, layer.mode == "LSTM")


def check_cell_inputs(cell, input, hx):
    """Refuse what does not fit `cell`, a torch.nn.RNNCellBase; the sentences are torch's where it has one."""
    name, is_lstm = type(cell).__name__, isinstance(cell, torch.nn.LSTMCell)
    check_is_tensor("input", input)
    if input.dim() not in (1, 2):
        raise InputError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
    if input.shape[-1] != cell.input_size:
        raise InputError(f"input has inconsistent input_size: got {input.shape[-1]} expected {cell.input_size}")
    check_weights(input, cell.weight_ih)
    if hx is None:
        return
    check_is_state(hx, is_lstm)
    for k, state in enumerate(hx if is_lstm else (hx,)):
        if state.dim() not in (1, 2):
            where = f"hx[{k}]" if is_lstm else "hidden"
            raise InputError(f"{name}: Expected {where} to be 1D or 2D, got {state.dim()}D instead")
        if state.shape[-1] != cell.hidden_size:
            got = f"got {state.shape[-1]}, expected {cell.hidden_size}"
            raise InputError(f"hidden{k} has inconsistent hidden_size: {got}")
        if state.dim() != input.dim():
            raise InputError(f"hidden{k} has {state.dim()} dimensions, this input needs {input.dim()}")
        if state.shape[:-1] != input.shape[:-1]:
            raise InputError(f"Input batch size {len(input)} doesn't match hidden{k} batch size {len(state)}")
        check_dtype_and_device(f"hidden{k}", state, input, "the input")


def dimensions(layer, input):
    """The number of steps and of sequences, and whether the sequences came as a batch."""
    if isinstance(input, PackedSequence):
        return len(input.batch_sizes), int(input.batch_sizes[0]), True
    if input.dim() == 2:
        return len(input), 1, False
    T, B = input.shape[1::-1] if layer.batch_first else input.shape[:2]
    return T, B, True


def check_is_tensor(name, thing, *others):
    if not isinstance(thing, (torch.Tensor, *others)):
        kinds = " or a ".join(("Tensor", *(kind.__name__ for kind in others)))
        raise InputTypeError(f"{name} is a {type(thing).__name__}, it has to be a {kinds}")


def check_weights(x, weight):
    """Refuse an input in another dtype than the weights, with torch.nn's sentence, or on another device."""
    if x.device != weight.device:
        raise InputError(f"input is on {x.device}, this layer on {weight.device}")
    if x.dtype != weight.dtype and not under_autocast(x.device.type):
        raise InputTypeError(
            f"RNN input dtype ({x.dtype}) does not match weight dtype ({weight.dtype}). "
            f"Convert input: input.to({weight.dtype}), or convert model: model.to({x.dtype})"
        )


def check_lengths(lengths, T, B):
    if lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise InputTypeError(f"lengths are {lengths.dtype}, they have to be integers")
    if lengths.shape != (B,):
        raise InputError(f"lengths have shape {tuple(lengths.shape)}, the batch needs ({B},)")
    if lengths.device.type == "cpu" and B and not (lengths.min() >= 1 and lengths.max() <= T):
        raise InputError(f"lengths go from {lengths.min()} to {lengths.max()}, they have to lie between 1 and {T}")


def check_is_state(hx, is_lstm):
    if isinstance(hx, (tuple, list)) != is_lstm or (is_lstm and len(hx) != 2):
        raise InputTypeError("hx has to be a tuple (h_0, c_0)" if is_lstm else "hx has to be one tensor, h_0")
    for name, state in zip(("h_0", "c_0"), hx if is_lstm else (hx,), strict=False):
        check_is_tensor(name, state)


def check_state(hx, shapes, x, is_lstm):
    check_is_state(hx, is_lstm)
    for name, state, shape in zip(("h_0", "c_0"), hx if is_lstm else (hx,), shapes, strict=False):
        if tuple(state.shape) != shape:
            raise InputError(f"{name} has shape {tuple(state.shape)}, this input needs {shape}")
        check_dtype_and_device(name, state, x, "the input")


def check_dtype_and_device(name, tensor, other, whose):
    if tensor.device != other.device:
        raise InputError(f"{name} is on {tensor.device}, {whose} on {other.device}")
    if tensor.dtype != other.dtype and not under_autocast(tensor.device.type):
        raise InputTypeError(f"{name} is {tensor.dtype}, {whose} {other.dtype}")


def under_autocast(kind):
    """Whether the caller has left the choice of dtype on this kind of device to torch."""
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
