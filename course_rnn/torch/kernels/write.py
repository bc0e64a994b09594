"""The forward and the backward kernel of a cell, as text: one template, and the lines of the cell inside it.

One program takes 16 rows of the batch through all steps of one direction. It loads W_hh once; after that a step costs
its products, its gates, and the traffic of its own a and states. Rows do not depend on one another, so no program ever
waits for another. A row that is over keeps its states and writes nothing; the program stops with the longest of its
rows, which is its first, as the batch comes longest first.

A step forward: put h where all can read it, multiply it with each gate's matrix, let the cell make the states, store
them, and fetch the next a, which arrives while the next products are at work. A step backward: the cell turns the
gradients of the states into those of a and u, these are put and multiplied back, and the next step's numbers fetched.
"""

import linecache
import re
from functools import cache, cached_property
from hashlib import sha256
from types import ModuleType

import torch
import triton

from course_rnn.torch.kernels.trace import back, check, names, trace


class Written:
    """The kernels of one cell.

    Parameters
    ----------
    cell : Cell

    Attributes
    ----------
    apart : list of int
        The gates whose a and u the cell does not look at by their sum only; for the others the sum is one number with
        one gradient.

    Raises
    ------
    TypeError
        If the cell is not pointwise on its products; the sentence names what it does.
    """

    def __init__(self, cell):
        check(cell)
        self.cell, self.G, self.S = cell, len(cell.gate_names), len(cell.states)
        self.late, self.vectors = cell.late, len(cell.vectors)
        self.early, self._texts = self.G - self.late, {}
        self.apart = list(range(self.G))  # until we know better
        self.apart = [k for k in range(self.G) if not all(_by_sum(lines, k) for lines in self._forward_lines())]

    def runs(self, H):
        """Gates in a row that are treated alike: (rows of W_hh, whether late, columns of u or None) for each run."""
        kinds = [(k >= self.early, k in self.apart) for k in range(self.G)]
        starts = [k for k in range(self.G) if k == 0 or kinds[k] != kinds[k - 1]]
        for start, stop in zip(starts, [*starts[1:], self.G], strict=True):
            late, apart = kinds[start]
            n = self.apart.index(start) if apart else 0
            yield slice(start * H, stop * H), late, slice(n * H, (n + stop - start) * H) if apart else None

    # the cell's own lines

    def _into(self, gates):
        """The names of what a function of these gates sees: a, or the sum of a and u, and u where it is apart."""
        return [f"a{k}" for k in gates] + [f"u{k}" for k in gates if k in self.apart]

    def _a_and_u(self, gates, tiles):
        """The cell's own arguments from those tiles; u is 0 where a is the sum. Also the tiles that are left over."""
        a, rest = tiles[: len(gates)], iter(tiles[len(gates) :])
        u = [next(rest) if k in self.apart else torch.zeros_like(a[0]) for k in gates]
        return torch.cat(a, dim=-1), torch.cat(u, dim=-1), *rest

    def _pointwise(self, *tiles):
        return self.cell.pointwise(*self._a_and_u(range(self.G), tiles))

    def _operand(self, *tiles):
        return (self.cell.operand(*self._a_and_u(range(self.early), tiles)),)

    def _forward_lines(self):
        """What the cell does, and with late gates what makes their operand."""
        states, vectors = names("s", self.S), names("p", self.vectors)
        yield trace(self.cell, self._pointwise, self._into(range(self.G)) + states + vectors)
        if self.late:
            yield trace(self.cell, self._operand, self._into(range(self.early)) + states)

    def _backward_lines(self):
        """And what goes back through both."""
        into = self._into(range(self.G)) + names("s", self.S) + names("p", self.vectors)
        yield trace(self.cell, back(self._pointwise, len(into)), into + names("d", self.S))
        if self.late:
            into = self._into(range(self.early)) + names("s", self.S)
            yield trace(self.cell, back(self._operand, len(into)), [*into, "dv"])

    @cached_property
    def _functions(self):
        """The text of the functions of a cell: cell, operand, and what goes back through each."""
        found = [*zip(("cell", "operand"), self._forward_lines(), strict=False)]
        found += zip(("cell_backward", "operand_backward"), self._backward_lines(), strict=False)
        return "\n\n\n".join(
            f"@jit\ndef {name}({', '.join(lines.into)}):\n"
            + "".join(f"    {line}\n" for line in lines.body)
            + f"    return {', '.join(lines.out)}"
            for name, lines in found
        )

    # the template

    def text(self, pieces=1):
        """The source of both kernels, with products in so many pieces along their sum.

        A piece of h is read, meets its piece of every gate's matrix, and makes room for the next.
        """
        if pieces not in self._texts:
            kernels = [re.sub(r"\n\n+", "\n", text) for text in (self._forward(pieces), self._backward(pieces))]
            self._texts[pieces] = "\n\n\n".join([self._functions, *kernels]) + "\n"
        return self._texts[pieces]

    def _weights(self, back, pieces):
        """Load every gate's matrix, in pieces."""
        return "\n".join(
            f"    W{k}_{c} = weight(weight_hh, {k}, {self.G}, H, P, {back}, {k * pieces + c} < KEPT, {c}, {pieces})"
            for k in range(self.G)
            for c in range(pieces)
        )

    def _forward(self, pieces):
        G, S, V, apart = range(self.G), range(self.S), range(self.vectors), self.apart
        early, late = range(self.early), range(self.early, self.G)
        own = names("s", self.S) + names("p", self.vectors)
        arguments = _list(["a"], ["bias_hh"] * bool(apart), [f"vector{v}" for v in V], [f"first{i}" for i in S])
        return f"""@kernel
def forward(
    {arguments}, {_list([f"states{i}" for i in S], [f"last{i}" for i in S])}, weight_hh, lengths, T, B,
    N: tl.constexpr, H: tl.constexpr, P: tl.constexpr, ROWS: tl.constexpr, KEPT: tl.constexpr, PRECISION: tl.constexpr,
):
    row, j, length, steps = mine(lengths, T, B, P, ROWS)
{self._weights(False, pieces)}
{_each(4, "b{k} = bias(bias_hh, {k}, " + str(self.G) + ", j, H)", apart)}
{_each(4, "p{k} = bias(vector{k}, 0, 1, j, H)", V)}
    room_h = room(weight_hh, ROWS, P){_line(4, "room_v = room(weight_hh, ROWS, P)", self.late)}
    here, mask = at_state(row, j, B, H), real(0, length, j, H)
{_each(4, "s{k} = fetch(first{k} + here, mask).to(tl.float32)", S)}
    t = step(0, steps)
    gates, mask = at(t, row, j, B, N, {self.G} * H), real(t, length, j, H)
{_each(4, "a{k} = fetch(a + gates + {k} * H, mask)", G)}
    for s in range(steps):
        t = step(s, steps)
        here, mask = at(t, row, j, B, N, H), real(t, length, j, H)
        put_h = put(room_h, s0)
{_each(8, "a{k} = a{k}.to(tl.float32)", G)}
{_each(8, "u{k} = zeros(ROWS, P) + b{k}", apart)}
{self._products_of("put_h", early, pieces)}{self._late_forward(late, pieces)}
        {_list([f"n{i}" for i in S])} = cell({_list(self._into(G), own)})
{_each(8, "s{k} = tl.where(mask, n{k}, s{k})", S)}
{_each(8, "tl.store(states{k} + here, s{k}, mask=mask)", S)}
        t = step(s + 1, steps)
        gates, mask = at(t, row, j, B, N, {self.G} * H), real(t, length, j, H) & (s + 1 < steps)
{_each(8, "a{k} = fetch(a + gates + {k} * H, mask)", G)}
    here, mask = at_state(row, j, B, H), real(0, length, j, H)
{_each(4, "tl.store(last{k} + here, s{k}, mask=mask)", S)}"""

    def _products_of(self, place, gates, pieces):
        """Add the products of what was put to a place to the sums of some gates, a piece after the other."""
        return "\n".join(
            f"        h = get({place}, {c}, {pieces})\n"
            + "\n".join(f"        {x} = dot(h, W{k}_{c}, {x}, {k * pieces + c} < KEPT, PRECISION)" for k, x in sums)
            for c in range(pieces)
            for sums in [[(k, f"u{k}" if k in self.apart else f"a{k}") for k in gates]]
        )

    def _late_forward(self, late, pieces):
        if not self.late:
            return ""
        return f"""
        put_v = put(room_v, operand({_list(self._into(range(self.early)), names("s", self.S))}))
{self._products_of("put_v", late, pieces)}"""

    def _backward(self, pieces):
        G, S, V, apart = range(self.G), range(self.S), range(self.vectors), self.apart
        fetched = [f"a{k} = fetch(a + gates + {k} * H, mask)" for k in G]
        fetched += [f"u{k} = fetch(u + rest + {n} * H, mask)" for n, k in enumerate(apart)]
        fetched += [f"s{k} = fetch(before{k} + here, mask)" for k in S] + ["dy0 = fetch(dy + here, mask)"]
        places = [f"at(t, row, j, B, N, {n} * H)" for n in [self.G, len(apart), 1] if n]
        places = f"{_list(['gates'], ['rest'] * bool(apart), ['here'])} = {_list(places)}"
        into = self._into(G) + names("s", self.S)
        out = [f"g{name}" for name in self._into(G)] + names("g", self.S) + names("gp", self.vectors)
        gradients = {k: f"gu{k}" if k in apart else f"ga{k}" for k in G}  # of the products
        arguments = _list(["a"], ["u"] * bool(apart), [f"vector{v}" for v in V], [f"before{i}" for i in S], ["dy"])
        made = _list(["da"], ["du"] * bool(apart), [f"dfirst{i}" for i in S], [f"dvector{v}" for v in V])
        return f"""@kernel
def backward(
    {arguments}, {made}, weight_hh, lengths, T, B,
    N: tl.constexpr, H: tl.constexpr, P: tl.constexpr, ROWS: tl.constexpr, KEPT: tl.constexpr, PRECISION: tl.constexpr,
):
    row, j, length, steps = mine(lengths, T, B, P, ROWS)
{self._weights(True, pieces)}
{_each(4, "p{k} = bias(vector{k}, 0, 1, j, H)", V)}
{_each(4, "room{k} = room(weight_hh, ROWS, P)", G)}
    here, mask = at_state(row, j, B, H), real(0, length, j, H)
{_each(4, "d{k} = fetch(dfirst{k} + here, mask).to(tl.float32)", S)}
{_each(4, "sum{k} = zeros(ROWS, P)", V)}
    t = step(steps - 1, steps)
    {places}
    mask = real(t, length, j, H)
{_lines(4, fetched)}
    for s in range(steps):
        t = step(steps - 1 - s, steps)
        {places}
        mask = real(t, length, j, H)
        d0 += dy0.to(tl.float32)
{_lines(8, [f"{x} = {x}.to(tl.float32)" for x in into])}
        {_list(out)} = cell_backward({_list(into, names("p", self.vectors), names("d", self.S))})
{self._late_backward(pieces, gradients)}
{_lines(8, [f"{gradients[k]} = tl.where(mask, {gradients[k]}, 0.0)" for k in range(self.early)])}
{_each(8, "tl.store(da + gates + {k} * H, ga{k}, mask=mask)", G)}
{_lines(8, [f"tl.store(du + rest + {n} * H, gu{k}, mask=mask)" for n, k in enumerate(apart)])}
{_each(8, "sum{k} += tl.where(mask, gp{k}, 0.0)", V)}
{_lines(8, [f"put{k} = put(room{k}, {gradients[k]})" for k in range(self.early)])}
        t, keep = step(steps - 2 - s, steps), mask
        {places}
        mask = real(t, length, j, H) & (s + 1 < steps)
{_lines(8, fetched)}
{self._back_products("g0", range(self.early), pieces)}
{_each(8, "d{k} = tl.where(keep, g{k}, d{k})", S)}
    here, mask = at_state(row, j, B, H), real(0, length, j, H)
{_each(4, "tl.store(dfirst{k} + here, d{k}, mask=mask)", S)}
{_each(4, "tl.store(dvector{k} + here, sum{k}, mask=mask)", V)}"""

    def _back_products(self, total, gates, pieces):
        """Add up what the gradients of some gates make of their matrices."""
        return "\n".join(
            f"        h = get(put{k}, {c}, {pieces})\n"
            f"        {total} = dot(h, W{k}_{c}, {total}, {k * pieces + c} < KEPT, PRECISION)"
            for k in gates
            for c in range(pieces)
        )

    def _late_backward(self, pieces, gradients):
        """The late gates' gradients go through their matrices first, and through what these multiplied."""
        if not self.late:
            return ""
        late, into = range(self.early, self.G), self._into(range(self.early))
        more = [f"more_{name}" for name in [*into, *names("s", self.S)]]
        sums = [(f"g{name}", f"more_{name}") for name in into]
        sums += [(f"g{i}", f"more_s{i}") for i in range(self.S)]
        return f"""{_lines(8, [f"put{k} = put(room{k}, tl.where(mask, {gradients[k]}, 0.0))" for k in late])}
        dv = zeros(ROWS, P)
{self._back_products("dv", late, pieces)}
        {_list(more)} = operand_backward({_list(into, names("s", self.S))}, dv)
{_lines(8, [f"{x} = {x} + {y}" for x, y in sums])}"""


def _by_sum(lines, k):
    """Whether lines look at a and u of a gate by their sum only."""
    a, u = f"a{k}", f"u{k}"
    if {a, u} & set(lines.out):
        return False
    values = [line.split(" = ", 1)[1] for line in lines.body]
    return not any({a, u} & set(re.findall(r"\w+", v)) for v in values if v not in (f"{a} + {u}", f"{u} + {a}"))


def _list(*parts):
    return ", ".join(name for part in parts for name in part)


def _each(indent, line, numbers):
    """The line once for each number k."""
    return "\n".join(" " * indent + line.replace("{k}", str(k)) for k in numbers)


def _lines(indent, lines):
    return "\n".join(" " * indent + line for line in lines)


def _line(indent, line, wanted):
    return "\n" + " " * indent + line if wanted else ""


#: What both dialects say in the same words: which numbers of a tensor belong to a program's tile.
PLACES = '''
@jit
def mine(lengths, T, B, P: tl.constexpr, ROWS: tl.constexpr):
    """The rows and features of this program, the length of each row (0 past the batch), and the longest."""
    row = rows(ROWS)
    if lengths is None:
        return row, features(P), tl.where(row < B, T, 0), T
    else:
        length = tl.load(lengths + row, mask=row < B, other=0).to(tl.int32)
        return row, features(P), length, tl.load(lengths + tl.program_id(0) * ROWS).to(tl.int32)


@jit
def step(s, steps):
    """The time of step s: direction 1 starts at the end."""
    return s + tl.program_id(1) * (steps - 1 - 2 * s)


@jit
def at(t, row, j, B, N: tl.constexpr, width: tl.constexpr):
    """Offsets of (t, row, this direction, j) in a tensor (T, B, N, width), which may have more than 2³¹ elements."""
    return ((t * B + row).to(tl.int64) * N + tl.program_id(1))[:, None] * width + j[None, :]


@jit
def at_state(row, j, B, H: tl.constexpr):
    """Offsets of (this direction, row, j) in a tensor (directions, B, H)."""
    return (tl.program_id(1) * B + row).to(tl.int64)[:, None] * H + j[None, :]


@jit
def real(t, length, j, H: tl.constexpr):
    """Which numbers of a tile exist at time t."""
    return (t < length)[:, None] & (j < H)[None, :]


@jit
def fetch(pointer, mask):
    return tl.load(pointer, mask=mask, other=0.0)


@jit
def bias(vector, gate, G: tl.constexpr, j, H: tl.constexpr):
    """One gate's part of a vector (directions, G·H), below the batch as many times as it has rows."""
    return tl.load(vector + (tl.program_id(1) * G + gate) * H + j, mask=j < H, other=0.0).to(tl.float32)[None, :]
'''


@cache
def module(text, dialect):
    """The module that a text makes, with the names of a dialect: `tiles` or `fragments`.

    Triton reads the source of a kernel again, so the text is left where Python looks for source.
    """
    text = PLACES + "\n\n" + text
    name = f"cell_{sha256((dialect.__name__ + text).encode()).hexdigest()[:12]}"
    made = ModuleType(name)
    made.__dict__.update({k: v for k, v in vars(dialect).items() if not k.startswith("__")})
    path = f"<{name}>"
    linecache.cache[path] = len(text), None, text.splitlines(keepends=True), path
    with triton.knobs.runtime.scope():
        triton.knobs.runtime.interpret = dialect.INTERPRETED  # which Triton asks when a function becomes a kernel
        exec(compile(text, path, "exec"), made.__dict__)
    return made
