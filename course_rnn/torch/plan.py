"""Which implementation a layer takes when it is left to choose, and why.

The rule: torch.nn's own code, unless a benchmark whose results are committed found another to be faster.
"""

import torch
from torch.nn.utils.rnn import PackedSequence

from course_rnn.torch._check import dimensions

IMPLEMENTATIONS = ("auto", "loop", "fused", "library")

# On a CPU, from benchmarks/results/torch_cpu.json: where the fused layer trains faster than torch.nn. Without lengths
# and in float32, the LSTM of torch.nn is a oneDNN primitive, which we do not reach. A short sequence does not repay
# the preparation.
FASTER_ON_CPU = {
    "RNN_TANH": (torch.float32, torch.float64),
    "RNN_RELU": (torch.float32, torch.float64),
    "GRU": (torch.float32, torch.float64),
    "LSTM": (torch.float64,),
}
FASTER_ON_CPU_WITH_LENGTHS = dict.fromkeys(FASTER_ON_CPU, (torch.float32, torch.float64))
STEPS, STEPS_WITH_LENGTHS, STEPS_PER_ROW = 32, 64, 3  # lengths cost a preparation for each row


def choose(layer, input, lengths=None):
    """Return "loop", "fused" or "library" for a layer of ours and this input, and the reason in words."""
    packed = isinstance(input, PackedSequence)
    x = input.data if packed else input
    on = x.device.type
    if layer.implementation != "auto":
        return layer.implementation, "it was asked for"
    if layer.cell == "GRU_RESET_BEFORE":
        if on == "cpu" and not _transformed():
            return "fused", "torch has no GRU with reset_after=False, and the fused layer is faster than the loop"
        return "loop", "torch has no GRU with reset_after=False, and the fused layer was not measured here"
    if on != "cpu":
        return "library", f"nothing of ours has been measured on {on} yet (on a GPU: course-rnn bench gpu)"
    if torch.is_autocast_enabled("cpu") or _transformed():
        return "library", "autocast, torch.func and forward-mode differentiation are left to torch.nn"
    if not (torch.is_grad_enabled() and (layer.weight_ih_l0.requires_grad or x.requires_grad)):
        return "library", "no gradient is needed, and the forward pass of torch.nn is as fast"
    steps, batch, _ = dimensions(layer, input)
    ragged = packed or lengths is not None
    if steps < (max(STEPS_WITH_LENGTHS, STEPS_PER_ROW * batch) if ragged else STEPS):
        return "library", f"{steps} steps are too few to repay the preparation of the fused layer"
    if x.dtype in (FASTER_ON_CPU_WITH_LENGTHS if ragged else FASTER_ON_CPU)[layer.cell]:
        return "fused", "its hand-written backward was measured to be faster than torch.nn"
    return "library", f"the fused layer was not measured to be faster for this cell in {x.dtype}"


def _transformed():
    """Whether torch.func or forward-mode differentiation is at work: they need to see every operation."""
    return torch._C._functorch.peek_interpreter_stack() is not None or torch.autograd.forward_ad._current_level >= 0
