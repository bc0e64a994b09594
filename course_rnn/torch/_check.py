"""Questions asked of the inputs of a layer; each answer is one sentence.

Shapes, dtypes and devices are looked at, values are not, as that would make the host wait for a GPU; only lengths that
are on the CPU are.
"""

import torch
from torch.nn.utils.rnn import PackedSequence


def check_inputs(layer, input, hx, lengths):
    """Refuse what does not fit `layer`, a torch.nn.RNNBase."""
    x = input.data if isinstance(input, PackedSequence) else input
    if x is input and x.dim() not in (2, 3):
        raise ValueError(f"input has {x.dim()} dimensions, this layer expects 3, or 2 for one sequence")
    if x.shape[-1] != layer.input_size:
        raise ValueError(f"input has {x.shape[-1]} features, this layer expects {layer.input_size}")
    T, B, batched = dimensions(layer, input)
    if T == 0:
        raise ValueError("input has no time steps, this layer expects at least one")
    check_dtype_and_device("input", x, layer.weight_ih_l0, "this layer")
    if lengths is not None:
        if x is not input or not batched:
            raise ValueError(
                "lengths go with a padded batch; a PackedSequence has its own, and one sequence needs none"
            )
        check_lengths(torch.as_tensor(lengths), T, B)
    if hx is not None:
        shape = (layer.num_layers * (1 + layer.bidirectional), B, layer.hidden_size)
        check_state(hx, shape if batched else shape[::2], x, layer.mode == "LSTM")


def dimensions(layer, input):
    """The number of steps and of sequences, and whether the sequences came as a batch."""
    if isinstance(input, PackedSequence):
        return len(input.batch_sizes), int(input.batch_sizes[0]), True
    if input.dim() == 2:
        return len(input), 1, False
    T, B = input.shape[1::-1] if layer.batch_first else input.shape[:2]
    return T, B, True


def check_lengths(lengths, T, B):
    if lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise TypeError(f"lengths are {lengths.dtype}, they have to be integers")
    if lengths.shape != (B,):
        raise ValueError(f"lengths have shape {tuple(lengths.shape)}, the batch needs ({B},)")
    if lengths.device.type == "cpu" and B and not (lengths.min() >= 1 and lengths.max() <= T):
        raise ValueError(f"lengths go from {lengths.min()} to {lengths.max()}, they have to lie between 1 and {T}")


def check_state(hx, shape, x, is_lstm):
    if isinstance(hx, (tuple, list)) != is_lstm or (is_lstm and len(hx) != 2):
        raise TypeError("hx has to be a tuple (h_0, c_0)" if is_lstm else "hx has to be one tensor, h_0")
    for name, state in zip(("h_0", "c_0"), hx if is_lstm else (hx,), strict=False):
        if tuple(state.shape) != shape:
            raise ValueError(f"{name} has shape {tuple(state.shape)}, this input needs {shape}")
        check_dtype_and_device(name, state, x, "the input")


def check_dtype_and_device(name, tensor, other, whose):
    if tensor.device != other.device:
        raise ValueError(f"{name} is on {tensor.device}, {whose} on {other.device}")
    if tensor.dtype != other.dtype and not under_autocast(tensor.device.type):
        raise TypeError(f"{name} is {tensor.dtype}, {whose} {other.dtype}")


def under_autocast(kind):
    """Whether the caller has left the choice of dtype on this kind of device to torch."""
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
