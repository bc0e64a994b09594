"""The fused layer on a GPU, for any pointwise cell: one launch for all steps, weights kept on the chip.

=========  ============================================================================
trace      from the equations of a cell to lines of a kernel, and to their derivative
write      the template of both kernels, around those lines
fragments  what it is written in on an NVIDIA GPU: Gluon
tiles      the same in plain Triton: for the interpreter, and other GPUs
sizes      how many warps a kernel gets, and where its weights lie
compiled   what the compiler made of it, for a GPU that need not be there
=========  ============================================================================

Forward, the kernel reads a = W_ih x + b_ih of all steps and writes all states. Backward, u = W_hh h + b_hh of all steps
is one more product, as the states are known by then; the kernel reads a and u and makes both their gradients.
"""

import importlib.util
from functools import cache
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import linear

try:
    import triton
except ImportError as error:
    raise ImportError("the fused kernels need Triton, which exists for Linux: pip install triton") from error

from course_rnn.torch.kernels import fragments  # now: what it imports is other than itself once Triton has interpreted
from course_rnn.torch.kernels.sizes import MOST_IN_REGISTERS, ROWS, in_registers, padded, shared_memory, size
from course_rnn.torch.kernels.write import Written, module

WAYS = ("forward", "backward")
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
_WRITTEN = WeakKeyDictionary()


@cache
def dialect(kind):
    """What the kernels are written in for a kind of device: on a CPU, plain Triton that its interpreter runs."""
    if kind == "cpu":
        spec = importlib.util.find_spec("course_rnn.torch.kernels.tiles")
        interpreted = importlib.util.module_from_spec(spec)
        with triton.knobs.runtime.scope():
            triton.knobs.runtime.interpret = True
            spec.loader.exec_module(interpreted)
        return interpreted
    return importlib.import_module("course_rnn.torch.kernels.tiles") if torch.version.hip else fragments


def written(cell):
    """The kernels of this cell as text: see `Written`."""
    settings = repr(sorted(vars(cell).items()))
    if cell not in _WRITTEN or _WRITTEN[cell][0] != settings:
        _WRITTEN[cell] = settings, Written(cell)
    return _WRITTEN[cell][1]


def check(cell, hidden_size, x):
    """Refuse, in one sentence, what the kernels cannot do: a dtype, a cell, or weights that do not fit on the chip."""
    if x.dtype not in DTYPES:
        raise TypeError(f"the fused kernels compute in float32, float16 or bfloat16, not in {x.dtype}; take 'library'")
    kernels, itemsize, there = written(cell), x.element_size(), on_chip(x.device)
    for way in WAYS:
        chosen = size(kernels, way, hidden_size, itemsize, there)
        needed = shared_memory(kernels, way, hidden_size, itemsize, chosen)
        if needed > there or in_registers(hidden_size, itemsize, chosen) > MOST_IN_REGISTERS:
            raise ValueError(
                f"the weights of a {cell.name} with H = {hidden_size} in {str(x.dtype)[6:]} do not fit on one "
                "multiprocessor of this GPU; take 'library' or 'loop'"
            )


def promise(cell, hidden_size, x):
    """Compile both kernels for the GPU of x and say what came out, and why not to take them, or nothing.

    Returns
    -------
    said : str
    faults : list of str
    """
    from course_rnn.torch.kernels import compiled

    check(cell, hidden_size, x)
    capability = 10 * torch.cuda.get_device_capability(x.device)[0] + torch.cuda.get_device_capability(x.device)[1]
    both = [compiled.facts(written(cell), way, hidden_size, x.dtype, precision(x.dtype), capability) for way in WAYS]
    barriers, shared = max(f.barriers for f in both), max(f.shared for f in both) // 1024
    said = f"compiled for this GPU it keeps its weights on the chip, with {barriers} barriers a step and {shared} KB"
    return said, [fault for found in both for fault in compiled.shortcomings(found, capability)]


def on_chip(device):
    """Bytes of shared memory that one program may have."""
    if device.type == "cpu":
        return 2**31  # the interpreter's
    return triton.runtime.driver.active.utils.get_device_properties(device.index or 0)["max_shared_mem"]


def runs_on(device):
    """Whether kernels run there: on a GPU, or where Triton was asked to interpret."""
    return device.type == "cuda" or (device.type == "cpu" and triton.knobs.runtime.interpret)


def forward(cell, lengths, x, state, weights):
    """Return y, the last states, and a and the states other than h. See fused.py."""
    kernels, (T, B, _), (N, _, H) = written(cell), x.shape, state[0].shape
    a = linear(x, torch.cat([w["weight_ih"] for w in weights]), _early_bias(kernels, weights)).unflatten(-1, (N, -1))
    new = x.new_empty if lengths is None else x.new_zeros  # 0 where a sequence has no step
    states, last = [new(T, B, N, H) for _ in state], [torch.empty_like(s) for s in state]
    bias = [torch.stack([_bias(w) for w in weights])] if kernels.apart else []
    _launch(kernels, "forward", weights, lengths, [a, *bias, *_vectors(cell, weights), *state, *states, *last], x)
    return states[0], last, (a, *states[1:])


def backward(cell, lengths, x, state, weights, y, saved, dy, dstate, with_dx=True):
    """Return the gradients of x, of the states and of each weight. See fused.py."""
    kernels, H, (a, *others) = written(cell), y.shape[-1], saved[: len(state)]
    before = [_before(s, first, lengths) for s, first in zip((y, *others), state, strict=True)]
    a, u, operands = _again(kernels, a, before, weights)
    new = torch.empty_like if lengths is None else torch.zeros_like
    da, du = new(a), [new(part) for part in u]
    dstate, vectors = [d.clone() for d in dstate], _vectors(cell, weights)
    dvectors = [torch.empty_like(dstate[0]) for _ in vectors]
    tensors = [a, *u, *vectors, *before, dy.contiguous(), da, *du, *dstate, *dvectors]
    _launch(kernels, "backward", weights, lengths, tensors, x)
    dx, dweights = torch.zeros_like(x) if with_dx else None, []
    for k, own in enumerate(weights):
        to_u = [
            (da[:, :, k, rows] if part is None else du[0][:, :, k, part], operands[late][:, :, k])
            for rows, late, part in kernels.runs(H)
        ]
        found = {
            "weight_ih": da[:, :, k].flatten(0, 1).T @ x.flatten(0, 1),
            "weight_hh": torch.cat([d.flatten(0, 1).T @ operand.flatten(0, 1) for d, operand in to_u]),
        }
        if "bias_ih" in own:
            found["bias_ih"] = da[:, :, k].sum((0, 1))
            found["bias_hh"] = torch.cat([d.sum((0, 1)) for d, _ in to_u])
        dweights.append(found | {name: d[k].sum(0) for name, d in zip(cell.vectors, dvectors, strict=True)})
        if dx is not None:
            dx += da[:, :, k] @ own["weight_ih"]
    return dx, dstate, dweights


def _early_bias(kernels, weights):
    """b_ih of all directions, and of b_hh what may be added as early: the gates that see a and u by their sum."""
    if "bias_ih" not in weights[0]:
        return None
    early = torch.stack([w["bias_hh"] for w in weights])
    for rows, _, part in kernels.runs(weights[0]["weight_hh"].shape[1]):
        if part is not None:
            early[:, rows] = 0
    return (torch.stack([w["bias_ih"] for w in weights]) + early).flatten()


def _bias(own):
    return own["bias_hh"] if "bias_hh" in own else own["weight_hh"].new_zeros(len(own["weight_hh"]))


def _vectors(cell, weights):
    return [torch.stack([w[name] for w in weights]) for name in cell.vectors]


def _again(kernels, a, before, weights):
    """Compute the products of all steps again, in bulk, as the kernel did one by one.

    Returns a, with u added where the cell looks at the sum; u where it does not, or nothing; and the two operands of
    W_hh, which are h before each step, and for late gates what the cell made of it.
    """
    H, operands, sums, apart = before[0].shape[-1], [before[0]], [], []
    for rows, late, part in kernels.runs(H):
        if late and len(operands) == 1:
            operands.append(_operand(kernels, torch.cat(sums, -1), torch.cat(apart, -1) if apart else None, before))
        u = _times(operands[late], weights, rows, bias=part is not None)
        sums.append(a[..., rows] if part is not None else a[..., rows] + u)
        if part is not None:
            apart.append(u)
    return torch.cat(sums, -1), [torch.cat(apart, -1)] if apart else [], operands


def _operand(kernels, a, u, before):
    """What the late gates multiply, for all steps; the cell knows rows and columns only."""
    tensors = [t.flatten(0, 2).split(before[0].shape[-1], -1) for t in ((a, u) if u is not None else (a,))]
    (operand,) = kernels._operand(*(tile for tiles in tensors for tile in tiles), *(b.flatten(0, 2) for b in before))
    return operand.view_as(before[0])


def _times(operand, weights, rows, bias):
    """The product of one run of gates, for all steps and directions: (T, B, N, rows)."""
    parts = [
        linear(operand[:, :, k], w["weight_hh"][rows], _bias(w)[rows] if bias else None) for k, w in enumerate(weights)
    ]
    return torch.stack(parts, dim=2)


def _before(y, first, lengths):
    """What each step started from: the output of its neighbour in time, and `first` where it has none."""
    before = torch.empty_like(y)
    before[1:, :, 0], before[0, :, 0] = y[:-1, :, 0], first[0]
    if len(first) == 2:
        before[:-1, :, 1], before[-1, :, 1] = y[1:, :, 1], first[1]
        if lengths is not None:
            before[lengths - 1, torch.arange(len(lengths), device=y.device), 1] = first[1]
    return before


def _launch(kernels, way, weights, lengths, tensors, x):
    """Start one program for every 16 rows and direction."""
    (T, B, _), H = x.shape, weights[0]["weight_hh"].shape[-1]
    products = precision(x.dtype)
    chosen = size(kernels, way, H, x.element_size(), on_chip(x.device))
    weight_hh = torch.stack([w["weight_hh"] for w in weights])
    written_in = dialect(x.device.type)
    kernel = getattr(module(kernels.text(chosen.pieces if written_in.CUTS else 1), written_in), way)
    with torch.cuda.device_of(x):
        kernel[(triton.cdiv(B, ROWS), len(weights))](
            *tensors, weight_hh, lengths, T, B, N=len(weights), H=H, P=padded(H), ROWS=ROWS, KEPT=chosen.kept,
            PRECISION=products, num_warps=chosen.warps,
        )  # fmt: skip


def precision(dtype):
    """How a product is computed: float32 as torch.nn computes it, in TF32 unless the user has told cuDNN not to."""
    if dtype != torch.float32:
        return "16 bit"
    return "tf32" if torch.backends.cudnn.rnn.fp32_precision == "tf32" else "tf32x3"
