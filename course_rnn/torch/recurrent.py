"""Any cell over whole sequences: the twin of `course_rnn.numpy.Recurrent`."""

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from course_rnn.shared.cell import check_cell, check_count
from course_rnn.shared.search import check_choice
from course_rnn.torch import cells, fused, loop
from course_rnn.torch._check import (
    InputError,
    InputTypeError,
    check_dtype_and_device,
    check_is_tensor,
    check_lengths,
    dimensions,
)
from course_rnn.torch.layers import GRU, LSTM, RNN, state_like
from course_rnn.torch.plan import choose_cell, kernels_for
from course_rnn.torch.scan import linear_scan


class Recurrent(torch.nn.Module):
    """A cell over whole sequences: depth, direction, dropout and padding, for any cell.

    Parameters
    ----------
    cell : Cell
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        As for torch.nn.RNN. Initial values are uniform in ±1/√hidden_size, unless the cell says otherwise. Under
        autocast the products become cheap; what is carried from step to step keeps its dtype.
    implementation : {"auto", "loop", "fused"}
        "fused" writes GPU kernels for the cell, from its `pointwise`; "auto" takes them on a GPU where the compiler
        made good ones, and the loop elsewhere.

    Raises
    ------
    ValueError, TypeError
        If the cell is none, a size is no positive whole number, or there is no such implementation.

    Examples
    --------
    >>> y, h_n = Recurrent(cells.UGRNN(), 3, 4, bidirectional=True)(torch.ones(5, 2, 3), lengths=torch.tensor([5, 3]))
    >>> y.shape, h_n.shape
    (torch.Size([5, 2, 8]), torch.Size([2, 2, 4]))
    """

    def __init__(
        self,
        cell,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        device=None,
        dtype=None,
        implementation="auto",
    ):
        super().__init__()
        check_choice("implementation", implementation, ("auto", "loop", "fused"))
        self.implementation = implementation
        check_cell(cell, cells.Cell, "course_rnn.torch")
        for name, size in {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}.items():
            check_count(name, size, 1)
        self.cell, self.input_size, self.hidden_size, self.num_layers = cell, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        self.directions = ("", "_reverse") if bidirectional else ("",)
        self.output_size = len(self.directions) * cell.shown_size(hidden_size)
        for layer in range(num_layers):
            D = self.output_size if layer else input_size
            for direction in self.directions:
                for name, shape in cell.shapes(D, hidden_size, bias).items():
                    weight = torch.nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                    self.register_parameter(f"{name}_l{layer}{direction}", weight)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw every parameter anew."""
        for layer in range(self.num_layers):
            bound = self.cell.bound(self.output_size if layer else self.input_size, self.hidden_size)
            for direction in self.directions:
                for weight in self.weights(layer, direction).values():
                    torch.nn.init.uniform_(weight, -bound, bound)

    def weights(self, layer=0, direction=""):
        """The parameters of one layer in one direction ("" or "_reverse") by their short names: weight_ih, …"""
        names = self.cell.shapes(self.input_size, self.hidden_size, self.bias)
        return {name: getattr(self, f"{name}_l{layer}{direction}") for name in names}

    def plan(self, input, lengths=None, mask=None):
        """Say which implementation `forward` takes, and why: as for `GRU`.

        Examples
        --------
        >>> Recurrent(cells.UGRNN(), 3, 4).plan(torch.zeros(5, 2, 3))
        'loop: on cpu a UGRNN has no fused layer, autograd follows its equations step by step'
        """
        x = input.data if isinstance(input, PackedSequence) else input
        return ": ".join(choose_cell(self.cell, self.implementation, self.hidden_size, x, mask is not None))

    def forward(self, input, hx=None, lengths=None, mask=None):
        """Run the layer over a batch of sequences.

        Parameters
        ----------
        input : Tensor (T, B, D), or (B, T, D) with batch_first, or (T, D) for one sequence; or PackedSequence
        hx : Tensor (layers·directions, B, size), for a cell of several states a tuple of them, optional
            Zeros when not given. Without B for one sequence.
        lengths : Tensor (B,) of ints, optional
            Where each sequence ends: outputs past the end are 0, the final state is the one at the end, and the
            reverse direction starts there.
        mask : Tensor (T, B) of bool, optional
            True for a real step. Unlike lengths it may have holes, over which the states wait.

        Returns
        -------
        output : as `input`, with directions·(shown size) features
        h_n : as `hx`

        Raises
        ------
        InputError, InputTypeError
            In one sentence, if shapes, dtypes, devices or lengths do not fit together.
        """
        self._check(input, hx, lengths, mask)
        if isinstance(input, PackedSequence):
            return self._packed(input, hx)
        if input.dim() == 2:
            y, h_n = self._run(input[:, None], None if hx is None else self._each(lambda s: s[:, None], hx), None)
            return y[:, 0], self._each(lambda s: s[:, 0], h_n)
        x = input.transpose(0, 1) if self.batch_first else input
        where = mask if lengths is None else torch.as_tensor(lengths, device=x.device)
        y, h_n = self._run(x, hx, where)
        return y.transpose(0, 1) if self.batch_first else y, h_n

    def final(self, state):
        """What the last layer shows at each sequence's end, (B, output_size): both directions side by side."""
        return final(self, state)

    def _packed(self, packed, hx):
        """Unpack, run and pack again; a PackedSequence has its longest sequence first."""

        def sort(state, order):
            return state if order is None else self._each(lambda s: s.index_select(1, order), state)

        x, lengths = pad_packed_sequence(PackedSequence(packed.data, packed.batch_sizes))
        y, h_n = self._run(x, None if hx is None else sort(hx, packed.sorted_indices), lengths.to(x.device))
        return packed._replace(data=pack_padded_sequence(y, lengths).data), sort(h_n, packed.unsorted_indices)

    def _run(self, x, hx, where):
        lengths = where if where is not None and where.dtype != torch.bool else None
        if where is not None:  # what stands at padding is never looked at, not even a NaN
            real = where if where.dtype == torch.bool else torch.arange(len(x), device=x.device)[:, None] < where
            x, where = x.masked_fill(~real[..., None], 0), real
        if hx is None:
            L, B = self.num_layers * len(self.directions), x.shape[1]
            hx = tuple(x.new_zeros(L, B, size) for size in self.cell.sizes(self.hidden_size))
        state = hx if isinstance(hx, tuple) else (hx,)
        weights = [[self.weights(layer, d) for d in self.directions] for layer in range(self.num_layers)]
        dropout = self.dropout if self.training else 0.0
        chosen, _ = choose_cell(
            self.cell, self.implementation, self.hidden_size, x, where is not None and lengths is None
        )
        if chosen == "fused":
            y, state = self._fused(x, state, weights, lengths, dropout)
        else:
            y, state = loop.stack(self._layer, self.cell, x, state, weights, where, dropout)
        return y, state_like(self.cell, state)

    def _fused(self, x, state, weights, lengths, dropout):
        """Run the kernels, which want the longest sequence first."""
        kernels = kernels_for(self.cell, self.hidden_size, x)
        if lengths is None:
            return loop.stack(fused.layer(kernels), self.cell, x, state, weights, None, dropout)
        lengths, order = lengths.sort(descending=True, stable=True)
        back, state = order.argsort(), tuple(s[:, order] for s in state)
        y, state = loop.stack(fused.layer(kernels), self.cell, x[:, order], state, weights, lengths, dropout)
        return y[:, back], tuple(s[:, back] for s in state)

    def _layer(self, cell, x, state, weights, where):
        return loop.layer(cell, x, state, weights, where)

    def _each(self, f, state):
        return tuple(map(f, state)) if isinstance(state, tuple) else f(state)

    def _check(self, input, hx, lengths, mask):
        """Refuse what does not fit."""
        check_is_tensor("input", input, PackedSequence)
        x = input.data if isinstance(input, PackedSequence) else input
        if x is input and x.dim() not in (2, 3):
            raise InputError(f"input has {x.dim()} dimensions, this layer expects 3, or 2 for one sequence")
        if x.shape[-1] != self.input_size:
            raise InputError(f"input has {x.shape[-1]} features, this layer expects {self.input_size}")
        T, B, batched = dimensions(self, input)
        if T == 0:
            raise InputError("input has no time steps, this layer expects at least one")
        check_dtype_and_device("input", x, self.weight_ih_l0, "this layer")
        if lengths is not None and mask is not None:
            raise InputError("lengths and mask both say where the steps are: give one of them")
        if (lengths is not None or mask is not None) and (x is not input or not batched):
            raise InputError(
                "lengths go with a padded batch; a PackedSequence has its own, and one sequence needs none"
            )
        if lengths is not None:
            check_lengths(torch.as_tensor(lengths), T, B)
        if mask is not None and mask.dtype != torch.bool:
            raise InputTypeError(f"mask is {mask.dtype}, expected bool: True for a real step")
        if mask is not None and mask.shape != (T, B):
            raise InputError(f"mask has shape {tuple(mask.shape)}, expected {(T, B)}: time first")
        if hx is not None:
            self._check_state(hx, B if batched else None, x)

    def _check_state(self, hx, B, x):
        names = [f"{name}_0" for name in self.cell.states]
        many = len(names) > 1
        if isinstance(hx, tuple) != many or (many and len(hx) != len(names)):
            said = f"a tuple: {', '.join(names)}" if many else f"one tensor, {names[0]}"
            raise InputTypeError(f"hx of {self.cell.name} has to be {said}")
        L, sizes = self.num_layers * len(self.directions), self.cell.sizes(self.hidden_size)
        for name, part, size in zip(names, hx if many else (hx,), sizes, strict=True):
            shape = (L, size) if B is None else (L, B, size)
            if tuple(part.shape) != shape:
                raise InputError(f"{name} has shape {tuple(part.shape)}, this input needs {shape}")
            check_dtype_and_device(name, part, x, "the input")

    def extra_repr(self):
        """What torch prints between the brackets."""
        options = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        given = (f"{name}={getattr(self, name)}" for name, default in options.items() if getattr(self, name) != default)
        return ", ".join([repr(self.cell), str(self.input_size), str(self.hidden_size), *given])


class MinGRU(Recurrent):
    """A GRU whose gate and candidate do not look at the state, so that a whole sequence is one linear scan.

    z_t = σ(W_z x_t + b_z),   h̃_t = W_h x_t + b_h,   h_t = (1 − z_t) ⊙ h_{t−1} + z_t ⊙ h̃_t

    Here z writes, as in the paper; in torch's GRU z keeps. weight_ih is [W_z; W_h].

    Parameters
    ----------
    *args, **kwargs
        As for `Recurrent`, without the cell.
    parallel : bool
        Whether `linear_scan` runs over time in its parallel form instead of the loop; the result is the same.

    References
    ----------
    Feng et al., "Were RNNs all we needed?", arXiv 2410.01201 (2024).

    Examples
    --------
    >>> y, h_n = MinGRU(3, 4, parallel=True)(torch.ones(5, 2, 3))
    >>> y.shape, h_n.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(self, *args, parallel=False, **kwargs):
        super().__init__(cells.MinGRU(), *args, **kwargs)
        self.parallel = parallel

    def _layer(self, cell, x, state, weights, where):
        if not self.parallel:
            return super()._layer(cell, x, state, weights, where)
        ys, ends = [], []
        for d, of_direction in enumerate(weights):
            a, real = cells.linear(x, of_direction, "ih"), None if where is None else where[..., None]
            a, real = (a.flip(0), None if real is None else real.flip(0)) if d else (a, real)
            z, c = a.chunk(2, dim=-1)
            z = torch.sigmoid(z)
            z = z if real is None else z * real  # padding writes nothing, so the last row is the state at the true end
            h = linear_scan(1 - z, z * c, state[0][d], parallel=True)
            y = h if real is None else h * real
            ys.append(y.flip(0) if d else y)
            ends.append(h[-1])
        return torch.cat(ys, dim=-1), (torch.stack(ends),)


class SCRN(Recurrent):
    """The structurally constrained network: beside a fast state h, a context s that may only change slowly.

    s_t = (1 − α) B x_t + α s_{t−1},   h_t = σ(P s_t + A x_t + R h_{t−1}),   y_t = [h_t, s_t]

    The Jacobian ∂s_T/∂s_t = α^(T−t) is fixed, so the context neither vanishes at once nor explodes. With the head
    ``Linear(hidden_size + context_size, V)``, whose weight is [U, V], y becomes the paper's softmax(U h_t + V s_t).
    weight_ih is [A; B], weight_sh is P, weight_hh is R; the paper has no biases.

    Parameters
    ----------
    input_size, hidden_size, context_size : int
    alpha : float
        How much of the context stays in each step, 0 ≤ α < 1.
    num_layers, bias, **kwargs
        As for `Recurrent`.

    Raises
    ------
    ValueError
        If alpha is outside its range.

    References
    ----------
    Mikolov et al., "Learning longer memory in recurrent neural networks", arXiv 1412.7753 (2014).

    Examples
    --------
    >>> y, (h_n, s_n) = SCRN(3, 4, 2)(torch.ones(5, 1, 3))
    >>> y.shape, h_n.shape, s_n.shape
    (torch.Size([5, 1, 6]), torch.Size([1, 1, 4]), torch.Size([1, 1, 2]))
    """

    def __init__(self, input_size, hidden_size, context_size, alpha=0.95, num_layers=1, bias=False, **kwargs):
        super().__init__(cells.SCRN(context_size, alpha), input_size, hidden_size, num_layers, bias, **kwargs)


#: torch.nn's three, which have fused and library implementations.
LAYERS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}


def layer_of(cell, *args, **kwargs):
    """A layer of the cell of this name, or of a cell of one's own."""
    return LAYERS[cell](*args, **kwargs) if isinstance(cell, str) else Recurrent(cell, *args, **kwargs)


def final(layer, state):
    """What the last layer shows at each sequence's end, (B, output size): both directions side by side."""
    parts = state if isinstance(state, tuple) else (state,)
    shown = [part for name, part in zip(layer.cell.states, parts, strict=True) if name in layer.cell.shown]
    return torch.cat([part[k] for k in range(-1 - layer.bidirectional, 0) for part in shown], dim=-1)
