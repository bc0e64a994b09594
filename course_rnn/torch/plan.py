"""Which implementation a layer takes when it is left to choose, and why.

The rule: torch.nn's own code, unless a benchmark whose results are committed found another to be faster. A cell that
torch.nn has not is run by the fused kernels where the compiler made good ones, as counted, for the GPU that is here.
"""

import json
import math
from functools import cache
from pathlib import Path

import torch
from torch._C import _len_torch_dispatch_stack
from torch._C._functorch import TransformType, get_interpreter_stack, peek_interpreter_stack
from torch.autograd import forward_ad
from torch.nn.utils.rnn import PackedSequence

from course_rnn.torch._check import dimensions

GPU_RESULTS = Path(__file__).parents[1] / "data" / "results" / "gpu.json"
LEAST = 0.95  # of the speed of torch.nn, for ours to be taken
IMPLEMENTATIONS = ("auto", "loop", "fused", "library")

# On a CPU, from torch_cpu.json of course_rnn/data/results: where the fused layer trains faster than torch.nn. Without
# lengths and in float32, the LSTM of torch.nn is a oneDNN primitive, which we do not reach. A short sequence does not
# repay the preparation.
FASTER_ON_CPU = {
    "RNN_TANH": (torch.float32, torch.float64),
    "RNN_RELU": (torch.float32, torch.float64),
    "GRU": (torch.float32, torch.float64),
    "LSTM": (torch.float64,),
}
FASTER_ON_CPU_WITH_LENGTHS = dict.fromkeys(FASTER_ON_CPU, (torch.float32, torch.float64))
STEPS, STEPS_WITH_LENGTHS, STEPS_PER_ROW = 32, 64, 3  # lengths cost a preparation for each row


def choose(layer, input, lengths=None):
    """Return "loop", "fused" or "library" for a layer of ours and this input, and the reason in words.

    What decides for a single step comes first: decoding and reinforcement learning call a layer once for each.
    """
    if layer.implementation != "auto":
        return layer.implementation, "it was asked for"
    if layer.proj_size:
        return "library", "only torch.nn has proj_size"
    if not layer.reset_after:
        return _without_a_twin(layer, input)
    if not torch.compiler.is_compiling() and _seen_through():
        return "loop", "vmap and forward-mode differentiation have to see every operation"
    packed = isinstance(input, PackedSequence)
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting() and not packed and input.is_cpu:
        return "fused", "one operator of the compiled graph, where torch.nn's layer is unrolled"
    if layer.cell.mode == "LSTM" and torch.is_autocast_enabled("cpu") and _refused(input.data if packed else input):
        return "fused", "torch.nn has no LSTM in the lower precision of autocast on this processor"
    if _steps(layer, input, packed) < STEPS:
        return "library", "so few steps do not repay the preparation of the fused layer"
    return _with_a_twin(layer, input, packed, lengths)


def _refused(x):
    """Whether torch.nn's LSTM would refuse this input under autocast."""
    return x.is_cpu and x.dtype == torch.float32 and not _watched() and not _runs_in(torch.get_autocast_dtype("cpu"))


@cache
def _runs_in(dtype):
    """Whether autocast to a precision runs torch.nn's LSTM: oneDNN has no bfloat16 for processors without AVX-512."""
    matrix, vector, x = torch.zeros(4, 1), torch.zeros(4), torch.zeros(1, 1, 1)
    try:
        with torch.autocast("cpu", dtype=dtype):
            torch.lstm(x, (x, x), [matrix, matrix, vector, vector], True, 1, 0.0, False, False, False)
    except RuntimeError:
        return False
    return True


def _with_a_twin(layer, input, packed, lengths):
    """Choose for a long sequence and a layer that torch.nn has, too."""
    x = input.data if packed else input
    on = x.device.type
    if on != "cpu":
        return _on_a_gpu(layer, input, x, packed or lengths is not None)
    if _watched():
        return "library", "what is traced, exported or counted is left to torch.nn, whose operators every tool knows"
    if torch.is_autocast_enabled("cpu") or _transformed():
        return "library", "autocast and torch.func are left to torch.nn"
    if not (torch.is_grad_enabled() and (layer.weight_ih_l0.requires_grad or x.requires_grad)):
        return "library", "no gradient is needed, and the forward pass of torch.nn is as fast"
    steps, batch, _ = dimensions(layer, input)
    ragged = packed or lengths is not None
    if ragged and steps < max(STEPS_WITH_LENGTHS, STEPS_PER_ROW * batch):
        return "library", f"{steps} steps do not repay the preparation of the fused layer for {batch} lengths"
    if x.dtype in (FASTER_ON_CPU_WITH_LENGTHS if ragged else FASTER_ON_CPU)[layer.cell.mode]:
        return "fused", "its hand-written backward was measured to be faster than torch.nn"
    return "library", f"the fused layer was not measured to be faster for this cell in {x.dtype}"


def _on_a_gpu(layer, input, x, ragged):
    """Choose between cuDNN and the kernels: by measurement on this GPU, and by nothing less."""
    if x.device.type != "cuda":
        return "library", f"nothing of ours has been measured on {x.device.type}"
    if _watched() or _transformed() or torch.is_autocast_enabled("cuda"):
        return "library", "what is traced, exported, counted, transformed or autocast is left to torch.nn"
    kernels = _kernels()
    if kernels is None:
        return "library", "the fused kernels need Triton, which is not here"
    _, batch, _ = dimensions(layer, input)
    name, ratio = measured(layer.cell.name, layer.hidden_size, batch, x.dtype, ragged, torch.cuda.get_device_name())
    if ratio is not None:
        said = f"measured on {name} the fused kernels take 1/{ratio} of torch.nn's time"
        return ("fused" if ratio >= LEAST else "library"), said
    try:
        said, faults = kernels.promise(layer.cell, layer.hidden_size, x)
    except (TypeError, ValueError) as sentence:
        return "library", str(sentence)
    if faults:
        return "library", f"the fused kernel for this GPU {faults[0]}"
    return (
        "library",
        f"the fused kernel was not measured against torch.nn here ({said}; to measure: course-rnn bench gpu)",
    )


def measured(cell, hidden_size, batch, dtype, ragged, gpu, results=None):
    """Look up what gpu.json says of the nearest batch on the same GPU: its name, and torch.nn's time over ours."""
    results = _gpu_results() if results is None else results
    if not results or results["hardware"]["gpu"] != gpu:
        return None, None
    tf32 = dtype == torch.float32 and torch.backends.cudnn.rnn.fp32_precision == "tf32"
    name = "tf32" if tf32 else str(dtype).removeprefix("torch.")
    rows = [
        row
        for row in results["rows"]
        if (row["cell"], row["H"], row["ragged"]) == (cell, hidden_size, ragged)
        and row["dtype"] == name
        and (row["layers"], row["directions"]) == (1, 1)
        and "fused" in row["ratios"]
    ]
    row = min(rows, key=lambda row: abs(math.log(row["B"] / batch)), default=None)
    return (None, None) if row is None else (gpu, row["ratios"]["fused"])


@cache
def _gpu_results():
    """What `course-rnn bench gpu` measured, if it did."""
    return json.loads(GPU_RESULTS.read_text()) if GPU_RESULTS.is_file() else None


def _kernels():
    """The kernels, if Triton is here; only where they are asked for, as Triton takes its time to be imported."""
    try:
        from course_rnn.torch import kernels
    except ImportError:
        return None
    return kernels


def kernels_for(cell, hidden_size, x):
    """The kernels, as an engine of the fused layer, or one sentence why they cannot run this cell on this input."""
    kernels = _kernels()
    if kernels is None:
        raise ValueError("the fused kernels need Triton, which exists for Linux; take implementation='loop'")
    if not kernels.runs_on(x.device):
        raise ValueError(
            f"the fused layer of a {cell.name} runs on an NVIDIA GPU, or with TRITON_INTERPRET=1 in Triton's "
            f"interpreter, not on {x.device}; take implementation='loop'"
        )
    kernels.check(cell, hidden_size, x)
    return kernels


def choose_cell(cell, implementation, hidden_size, x, holes=False):
    """Return "loop" or "fused" for a cell that torch.nn has not, and the reason in words."""
    if implementation != "auto":
        return implementation, "it was asked for"
    kernels = _kernels() if x.device.type == "cuda" else None
    if kernels is None:
        return (
            "loop",
            f"on {x.device.type} a {cell.name} has no fused layer, autograd follows its equations step by step",
        )
    if holes or _watched() or _transformed() or torch.is_autocast_enabled("cuda"):
        return "loop", "masks with holes, autocast, torch.func and what is traced are left to the loop"
    try:
        said, faults = kernels.promise(cell, hidden_size, x)
    except (TypeError, ValueError) as sentence:
        return "loop", str(sentence)
    if faults:
        return "loop", f"the fused kernel for this GPU {faults[0]}"
    return "fused", f"{said}, where the loop starts several kernels a step"


def _without_a_twin(layer, input):
    """Choose for a GRU with reset_after=False."""
    x = input.data if isinstance(input, PackedSequence) else input
    if _watched() or _transformed():
        return (
            "loop",
            "torch has no GRU with reset_after=False, and the loop is made of operators that every tool knows",
        )
    if x.device.type == "cpu":
        return "fused", "torch has no GRU with reset_after=False, and the fused layer is faster than the loop"
    chosen, why = choose_cell(layer.cell, "auto", layer.hidden_size, x)
    return chosen, f"torch has no GRU with reset_after=False: {why}"


def _steps(layer, input, packed):
    """The number of steps; 0 where it is no number, as the layer is being traced for any number."""
    if packed:
        return len(input.batch_sizes)
    steps = input.shape[layer.batch_first and input.dim() == 3]
    return steps if type(steps) is int else 0


def looked_at():
    """Whether a fused layer has to be an operator of torch: for a tool that reads operators, or for torch.func."""
    return _watched() or _transformed()


def _watched():
    """Whether a tool reads off the operations: it traces, exports, compiles, or has a dispatch mode, as FlopCounter."""
    return torch.jit.is_tracing() or torch.compiler.is_compiling() or _len_torch_dispatch_stack() > 0


def _seen_through():
    """Whether vmap or forward-mode differentiation is at work, which torch.nn's operators do not know."""
    if forward_ad._current_level >= 0:
        return True
    return peek_interpreter_stack() is not None and any(
        level.key() == TransformType.Vmap for level in get_interpreter_stack()
    )


def derived():
    """Whether torch.func differentiates, or forward mode: our operator cannot follow."""
    levels = get_interpreter_stack() if _transformed() else ()
    return forward_ad._current_level >= 0 or any(level.key() != TransformType.Vmap for level in levels)


def _transformed():
    """Whether torch.func is at work: it cannot go through an autograd.Function."""
    return peek_interpreter_stack() is not None
