"""From the equations of a cell, as its class writes them, to the lines of a kernel, and to those of their derivative.

`make_fx` records what `pointwise` does to tensors, and what autograd does to go back through it. A recorded operation
that each number undergoes by itself becomes one line. Gates stand side by side in `a` and `u`, a block of H columns
each; in a kernel each block is a tile of its own, so cutting and joining blocks is only a matter of names.
"""

import math
import re
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace

import torch
from torch._decomp import core_aten_decompositions
from torch._functorch.compile_utils import fx_graph_cse
from torch.fx.experimental.proxy_tensor import make_fx

from course_rnn.torch.cells import Cell

B, H = 3, 5  # of the tensors that are traced; nothing in the lines depends on them

LINES = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "neg": "-{}",
    "reciprocal": "1 / {}",
    "sigmoid": "sigmoid({})",
    "tanh": "tanh({})",
    "exp": "tl.exp({})",
    "expm1": "tl.exp({}) - 1",
    "log": "tl.log({})",
    "log1p": "tl.log(1 + {})",
    "sqrt": "tl.sqrt({})",
    "rsqrt": "1 / tl.sqrt({})",
    "sin": "tl.sin({})",
    "cos": "tl.cos({})",
    "erf": "tl.erf({})",
    "abs": "tl.abs({})",
    "sign": "tl.where({0} > 0, 1.0, tl.where({0} < 0, -1.0, 0.0))",
    "relu": "tl.maximum({}, 0.0)",
    "maximum": "tl.maximum({}, {})",
    "minimum": "tl.minimum({}, {})",
    "where": "tl.where({}, {}, {})",
    "gt": "{} > {}",
    "ge": "{} >= {}",
    "lt": "{} < {}",
    "le": "{} <= {}",
    "eq": "{} == {}",
    "ne": "{} != {}",
    "logical_and": "{} & {}",
    "logical_or": "{} | {}",
    "logical_not": "{} == 0",
    "bitwise_and": "{} & {}",
    "bitwise_or": "{} | {}",
    "bitwise_not": "{} == 0",
}
LINES["sgn"] = LINES["sign"]
SAME = ("alias", "clone", "detach", "expand", "lift_fresh_copy", "_to_copy")
NUMBERS = {"zeros_like": "0.0", "zeros": "0.0", "new_zeros": "0.0", "ones_like": "1.0", "ones": "1.0"}
NUMBERS |= {"scalar_tensor": "{0}", "full": "{1}", "full_like": "{1}"}


#: What the lines mean for numbers.
NUMBER = SimpleNamespace(
    where=lambda so, a, b: a if so else b, abs=abs, maximum=max, minimum=min, sigmoid=lambda a: 1 / (1 + math.exp(-a)),
    exp=math.exp, log=math.log, sqrt=math.sqrt, sin=math.sin, cos=math.cos, erf=math.erf,
)  # fmt: skip

_decompositions = cache(core_aten_decompositions)


@dataclass(frozen=True)
class Lines:
    """A function of tiles: the names that go in, a line each, the names that come out."""

    into: tuple
    body: tuple
    out: tuple

    def __str__(self):
        return "\n".join(self.body)


def check(cell):
    """Refuse a cell whose step is not pointwise on two products, in one sentence that says what it is instead."""
    n = len(cell.gate_names)
    if type(cell).step is not Cell.step:
        raise TypeError(f"a {cell.name} takes a step of its own, and a fused kernel needs a cell with `pointwise`")
    if cell.maps(2, 3) != {"ih": (n * 3, 2), "hh": (n * 3, 3)} or set(cell.sizes(3)) != {3}:
        raise TypeError(f"a {cell.name} has other matrices or sizes than the fused kernels know")
    if tuple(cell.shown) != tuple(cell.states[:1]):
        raise TypeError(f"a {cell.name} shows {', '.join(cell.shown)}, a fused kernel only the first state")


def trace(cell, function, inputs):
    """Return the Lines of `function`, which takes and returns tensors (B, H), given the names of its inputs."""

    def sentence(what):
        return f"a {cell.name} cannot have a fused kernel: {what}"

    numbers = [torch.rand(B, H) for _ in inputs]
    try:
        traced = make_fx(function, decomposition_table=_decompositions())(*numbers)
    except RuntimeError as error:
        if "data-dependent" in str(error) or "value out of a tracing tensor" in str(error):
            raise TypeError(sentence("what it computes depends on a number by an `if`; take torch.where")) from error
        raise
    graph = fx_graph_cse(traced.graph)
    graph.eliminate_dead_code()
    found, body, names = {}, [], iter(inputs)

    def blocks(argument):
        """The names of a value's blocks, or the number that it is."""
        if isinstance(argument, torch.fx.Node):
            return found[argument]
        return repr(float(argument)) if isinstance(argument, (int, float)) else argument

    for node in graph.nodes:
        if node.op == "placeholder":
            found[node] = [next(names)]
        elif node.op == "get_attr":
            value = getattr(traced, node.target)
            if value.numel() != 1:
                raise TypeError(sentence("it holds a tensor of its own; let it be one of its `vectors`"))
            found[node] = repr(float(value))
        elif node.op == "output":
            out = tuple(_tile(name, inputs[0]) for n in node.args[0] for name in _blocks(n, found[n]))
        else:
            found[node] = _value(node, blocks, body, sentence)
    return _simplified(Lines(tuple(inputs), tuple(body), out))


def _blocks(node, value):
    """The blocks of a value, as many as it is wide; each is a name, or a number that is the same everywhere."""
    width = node.meta["val"].shape[-1] // H if node.meta["val"].dim() else 1
    return [value] * width if isinstance(value, str) else value


def _tile(block, like):
    """A block as a tile: a number becomes one as large as another."""
    return block if block[0] in "adspuv" else f"tl.where({like} == {like}, {block}, {block})"


def _value(node, blocks, body, sentence):
    """The blocks of what a node computes; lines are added to the body."""
    name = getattr(node.target, "overloadpacket", node.target).__name__.rstrip("_")
    args = [blocks(a) for a in node.args]
    if name == "getitem":
        return args[0][node.args[1]]
    if name in SAME:
        return args[0]
    if name == "copy":
        return args[1]
    if name in NUMBERS:
        return NUMBERS[name].format(*(a if isinstance(a, str) else "" for a in args))
    if name in ("split", "split_with_sizes", "slice", "cat", "slice_scatter"):
        return _cut(name, node, args, blocks, sentence)
    if name == "clamp":
        return _clamp(node, blocks, body)
    if name == "pow" and isinstance(node.args[1], (int, float)):
        return _power(args[0], node.args[1], body, sentence)
    if name not in LINES:
        said = "looks at several units at once, or is" if name in ALONG else "is"
        raise TypeError(sentence(f"it uses {name}, which {said} unknown to it"))
    if node.kwargs.get("alpha", 1) != 1:
        args[1] = _each("mul", [args[1], repr(float(node.kwargs["alpha"]))], body)
    return _each(name, args, body)


#: Operations that people try, which mix units or rows.
ALONG = ("mm", "bmm", "addmm", "sum", "mean", "var", "var_mean", "amax", "amin", "max", "_softmax", "cumsum", "gather")
ALONG += ("native_layer_norm", "_log_softmax", "flip", "roll", "permute", "index", "argmax", "view", "prod", "topk")


def _each(name, args, body):
    """One line for each block; a number is the same for all, and a single block meets each of several."""
    width = max((len(a) for a in args if not isinstance(a, str)), default=0)
    if not width:  # numbers alone
        return repr(
            float(eval(LINES[name].format(*args), {"tl": NUMBER, "sigmoid": NUMBER.sigmoid, "tanh": math.tanh}))
        )
    if name == "where" and isinstance(args[0], str):
        return args[1] if float(args[0]) else args[2]
    out = []
    for k in range(width):
        these = [a if isinstance(a, str) else a[k % len(a)] for a in args]
        out.append(f"v{len(body)}")
        body.append(f"{out[-1]} = {LINES[name].format(*these)}")
    return out


def _clamp(node, blocks, body):
    value, low, high = (*(blocks(a) for a in node.args), None, None)[:3]
    value = value if low is None else _each("maximum", [value, low], body)
    return value if high is None else _each("minimum", [value, high], body)


def _power(base, exponent, body, sentence):
    if exponent == 0.5:
        return _each("sqrt", [base], body)
    if exponent != int(exponent) or not 1 <= abs(exponent) <= 8:
        raise TypeError(sentence(f"it uses a power of {exponent}, and the kernels know those of 1 to 8"))
    value = base
    for _ in range(abs(int(exponent)) - 1):
        value = _each("mul", [value, base], body)
    return value if exponent > 0 else _each("reciprocal", [value], body)


def _cut(name, node, args, blocks, sentence):
    """Cut and join along the last axis, at the edges of blocks."""

    def edge(k):
        if k % H:
            raise TypeError(sentence("it cuts a gate in two; each gate is a block of H columns"))
        return k // H

    def last(dim, value):
        if dim not in (-1, 1):
            raise TypeError(sentence(f"it uses {name} along the batch, whose rows know nothing of one another"))
        return value

    if name == "cat":
        last((*node.args, 0)[1], None)
        return [block for part in node.args[0] for block in _blocks(part, blocks(part))]
    value, rest = _blocks(node.args[0], args[0]), node.args[1:]
    if name == "split":
        size, dim = (*rest, 0)[:2]
        size = edge(last(dim, size))
        return [value[k : k + size] for k in range(0, len(value), size)]
    if name == "split_with_sizes":
        sizes, dim = (*rest, 0)[:2]
        ends = [edge(last(dim, sum(sizes[: k + 1]))) for k in range(len(sizes))]
        return [value[i:j] for i, j in zip([0, *ends], ends, strict=False)]
    if name == "slice":
        dim, start, stop = (*rest, None, None, None)[:3]
        if dim == 0 and not start and (stop is None or stop >= B):
            return value
        stop = min(last(dim, stop), len(value) * H)
        return value[edge(start or 0) : edge(stop)]
    if name == "slice_scatter":
        dim, start, stop = (*rest[1:], None, None, None)[:3]
        if dim == 0 and not start and (stop is None or stop >= B):
            return _blocks(node.args[1], args[1])
        value, stop = list(value), min(last(dim, stop), len(value) * H)
        value[edge(start or 0) : edge(stop)] = _blocks(node.args[1], args[1])
        return value
    raise TypeError(sentence(f"it uses {name}, which is unknown to it"))


def _simplified(lines):
    """Leave out lines that add nothing, multiply with one, or are not needed, and number the rest anew."""
    names, kept = {}, []
    for line in lines.body:
        name, value = line.split(" = ", 1)
        value = re.sub(r"\bv\d+\b", lambda m: names.get(m[0], m[0]), value)
        if found := re.fullmatch(r"(?:1\.0 \* |0\.0 \+ )?(\w+)(?: [+-] 0\.0| [*/] 1\.0)?", value):
            names[name] = found[1]
        else:
            kept.append((name, value))
    out = [re.sub(r"\bv\d+\b", lambda m: names.get(m[0], m[0]), o) for o in lines.out]
    needed, used = set(re.findall(r"\bv\d+\b", " ".join(out))), []
    for name, value in reversed(kept):
        if name in needed:
            needed |= set(re.findall(r"\bv\d+\b", value))
            used.append((name, value))
    order = {name: f"v{k}" for k, (name, _) in enumerate(reversed(used))}

    def renamed(text):
        return re.sub(r"\bv\d+\b", lambda m: order[m[0]], text)

    return Lines(lines.into, tuple(f"{order[n]} = {renamed(v)}" for n, v in reversed(used)), tuple(map(renamed, out)))


def names(letter, n):
    """The names of n tiles."""
    return [f"{letter}{k}" for k in range(n)]


def back(function, n):
    """The function that goes back through `function`, of n inputs: (inputs, gradients of outputs) -> of inputs."""

    def backward(*tensors):
        inputs = [t.detach().requires_grad_() for t in tensors[:n]]
        with torch.enable_grad():
            pairs = zip(function(*inputs), tensors[n:], strict=True)
            out, grads = zip(*((o, d) for o, d in pairs if o.requires_grad), strict=True)
            return torch.autograd.grad(out, inputs, grads, materialize_grads=True)

    return backward
