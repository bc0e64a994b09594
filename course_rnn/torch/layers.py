"""RNN, LSTM and GRU with the interface of torch.nn, and a choice of how the time loop runs.

They are torch.nn's own classes with another `forward`, so constructors, initial values, `state_dict`, attributes,
`flatten_parameters()`, copies and pickles are torch's by construction. `implementation` is one of

=========  ===========================================================================================================
"loop"     the equations, step by step, in plain torch (loop.py)
"fused"    a time loop with a hand-written backward (fused.py): in torch on a CPU, in Triton on a GPU
"library"  torch.nn's own code: cuDNN on a GPU; on a CPU oneDNN for some LSTMs, a loop in C++ for the rest
"auto"     the fastest of them as far as we have measured (plan.py); `layer.plan(x)` names it and says why
=========  ===========================================================================================================
"""

import torch
from torch._C._dynamo.eval_frame import _FrameAction, _FrameExecStrategy, set_code_exec_strategy
from torch.fx import Proxy
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from course_rnn.torch import cpu, fused, loop, operator
from course_rnn.torch._check import check_inputs, under_autocast
from course_rnn.torch.cells import MODES
from course_rnn.torch.exchange import Exchangeable
from course_rnn.torch.plan import IMPLEMENTATIONS, choose, derived, looked_at


def _each(f, state):
    """Apply f to h, or to h and c."""
    return tuple(map(f, state)) if isinstance(state, tuple) else None if state is None else f(state)


def state_like(cell, parts):
    """Write the parts of a state as torch does: one tensor for a cell with one state, else a tuple."""
    return tuple(parts) if len(cell.states) > 1 else parts[0]


def _not_compiled(method):
    """Keep torch.compile out, as it keeps out of torch.nn's recurrent layers: it would unroll the time loop.

    torch.compiler.disable does the same at the price of a microsecond a call, and of a second at the import.
    """
    set_code_exec_strategy(method.__code__, _FrameExecStrategy(_FrameAction.SKIP, _FrameAction.SKIP))
    return method


class _Recurrent(Exchangeable):
    """What the three layers share: everything around the time loop."""

    implementation = "auto"  # of the class, for a layer that was pickled as torch.nn's

    def __init__(self, *args, implementation="auto", **kwargs):
        super().__init__(*args, **kwargs)
        if implementation not in IMPLEMENTATIONS:
            raise ValueError(f"implementation is {implementation!r}, it can be one of {', '.join(IMPLEMENTATIONS)}")
        if self.proj_size and implementation in ("loop", "fused"):
            raise ValueError("only torch.nn has proj_size, take implementation='auto' or 'library'")
        self.implementation = implementation

    @property
    def cell(self):
        """The equations of a step, from the table of cells."""
        return MODES[self.mode]

    def plan(self, input, lengths=None):
        """Say which implementation `forward` takes for this input, and why.

        Parameters
        ----------
        input, lengths : as for `forward`

        Returns
        -------
        str

        Examples
        --------
        >>> GRU(3, 4).plan(torch.zeros(5, 2, 3))
        'library: so few steps do not repay the preparation of the fused layer'
        """
        return ": ".join(choose(self, input, lengths))

    def _weights_have_changed(self):
        """Answer as torch.nn does, which looks each weight up twice, in Python: a tenth of the time of one step."""
        for name, ref in zip(self._flat_weights_names, self._flat_weight_refs, strict=True):
            weight = self._parameters.get(name)
            if weight is None:  # a plain tensor took its place, or it is computed at each access
                weight = getattr(self, name, None)
            if weight is not None and ref is not None and ref() is not weight:
                return True
        return False

    @_not_compiled
    def forward(self, input, hx=None, lengths=None):
        """Run the layer over a batch of sequences.

        Parameters
        ----------
        input : Tensor (T, B, D), or (B, T, D) with batch_first, or (T, D) for one sequence; or PackedSequence
        hx : Tensor (layers·directions, B, H), for an LSTM a tuple of two, optional
            h_0, or (h_0, c_0); zeros when not given. Without B for one sequence. With proj_size h_0 has that many
            features.
        lengths : Tensor (B,) of ints, optional
            Where each sequence ends: outputs past the end are 0, the final state is the one at the end, and the
            reverse direction starts there.

        Returns
        -------
        output : as `input`, with directions·H features
        h_n : as `hx`

        Raises
        ------
        InputError
            In one sentence, if shapes, devices or lengths do not fit together; it is a ValueError and a RuntimeError.
        InputTypeError
            In one sentence, if something is of the wrong kind or dtype; it is an InputError and a TypeError.
        """
        if isinstance(input, Proxy):
            return self._leaf(input, hx)
        try:
            implementation, _ = choose(self, input, lengths)
            if implementation == "library" and lengths is None and self.reset_after:
                return super().forward(input, hx)  # which looks at everything itself
        except Exception:
            check_inputs(self, input, hx, lengths)
            raise
        check_inputs(self, input, hx, lengths)
        if implementation == "library":
            return self._library(input, hx, lengths)
        return self._ours(implementation, input, tuple(hx) if isinstance(hx, list) else hx, lengths)

    def _ours(self, implementation, input, hx, lengths):
        """Run the loop or the fused layer, whatever form the batch has."""
        if isinstance(input, PackedSequence):
            return self._packed(implementation, input, hx)
        if input.dim() == 2:
            y, h_n = self._run(implementation, input[:, None], _each(lambda s: s[:, None], hx))
            return y[:, 0], _each(lambda s: s[:, 0], h_n)
        x = input.transpose(0, 1) if self.batch_first else input
        y, h_n = self._run(implementation, x, hx) if lengths is None else self._sorted(implementation, x, hx, lengths)
        return y.transpose(0, 1) if self.batch_first else y, h_n

    def _library(self, input, hx, lengths):
        """Let torch.nn do it, which takes lengths in a PackedSequence."""
        if not self.reset_after:
            raise ValueError("torch has no GRU with reset_after=False, take implementation='loop' or 'fused'")
        lengths, layout = torch.as_tensor(lengths).cpu(), {"batch_first": self.batch_first}
        y, h_n = super().forward(pack_padded_sequence(input, lengths, enforce_sorted=False, **layout), hx)
        return pad_packed_sequence(y, total_length=input.shape[self.batch_first], **layout)[0], h_n

    def _packed(self, implementation, packed, hx):
        """Unpack, run and pack again; a PackedSequence has its longest sequence first."""
        x, lengths = pad_packed_sequence(PackedSequence(packed.data, packed.batch_sizes))
        hx = None if hx is None else self.permute_hidden(hx, packed.sorted_indices)
        y, h_n = self._run(implementation, x, hx, lengths)
        y = packed._replace(data=pack_padded_sequence(y, lengths).data)
        return y, self.permute_hidden(h_n, packed.unsorted_indices)

    def _sorted(self, implementation, x, hx, lengths):
        """Put the longest sequence first, clear what lies past the ends, run, and restore the order."""
        lengths, order = torch.as_tensor(lengths, device=x.device).sort(descending=True, stable=True)
        back = order.argsort()
        padding = torch.arange(len(x), device=x.device)[:, None] >= lengths  # (T, B)
        hx = None if hx is None else self.permute_hidden(hx, order)
        y, h_n = self._run(implementation, x[:, order].masked_fill(padding[..., None], 0), hx, lengths)
        return y[:, back], self.permute_hidden(h_n, back)

    def _run(self, implementation, x, hx, lengths=None):
        """Run all layers over x (T, B, D), with lengths that do not increase along the batch."""
        kind = x.device.type
        if under_autocast(kind) and x.dtype != torch.float64:  # all of it in the lower precision
            low = torch.get_autocast_dtype(kind)
            with torch.autocast(kind, enabled=False):
                return self._run(implementation, x.to(low), _each(lambda s: s.to(low), hx), lengths)
        directions = 1 + self.bidirectional
        if hx is None:
            zeros = x.new_zeros(self.num_layers * directions, x.shape[1], self.hidden_size)
            hx = state_like(self.cell, [zeros for _ in self.cell.states])
        state = hx if isinstance(hx, tuple) else (hx,)
        self._update_flat_weights()
        count = 2 + 2 * self.bias
        weights = [w.to(x.dtype) for w in self._flat_weights]
        weights = [dict(zip(loop.NAMES, weights[i : i + count], strict=False)) for i in range(0, len(weights), count)]
        weights = [weights[i : i + directions] for i in range(0, len(weights), directions)]
        lengths = None if lengths is None else lengths.to(x.device)
        layer = loop.layer if implementation == "loop" else self._fused(x)
        dropout = self.dropout if self.training else 0.0
        y, state = loop.stack(layer, self.cell, x, state, weights, lengths, dropout)
        if implementation == "fused" and lengths is None:
            y = y.clone()  # it is kept for the backward pass, and its owner may change it in place
        return y, state_like(self.cell, state)

    def _fused(self, x):
        """The fused layer for where x is; as an operator of torch, where operators are looked at."""
        if not torch.compiler.is_compiling() and derived():
            raise ValueError(
                "torch.func.grad and forward-mode differentiation cannot look into the fused layer: "
                "take implementation='auto', or layer.to_torch()"
            )
        if x.device.type == "cpu":
            return operator.layer if looked_at() else fused.layer(cpu)
        if x.device.type != "cuda":
            raise ValueError(f"the fused layer runs on a CPU or an NVIDIA GPU, not on {x.device}; take 'library'")
        from course_rnn.torch import kernels  # only here, as it needs Triton

        kernels.check(self.cell, self.hidden_size, x)
        return operator.layer if looked_at() else fused.layer(kernels)


class RNN(_Recurrent, torch.nn.RNN):
    """A simple (Elman) recurrent network, a drop-in for torch.nn.RNN.

    h_t = tanh(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh), or with relu.

    Parameters
    ----------
    *args, **kwargs : as for torch.nn.RNN
        input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False, dropout=0.0,
        bidirectional=False, device=None, dtype=None.
    implementation : {"auto", "loop", "fused", "library"}

    References
    ----------
    Elman (1990), Finding structure in time.

    Examples
    --------
    >>> output, h_n = RNN(3, 4, bidirectional=True)(torch.zeros(5, 2, 3))
    >>> output.shape, h_n.shape
    (torch.Size([5, 2, 8]), torch.Size([2, 2, 4]))
    """


class LSTM(_Recurrent, torch.nn.LSTM):
    """A long short-term memory network, a drop-in for torch.nn.LSTM.

    i, f, o = σ(…) and g = tanh(…) of W_ih x_t + b_ih + W_hh h_{t−1} + b_hh;  c_t = f ⊙ c_{t−1} + i ⊙ g,
    h_t = o ⊙ tanh(c_t), or with proj_size h_t = W_hr (o ⊙ tanh(c_t)).

    Parameters
    ----------
    *args, **kwargs : as for torch.nn.LSTM
        input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
        proj_size=0, device=None, dtype=None.
    implementation : {"auto", "loop", "fused", "library"}
        With proj_size it is torch.nn's own code that runs.

    References
    ----------
    Hochreiter and Schmidhuber (1997), Long short-term memory; Gers et al. (2000) for the forget gate.

    Examples
    --------
    >>> output, (h_n, c_n) = LSTM(3, 4)(torch.zeros(5, 2, 3), lengths=torch.tensor([5, 2]))
    >>> output.shape, c_n.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """


class GRU(_Recurrent, torch.nn.GRU):
    """A gated recurrent unit network, a drop-in for torch.nn.GRU, with the reset gate after the product or before it.

    r, z = σ(…) of W_ih x_t + b_ih + W_hh h_{t−1} + b_hh;  h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}, where
    n = tanh(W_in x_t + b_in + r ⊙ (W_hn h_{t−1} + b_hn)), or with reset_after=False
    n = tanh(W_in x_t + b_in + W_hn (r ⊙ h_{t−1}) + b_hn).

    Parameters
    ----------
    *args, **kwargs : as for torch.nn.GRU
        input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
        device=None, dtype=None.
    reset_after : bool
        True is torch's GRU; False is the one of the paper. The parameters are the same.
    implementation : {"auto", "loop", "fused", "library"}

    References
    ----------
    Cho et al. (2014), Learning phrase representations using RNN encoder–decoder.

    Examples
    --------
    >>> output, h_n = GRU(3, 4, reset_after=False)(torch.zeros(5, 2, 3))
    >>> output.shape, h_n.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(self, *args, reset_after=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.reset_after = reset_after

    @property
    def cell(self):
        """The equations of a step, from the table of cells."""
        return MODES["GRU" if self.reset_after else "GRU_RESET_BEFORE"]
