"""The cells on torch tensors: the equations of one step; autograd derives the backward pass.

They are the twins of those in `course_rnn.numpy.cells`, with the same names, settings and weights. A cell is pointwise
on a = W_ih x + b_ih and u = W_hh h + b_hh, each a block of H columns a gate, or takes a step of its own.
"""

import torch
from torch.nn import functional as F

from course_rnn.shared.cell import Cell as Description
from course_rnn.shared.cell import check_alpha, check_cell, check_count
from course_rnn.shared.search import check_choice


def linear(v, weights, name):
    """Apply the linear map `name` to rows: v Wᵀ + b, or v Wᵀ if the weights have no biases."""
    y = F.linear(v, weights["weight_" + name], weights.get("bias_" + name))
    return y.to(v.dtype)  # autocast makes products cheap; what is carried over many steps stays as it is


class Cell(Description):
    """A recurrent cell: subclass it, say which gates and states there are, and write `pointwise`.

    Attributes are those of `course_rnn.shared.cell.Cell`, and

    mode : str or None
        Under which name torch.nn knows the cell, or its twin; None for a cell of one's own.
    late : int
        How many of the last gates multiply with their part of W_hh not h, but what `operand` makes of it.

    Examples
    --------
    The update gate RNN: one gate says how much of the state stays.

    >>> class UGRNN(Cell):
    ...     gates = ("g", "c")
    ...     def pointwise(self, a, u, h):
    ...         s_g, s_c = (a + u).chunk(2, dim=-1)
    ...         g = torch.sigmoid(s_g)
    ...         return (g * h + (1 - g) * torch.tanh(s_c),)
    >>> from course_rnn.torch import Recurrent
    >>> y, h_n = Recurrent(UGRNN(), 3, 4, num_layers=2, bidirectional=True)(torch.ones(5, 2, 3))
    >>> y.shape, h_n.shape
    (torch.Size([5, 2, 8]), torch.Size([4, 2, 4]))
    """

    mode, late = None, 0

    def pointwise(self, a, u, *states):
        """Make the next states.

        Parameters
        ----------
        a, u : (B, G·H) Tensor
            W_ih x + b_ih and W_hh h + b_hh, a block of H columns for each gate.
        *states : (B, H) Tensor each
            Those before this step, then the cell's `vectors` (H,), if it has some.

        Returns
        -------
        tuple of (B, H) Tensor
            The states after it.
        """
        raise NotImplementedError(f"{self.name} has no pointwise(a, u, {', '.join(self.states)})")

    def operand(self, a, u, *states):
        """Make what the late gates multiply, (B, H), from a and u of the other gates and the states."""
        raise NotImplementedError(
            f"{self.name} has {self.late} late gates and no operand(a, u, {', '.join(self.states)})"
        )

    def step(self, a, states, weights):
        """Take one step: a (B, rows of weight_ih), states (B, size) and the weights of one layer make the next states.

        Parameters
        ----------
        a : Tensor
            W_ih x + b_ih.
        states : sequence of Tensor
        weights : dict of str to Tensor

        Returns
        -------
        tuple of Tensor
        """
        return self.pointwise(a, self.products(a, states, weights), *states, *map(weights.get, self.vectors))

    def products(self, a, states, weights):
        """Return u = W_hh h + b_hh, (B, G·H); where some gates are late, their part of it comes after the rest."""
        if not self.late:
            return linear(states[0], weights, "hh")
        G, H = len(self.gate_names), states[0].shape[-1]
        sizes = (G - self.late) * H, self.late * H
        own = {name: weights[name].split(sizes) for name in ("weight_hh", "bias_hh") if name in weights}
        early, late = ({name: halves[k] for name, halves in own.items()} for k in (0, 1))
        u = linear(states[0], early, "hh")
        return torch.cat([u, linear(self.operand(a[..., : sizes[0]], u, *states), late, "hh")], dim=-1)


class RNN(Cell):
    """The simple (Elman) cell: h' = f(a + u), f = "tanh", "relu" or "identity"."""

    def __init__(self, nonlinearity="tanh"):
        if nonlinearity not in NONLINEARITIES:
            raise ValueError(f"nonlinearity is {nonlinearity!r}, expected one of {', '.join(NONLINEARITIES)}")
        self.nonlinearity = nonlinearity

    @property
    def mode(self):
        return None if self.nonlinearity == "identity" else f"RNN_{self.nonlinearity.upper()}"

    def pointwise(self, a, u, h):
        return (NONLINEARITIES[self.nonlinearity](a + u),)


NONLINEARITIES = {"tanh": torch.tanh, "relu": torch.relu, "identity": lambda a: a}


class LSTM(Cell):
    """c' = f ⊙ c + i ⊙ g,  h' = o ⊙ tanh(c'),  with i, f, o = σ(…) and g = tanh(…) of a + u"""

    gates, states, mode = ("i", "f", "g", "o"), ("h", "c"), "LSTM"
    keep, write = "f", "i"

    def pointwise(self, a, u, h, c):
        i, f, g, o = (a + u).chunk(4, dim=-1)  # (B, H) each
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class GRU(Cell):
    """n = tanh(a_n + r ⊙ u_n),  h' = (1 − z) ⊙ n + z ⊙ h,  with r, z = σ(a + u)"""

    gates, keep, mode = ("r", "z", "n"), "z", "GRU"

    def pointwise(self, a, u, h):
        a_r, a_z, a_n = a.chunk(3, dim=-1)  # (B, H) each
        u_r, u_z, u_n = u.chunk(3, dim=-1)
        r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
        n = torch.tanh(a_n + r * u_n)
        return (n + z * (h - n),)


class GRUResetBefore(Cell):
    """n = tanh(a_n + W_hn (r ⊙ h) + b_hn),  h' = (1 − z) ⊙ n + z ⊙ h,  with r, z = σ(a + u)"""

    gates, keep, mode, late = ("r", "z", "n"), "z", "GRU_RESET_BEFORE", 1

    def operand(self, a, u, h):
        return torch.sigmoid(a + u).chunk(2, dim=-1)[0] * h

    def pointwise(self, a, u, h):
        _, z, n = (a + u).chunk(3, dim=-1)
        n = torch.tanh(n)
        return (n + torch.sigmoid(z) * (h - n),)


class UGRNN(Cell):
    """h' = g ⊙ h + (1 − g) ⊙ c,  with g = σ(a_g + u_g) and c = tanh(a_c + u_c)"""

    gates, keep = ("g", "c"), "g"

    def pointwise(self, a, u, h):
        s_g, s_c = (a + u).chunk(2, dim=-1)
        c = torch.tanh(s_c)
        return (c + torch.sigmoid(s_g) * (h - c),)


class CoupledLSTM(Cell):
    """c' = f ⊙ c + (1 − f) ⊙ g,  h' = o ⊙ tanh(c'),  with f, o = σ(…) and g = tanh(…) of a + u"""

    gates, states, keep = ("f", "g", "o"), ("h", "c"), "f"

    def pointwise(self, a, u, h, c):
        s_f, s_g, s_o = (a + u).chunk(3, dim=-1)
        g = torch.tanh(s_g)
        c = g + torch.sigmoid(s_f) * (c - g)
        return torch.sigmoid(s_o) * torch.tanh(c), c


class PeepholeLSTM(Cell):
    """An LSTM whose gates i and f see the old memory, and o the new one, each unit its own."""

    gates, states = ("i", "f", "g", "o"), ("h", "c")
    keep, write = "f", "i"
    vectors = ("weight_ci", "weight_cf", "weight_co")

    def pointwise(self, a, u, h, c, p_i, p_f, p_o):
        i, f, g, o = (a + u).chunk(4, dim=-1)
        c = torch.sigmoid(f + p_f * c) * c + torch.sigmoid(i + p_i * c) * torch.tanh(g)
        return torch.sigmoid(o + p_o * c) * torch.tanh(c), c


class MinGRU(Cell):
    """h' = (1 − z) ⊙ h + z ⊙ a_c,  with z = σ(a_z): neither gate nor candidate looks at the state"""

    gates, write = ("z", "c"), "z"

    def maps(self, D, H):
        return {"ih": (2 * H, D)}

    def bound(self, D, H):
        return D**-0.5

    def step(self, a, states, weights):
        (h,), (a_z, c) = states, a.chunk(2, dim=-1)
        return (h + torch.sigmoid(a_z) * (c - h),)


class SCRN(Cell):
    """s' = (1 − α) B x + α s,  h' = σ(P s' + A x + R h),  both shown; weight_ih is [A; B], weight_sh P, weight_hh R"""

    states = shown = ("h", "s")

    def __init__(self, context_size, alpha=0.95):
        check_alpha(alpha)
        self.context_size, self.alpha = context_size, alpha

    def sizes(self, H):
        return H, self.context_size

    def maps(self, D, H):
        return {"ih": (H + self.context_size, D), "sh": (H, self.context_size), "hh": (H, H)}

    def step(self, a, states, weights):
        h, s = states
        H = h.shape[-1]
        s = (1 - self.alpha) * a[:, H:] + self.alpha * s
        return torch.sigmoid(linear(s, weights, "sh") + a[:, :H] + linear(h, weights, "hh")), s


class Jordan(Cell):
    """o' = W_ho tanh(a + W_oh f(o) + b_oh) + b_ho;  its states are o, which is shown, and f(o), which comes back"""

    states, shown = ("o", "fed"), ("o",)

    def __init__(self, output_size, feedback="output"):
        if feedback not in FEEDBACKS:
            raise ValueError(f"feedback is {feedback!r}, expected one of {', '.join(FEEDBACKS)}")
        self.output_size, self.feedback = output_size, feedback

    def sizes(self, H):
        return self.output_size, self.output_size

    def maps(self, D, H):
        return {"ih": (H, D), "oh": (H, self.output_size), "ho": (self.output_size, H)}

    def step(self, a, states, weights):
        _, fed = states
        o = linear(torch.tanh(a + linear(fed, weights, "oh")), weights, "ho")
        return o, FEEDBACKS[self.feedback](o)


# name: what f(o) of the output comes back; a hard label has no gradient
FEEDBACKS = {
    "output": lambda o: o,
    "probabilities": lambda o: o.softmax(dim=-1),
    "label": lambda o: F.one_hot(o.argmax(dim=-1), o.shape[-1]).to(o.dtype),
}


class DeepTransition(Cell):
    """z_1 = tanh(a + u),  z_k = tanh(W_k z_{k−1} + b_k),  h' = z_depth"""

    def __init__(self, depth=2):
        check_count("depth", depth, 1)
        self.depth = depth

    def maps(self, D, H):
        return {"ih": (H, D), "hh": (H, H)} | {f"deep{k}": (H, H) for k in range(2, self.depth + 1)}

    def step(self, a, states, weights):
        z = torch.tanh(a + linear(states[0], weights, "hh"))
        for k in range(2, self.depth + 1):
            z = torch.tanh(linear(z, weights, f"deep{k}"))
        return (z,)


class Skip(Cell):
    """h_t = tanh(a + W_hh h_{t−1} + W_skip h_{t−distance} + b_hh + b_skip);  its states are the last `distance` h"""

    def __init__(self, distance=2):
        check_count("distance", distance, 2)
        self.distance = distance
        self.states = ("h", *(f"h_{k}_ago" for k in range(1, distance)))

    def maps(self, D, H):
        return {"ih": (H, D), "hh": (H, H), "skip": (H, H)}

    def step(self, a, states, weights):
        h = torch.tanh(a + linear(states[0], weights, "hh") + linear(states[-1], weights, "skip"))
        return h, *states[:-1]


#: The one table of cells by name: torch.nn's modes, and the reset before the matrix, which torch.nn has not.
MODES = {cell.mode: cell for cell in (RNN("tanh"), RNN("relu"), LSTM(), GRU(), GRUResetBefore())}

#: The cells that go by a name: what `Encoder(cell="GRU")` means.
CELLS = {"RNN": MODES["RNN_TANH"], "LSTM": MODES["LSTM"], "GRU": MODES["GRU"]}


def cell_of(cell):
    """Return the cell of this name, or the cell itself.

    Raises
    ------
    ValueError, TypeError
        If the name is unknown, or the cell is none.
    """
    if isinstance(cell, str):
        check_choice("cell", cell, CELLS)
        return CELLS[cell]
    check_cell(cell, Cell, "course_rnn.torch")
    return cell
