"""Recurrent layers over whole sequences: any cell in the loop, with depth, direction, lengths and torch's names."""

import numpy as np

from course_rnn.numpy import cells, loop
from course_rnn.numpy._check import (
    check_array,
    check_float,
    check_real,
    check_sequences,
    check_sizes,
)
from course_rnn.numpy.nn import Module, state_like, state_parts
from course_rnn.numpy.scan import linear_scan, linear_scan_backward
from course_rnn.shared.cell import check_cell


class Recurrent(Module):
    """A cell over whole sequences: depth, direction, dropout and padding, for any cell.

    Parameters
    ----------
    cell : Cell
    input_size, hidden_size, num_layers : int
    bias : bool
    bidirectional : bool
    batch_first : bool
        Whether x and y are (B, T, …) instead of (T, B, …); states never are.
    dropout : float
        The probability of an output between two layers to be zeroed, after `train()`.
    rng : numpy.random.Generator, optional
        For the initial values, uniform in ±1/√hidden_size as in torch, and for dropout.
    dtype : numpy.float64 or numpy.float32

    Attributes
    ----------
    params, grads : dict of str to ndarray
        Under torch's names, in torch's order: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, …

    Raises
    ------
    ValueError, TypeError
        If the cell is none, a size is not a positive whole number, the dtype is unknown or dropout is no probability.

    Examples
    --------
    >>> from course_rnn.numpy.cells import UGRNN
    >>> y, h_n = Recurrent(UGRNN(), 3, 4, bidirectional=True).forward(np.ones((5, 2, 3)), lengths=[5, 3])
    >>> y.shape, h_n.shape
    ((5, 2, 8), (2, 2, 4))
    """

    def __init__(
        self,
        cell,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        bidirectional=False,
        *,
        batch_first=False,
        dropout=0.0,
        rng=None,
        dtype=np.float64,
    ):
        check_cell(cell, cells.Cell, "course_rnn.numpy")
        check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout}, expected a probability below 1")
        self.cell, self.dtype = cell, check_float(dtype)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.bidirectional, self.batch_first, self.dropout = bias, bidirectional, batch_first, dropout
        self.directions = ("", "_reverse") if bidirectional else ("",)
        self.output_size = len(self.directions) * cell.shown_size(hidden_size)
        self.rng = np.random.default_rng() if rng is None else rng
        self.params, self.grads = {}, {}
        for name, shape, bound in self._shapes():
            self.params[name] = self.rng.uniform(-bound, bound, shape).astype(dtype)

    def weights(self, layer=0, direction=""):
        """The parameters of one layer in one direction ("" or "_reverse") by their short names: weight_ih, …"""
        suffix = f"_l{layer}{direction}"
        D, H = self._features(layer), self.hidden_size
        return {name: self.params[name + suffix] for name in self.cell.shapes(D, H, self.bias)}

    def forward(self, x, state=None, lengths=None, mask=None):
        """Run the layer over a batch of sequences, and keep what `backward` needs.

        Parameters
        ----------
        x : (T, B, input_size) ndarray
        state : (layers·directions, B, H) ndarray, or for a cell of several states a tuple of them, optional
            h_0, or (h_0, c_0); zeros without it.
        lengths : (B,) ints, optional
            Where each sequence ends. What follows in x is not read: outputs there are 0, the final states are those at
            the true ends, and the backward direction starts there.
        mask : (T, B) ndarray of bool, optional
            True for a real step. Unlike lengths it may have holes, over which the states wait.

        Returns
        -------
        y : (T, B, directions·H) ndarray
            The last layer's h at every step.
        state : as `state`
            h_n, or (h_n, c_n): the final state of every layer and direction, layer by layer.

        Raises
        ------
        ValueError
            If a shape does not fit, there is no step or no sequence, a length is not from 1 to T, or a parameter was
            replaced by one of another shape.
        TypeError
            If an array is of another dtype than the layer, or the state is not of its form.
        """
        check_sequences(x, self.input_size, self.dtype)
        y = x.swapaxes(0, 1) if self.batch_first else x
        T, B, _ = y.shape
        self._check_params()
        real = check_real(lengths, mask, T, B)
        state, tape = self._parts(state, B, "{}_0"), []
        final = [np.empty_like(part) for part in state]
        for layer in range(self.num_layers):
            y, drop = self._drop(y) if layer else (y, None)
            outputs, tapes = [], []
            for direction in self.directions:
                k = layer * len(self.directions) + len(outputs)
                start = [part[k].copy() for part in state]  # what is kept for backward is ours
                out, end, kept = self._run(y, start, self.weights(layer, direction), real, direction)
                outputs.append(out)
                tapes.append(kept)
                for part, value in zip(final, end, strict=True):
                    part[k] = value
            y = np.concatenate(outputs, axis=-1) if self.bidirectional else outputs[0]
            tape.append((drop, tapes))
        self._keep(tape, y.shape)
        return y.swapaxes(0, 1) if self.batch_first else y, self._joined(final)

    def backward(self, dy, dstate=None):
        """Carry the gradient of the loss back through the last `forward`, and add to `grads`.

        Parameters
        ----------
        dy : (T, B, directions·H) ndarray, or None
            ∂L/∂y; None if only the final state counts. What stands at padding is ignored.
        dstate : as the state that `forward` returned, optional
            Its gradient.

        Returns
        -------
        dx : (T, B, input_size) ndarray
            0 at padding.
        dstate0 : as `dstate`
            The gradient of the initial state.

        Raises
        ------
        RuntimeError
            If there was no `forward`.
        ValueError, TypeError
            If both gradients are missing, or one has another shape or dtype than what it is the gradient of.
        """
        if dy is None and dstate is None:
            raise ValueError("backward needs dy, dstate or both")
        tape, shape = self._kept_last()
        if dy is None:
            dy = np.zeros(shape, self.dtype)
        else:
            check_array("dy", dy, (shape[1], shape[0], shape[2]) if self.batch_first else shape, self.dtype)
            dy = dy.swapaxes(0, 1) if self.batch_first else dy
        dstate = self._parts(dstate, shape[1], "d{}_n")
        dinitial, grads = [np.empty_like(part) for part in dstate], {}
        for layer in reversed(range(self.num_layers)):
            drop, tapes = tape[layer]
            douts, dx = np.split(dy, len(self.directions), axis=-1), 0
            for d, direction in enumerate(self.directions):
                k, weights = layer * len(self.directions) + d, self.weights(layer, direction)
                dinput, dstart, dweights = self._run_backward(douts[d], [part[k] for part in dstate], tapes[d], weights)
                for part, value in zip(dinitial, dstart, strict=True):
                    part[k] = value
                grads |= {f"{name}_l{layer}{direction}": grad for name, grad in dweights.items()}
                dx = dx + dinput
            dy = dx if drop is None else dx * drop
        self._add(grads)
        return dy.swapaxes(0, 1) if self.batch_first else dy, self._joined(dinitial)

    def final(self, state):
        """What the last layer shows at each sequence's end, (B, output_size): both directions side by side."""
        return np.concatenate([part[k] for k, part in self._ends(state)], axis=-1)

    def final_backward(self, dfinal, state):
        """The gradient of a state of which only `final` counts, from dfinal (B, output_size)."""
        dstate, start = tuple(np.zeros_like(part) for part in state_parts(state)), 0
        for k, dpart in self._ends(state_like(state, dstate)):
            stop = start + dpart.shape[-1]
            dpart[k] = dfinal[:, start:stop]
            start = stop
        return state_like(state, dstate)

    def _ends(self, state):
        """Yield for both directions of the last layer its row in each part of the state that is shown, and the part."""
        parts = [p for name, p in zip(self.cell.states, state_parts(state), strict=True) if name in self.cell.shown]
        for k in range(-len(self.directions), 0):
            yield from ((k, part) for part in parts)

    def _run(self, x, states, weights, real, direction):
        return loop.forward(self.cell, x, states, weights, real, reverse=bool(direction))

    def _run_backward(self, dy, dstates, tape, weights):
        return loop.backward(self.cell, dy, dstates, tape, weights)

    def _drop(self, y):
        """Zero some outputs on their way to the next layer, and scale the others up; also return the factors."""
        if not (self.dropout and self.training):
            return y, None
        drop = ((self.rng.random(y.shape) >= self.dropout) / (1 - self.dropout)).astype(self.dtype)
        return y * drop, drop

    def _features(self, layer):
        return self.output_size if layer else self.input_size

    def _shapes(self):
        """Yield name, shape and the bound of initial values of every parameter."""
        for layer in range(self.num_layers):
            D, H = self._features(layer), self.hidden_size
            for direction in self.directions:
                for name, shape in self.cell.shapes(D, H, self.bias).items():
                    yield f"{name}_l{layer}{direction}", shape, self.cell.bound(D, H)

    def _check_params(self):
        """Refuse parameters that somebody has replaced by others that do not fit."""
        for name, shape, _ in self._shapes():
            if name not in self.params:
                raise ValueError(f"{name} is missing from params")
            check_array(name, self.params[name], shape, self.dtype)

    def _parts(self, state, B, name):
        """Return a state as a tuple of its parts, zeros if there is none."""
        L, states = self.num_layers * len(self.directions), self.cell.states
        shapes = [(L, B, size) for size in self.cell.sizes(self.hidden_size)]
        if state is None:
            return tuple(np.zeros(shape, self.dtype) for shape in shapes)
        names = [name.format(part) for part in states]
        if len(states) == 1:
            state = (state,)
        elif not isinstance(state, tuple) or len(state) != len(states):
            raise TypeError(f"the state of {self.cell.name} is a tuple: {', '.join(names)}")
        for name, part, shape in zip(names, state, shapes, strict=True):
            check_array(name, part, shape, self.dtype)
        return state

    @staticmethod
    def _joined(parts):
        return tuple(parts) if len(parts) > 1 else parts[0]


class RNN(Recurrent):
    """A simple (Elman) recurrent network over whole sequences.

    h_t = f(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh),  f = tanh or relu

    Parameters
    ----------
    input_size, hidden_size, num_layers : int
    bias : bool
    bidirectional : bool
    nonlinearity : "tanh", "relu" or "identity"
    rng : numpy.random.Generator, optional
        Initial values are uniform in ±1/√hidden_size, as in torch.
    dtype : numpy.float64 or numpy.float32

    Attributes
    ----------
    params, grads : dict of str to ndarray
        Under torch's names, in torch's order: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, …

    Raises
    ------
    ValueError, TypeError
        If a size is not a positive whole number, or the nonlinearity or the dtype is unknown.

    References
    ----------
    Elman, "Finding structure in time", Cognitive Science 14 (1990).

    Examples
    --------
    >>> y, h_n = RNN(3, 4, bidirectional=True).forward(np.ones((5, 2, 3)), lengths=[5, 3])
    >>> y.shape, h_n.shape
    ((5, 2, 8), (2, 2, 4))
    """

    def __init__(self, *args, nonlinearity="tanh", **kwargs):
        super().__init__(cells.RNN(nonlinearity), *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(Recurrent):
    """A long short-term memory network over whole sequences.

    i, f, o = σ(…) and g = tanh(…) of W_ih x_t + b_ih + W_hh h_{t−1} + b_hh;  c_t = f ⊙ c_{t−1} + i ⊙ g,
    h_t = o ⊙ tanh(c_t)

    Parameters, attributes and errors are those of `RNN`, without the nonlinearity; the blocks of the weights are
    i, f, g, o, and the state is the pair (h, c).

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9 (1997); Gers, Schmidhuber and Cummins,
    "Learning to forget", Neural Computation 12 (2000), for the forget gate.

    Examples
    --------
    >>> y, (h_n, c_n) = LSTM(3, 4, num_layers=2).forward(np.ones((5, 2, 3)))
    >>> y.shape, c_n.shape
    ((5, 2, 4), (2, 2, 4))
    """

    def __init__(self, *args, **kwargs):
        super().__init__(cells.LSTM(), *args, **kwargs)


class GRU(Recurrent):
    """A gated recurrent unit network over whole sequences, with the reset gate after the matrix or before it.

    r, z = σ(…) of W_ih x_t + b_ih + W_hh h_{t−1} + b_hh;  h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}, where
    n = tanh(W_in x_t + b_in + r ⊙ (W_hn h_{t−1} + b_hn)), or with reset_after=False
    n = tanh(W_in x_t + b_in + W_hn (r ⊙ h_{t−1}) + b_hn)

    Parameters, attributes and errors are those of `RNN`, with `reset_after` in place of the nonlinearity: True is
    torch's GRU, False that of Cho et al. The blocks of the weights are r, z, n; z is the share of h that is kept.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder–decoder", EMNLP 2014.

    Examples
    --------
    >>> y, h_n = GRU(3, 4, reset_after=False).forward(np.ones((5, 2, 3)))
    >>> y.shape, h_n.shape
    ((5, 2, 4), (1, 2, 4))
    """

    def __init__(self, *args, reset_after=True, **kwargs):
        super().__init__(cells.GRU() if reset_after else cells.GRUResetBefore(), *args, **kwargs)
        self.reset_after = reset_after


class MinGRU(Recurrent):
    """A GRU whose gate and candidate do not look at the state, so that a whole sequence is one linear scan.

    z_t = σ(W_z x_t + b_z),   h̃_t = W_h x_t + b_h,   h_t = (1 − z_t) ⊙ h_{t−1} + z_t ⊙ h̃_t

    Here z writes, as in the paper; in torch's GRU z keeps. weight_ih is [W_z; W_h]. Parameters, attributes and errors
    are those of `RNN`, with `parallel` in place of the nonlinearity; initial values are uniform in ±1/√input_size.

    Parameters
    ----------
    parallel : bool
        Whether `linear_scan` runs over time in its parallel form instead of the loop; the result is the same.

    References
    ----------
    Feng et al., "Were RNNs all we needed?", arXiv 2410.01201 (2024).

    Examples
    --------
    >>> y, h_n = MinGRU(3, 4, parallel=True).forward(np.ones((5, 2, 3)))
    >>> y.shape, h_n.shape
    ((5, 2, 4), (1, 2, 4))
    """

    def __init__(self, *args, parallel=False, **kwargs):
        super().__init__(cells.MinGRU(), *args, **kwargs)
        self.parallel = parallel

    def _run(self, x, states, weights, real, direction):
        if not self.parallel:
            return super()._run(x, states, weights, real, direction)
        (h_0,), turn = states, slice(None, None, -1 if direction else 1)
        x, steps = np.where(real[..., None], x, 0)[turn], real[turn, :, None]
        z, c = np.split(cells.linear(x, weights, "ih"), 2, axis=-1)
        z = cells.sigmoid(z) * steps  # padding writes nothing, so the last row is the state at the true end
        h = linear_scan(1 - z, z * c, h_0, parallel=True)
        return (h * steps)[turn], [h[-1]], (x, steps, turn, z, c, h, h_0)

    def _run_backward(self, dy, dstates, tape, weights):
        if not self.parallel:
            return super()._run_backward(dy, dstates, tape, weights)
        x, steps, turn, z, c, h, h_0 = tape
        dh = np.where(steps, dy[turn], 0)
        dh[-1] += dstates[0]
        da, db, dh_0 = linear_scan_backward(dh, 1 - z, h, h_0, parallel=True)
        d = np.concatenate([(db * c - da) * z * (1 - z), db * z], axis=-1)  # z is 0 at padding
        rows, grads = d.reshape(-1, d.shape[-1]), {}
        grads["weight_ih"] = rows.T @ x.reshape(-1, x.shape[-1])
        if self.bias:
            grads["bias_ih"] = rows.sum(axis=0)
        return (d @ weights["weight_ih"])[turn], [dh_0], grads


class SCRN(Recurrent):
    """The structurally constrained network: beside a fast state h, a context s that may only change slowly.

    s_t = (1 − α) B x_t + α s_{t−1},   h_t = σ(P s_t + A x_t + R h_{t−1}),   y_t = [h_t, s_t]

    The Jacobian ∂s_T/∂s_t = α^(T−t) is fixed, so the context neither vanishes at once nor explodes; the price is that
    what it remembers cannot be chosen. With the head ``Linear(hidden_size + context_size, V)``, whose weight is [U, V],
    y becomes the paper's softmax(U h_t + V s_t). weight_ih is [A; B], weight_sh is P, weight_hh is R; the paper has no
    biases.

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
    >>> y, (h_n, s_n) = SCRN(3, 4, 2).forward(np.ones((5, 1, 3)))
    >>> y.shape, h_n.shape, s_n.shape
    ((5, 1, 6), (1, 1, 4), (1, 1, 2))
    """

    def __init__(self, input_size, hidden_size, context_size, alpha=0.95, num_layers=1, bias=False, **kwargs):
        super().__init__(cells.SCRN(context_size, alpha), input_size, hidden_size, num_layers, bias, **kwargs)
