"""Recurrent layers over whole sequences, with torch's names, shapes and numbers.

The equations are those of `course_rnn.numpy.cells`; here they are arranged for speed. What does not depend on the
previous step leaves the loop: the product with the inputs, both biases, and, going backward, the gradients of the
weights. A loop over time is left with one product and a few in-place operations a step.

Sequences of different lengths are packed as torch packs them: the real steps of the batch, longest sequence first, lie
time by time in one matrix of N rows. At each step the sequences still running are then the first rows, a sequence that
has ended is no longer touched, and a reversed sequence begins at its own end.
"""

import numpy as np

from course_rnn.numpy._check import check_array, check_lengths, check_sequences, check_sizes, check_state
from course_rnn.numpy.cells import NONLINEARITIES
from course_rnn.numpy.nn import Module


def _rows(index):
    """Turn consecutive row numbers into a slice: it selects the same, as a view instead of a copy."""
    return slice(index[0], index[-1] + 1) if np.all(np.diff(index) == 1) else index


class _Schedule:
    """Where a scan over packed sequences finds its rows.

    States are kept in a matrix of B + N rows: the initial states, then the state after each packed row.
    """

    def __init__(self, T, B, lengths, reverse):
        order = np.argsort(-lengths, kind="stable")  # longest first
        lengths = lengths[order]
        running = np.arange(T)[:, None] < lengths  # (T, B)
        t, b = np.nonzero(running)  # (N,) each
        sizes = running.sum(axis=1)[: lengths[0]]
        before = np.concatenate([[0], B + np.cumsum(sizes) - sizes])  # first state row before step t
        self.order = _rows(order)
        self.input = _rows((lengths[b] - 1 - t if reverse else t) * B + order[b])  # row of x, as (T * B, D)
        self.previous = _rows(before[t] + b)  # state row that a packed row continues
        self.last = _rows(before[lengths] + np.arange(B))  # state row at the true end of each sequence
        # the slices of a step: its packed rows, the state rows before it, the sequences still running
        self.steps = [
            (slice(s - B, s - B + n), slice(p, p + n), slice(n))
            for n, p, s in zip(sizes.tolist(), before.tolist(), before[1:].tolist(), strict=False)
        ]

    def chunks(self, rows):
        """Group the steps, last first, so that a chunk of packed rows stays in the processor's cache."""
        chunk = []
        for step in reversed(self.steps):
            chunk.append(step)
            if chunk[0][0].stop - step[0].start >= rows or step is self.steps[0]:
                yield slice(step[0].start, chunk[0][0].stop), chunk
                chunk = []


class _Recurrent(Module):
    """What all layers share: parameters, packing, depth and direction. A cell adds its scan over time."""

    states = ("h",)  # what is carried from step to step
    half = (1,)  # for each gate, the factor inside its tanh: σ(a) = ½ tanh(½ a) + ½
    outside = (1,)  # for each gate, 1 if its recurrent bias may be added to the inputs

    def __init__(
        self, input_size, hidden_size, num_layers=1, bias=True, bidirectional=False, *, rng=None, dtype=np.float64
    ):
        check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        if dtype not in (np.float64, np.float32):
            raise TypeError(f"dtype is {np.dtype(dtype)}, expected float64 or float32")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.bidirectional = bias, bidirectional
        self.directions = ("", "_reverse") if bidirectional else ("",)
        rng = np.random.default_rng() if rng is None else rng
        H, GH, bound = hidden_size, len(self.half) * hidden_size, 1 / np.sqrt(hidden_size)
        self.params, self.grads, self.tape = {}, {}, []
        for layer in range(num_layers):
            D = input_size if layer == 0 else len(self.directions) * H
            shapes = {"weight_ih": (GH, D), "weight_hh": (GH, H)} | ({"bias_ih": GH, "bias_hh": GH} if bias else {})
            for direction in self.directions:
                for name, shape in shapes.items():
                    self.params[f"{name}_l{layer}{direction}"] = rng.uniform(-bound, bound, shape).astype(dtype)

    @property
    def dtype(self):
        return self.params["weight_ih_l0"].dtype

    def _zeros(self, *shape):
        return np.zeros(shape, self.dtype)

    def _per_gate(self, factors):
        return np.array(factors, self.dtype)[:, None, None]  # (G, 1, 1)

    def _multiplier(self, weight):
        """Return weight (G H, D) as the scan multiplies by it: (G, D, H), one matrix a gate, ½ folded in."""
        w = weight.reshape(len(self.half), self.hidden_size, -1).transpose(0, 2, 1)
        return np.multiply(w, self._per_gate(self.half), order="C")

    def forward(self, x, state=None, lengths=None):
        """Run the layer over a batch of sequences, and keep what `backward` needs.

        Parameters
        ----------
        x : (T, B, input_size) ndarray
        state : (layers·directions, B, H) ndarray, or for an LSTM a pair of them, optional
            h_0, or (h_0, c_0); zeros without it.
        lengths : (B,) ints, optional
            Where each sequence ends. What follows in x is not read: outputs there are 0, the final states are those at
            the true ends, and the backward direction starts there.

        Returns
        -------
        y : (T, B, directions·H) ndarray
            The last layer's h at every step.
        state : as `state`
            h_n, or (h_n, c_n): the final state of every layer and direction, layer by layer.

        Raises
        ------
        ValueError
            If a shape does not fit, there is no step or no sequence, a length is not from 1 to T, or the state holds a
            NaN.
        TypeError
            If an array is of another dtype than the layer, or the state is not of its form.
        """
        check_sequences(x, self.input_size, self.dtype)
        T, B, _ = x.shape
        H, dirs = self.hidden_size, len(self.directions)
        state_shape = (self.num_layers * dirs, B, H)
        state = self._parts(state, state_shape, "{}_0")
        lengths = check_lengths(lengths, T, B)
        schedules = [_Schedule(T, B, lengths, reverse) for reverse in range(dirs)]
        final = tuple(self._zeros(*state_shape) for _ in state)
        self.tape, self.y_shape = [], (T, B, dirs * H)
        for layer in range(self.num_layers):
            y = self._zeros(T * B, dirs * H)
            for d, direction in enumerate(self.directions):
                k, s = layer * dirs + d, schedules[d]
                weight_ih, weight_hh, bias_ih, bias_hh = self._weights(f"l{layer}{direction}")
                v = x.reshape(T * B, -1)[s.input]  # (N, D)
                a = v @ self._multiplier(weight_ih)  # (G, N, H)
                if self.bias:
                    bias = self._per_gate(self.half) * bias_ih.reshape(-1, 1, H)
                    bias += self._per_gate(self.half) * self._per_gate(self.outside) * bias_hh.reshape(-1, 1, H)
                    a += bias
                buffers = [np.empty((B + len(v), H), self.dtype) for _ in state]
                for buffer, initial in zip(buffers, state, strict=True):
                    buffer[:B] = initial[k, s.order]
                saved = self._scan(a, self._multiplier(weight_hh), bias_hh, s, *buffers)
                for buffer, end in zip(buffers, final, strict=True):
                    end[k, s.order] = buffer[s.last]
                y[s.input, d * H : (d + 1) * H] = buffers[0][B:]
                self.tape.append((s, v, saved))
            x = y.reshape(T, B, -1)
        return x, self._joined(final)

    def _weights(self, suffix):
        return [self.params.get(f"{name}_{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def _parts(self, state, shape, name):
        """Return a state as a tuple of its parts, zeros if there is none."""
        if state is None:
            return (self._zeros(*shape),) * len(self.states)
        if len(self.states) == 1:
            state = (state,)
        elif not isinstance(state, tuple) or len(state) != len(self.states):
            raise TypeError("the state of an LSTM is a pair, h_0 and c_0")
        check_state([name.format(part) for part in self.states], state, shape, self.dtype)
        return state

    def _joined(self, parts):
        """Undo `_parts`."""
        return parts if len(parts) > 1 else parts[0]

    def backward(self, dy, dstate=None):
        """Carry the gradient of the loss back through the last `forward`, and fill `grads`.

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
        if not self.tape:
            raise RuntimeError("backward needs a forward before it")
        if dy is None and dstate is None:
            raise ValueError("backward needs dy, dstate or both")
        (T, B, _), H, dirs = self.y_shape, self.hidden_size, len(self.directions)
        dy = self._zeros(*self.y_shape) if dy is None else dy
        check_array("dy", dy, self.y_shape, self.dtype)
        dstate = self._parts(dstate, (self.num_layers * dirs, B, H), "d{}_n")
        dinitial = tuple(np.empty_like(d) for d in dstate)
        grads = {}
        for layer in reversed(range(self.num_layers)):
            dy = dy.reshape(T * B, -1)
            dx = self._zeros(T * B, self.params[f"weight_ih_l{layer}"].shape[1])
            for d, direction in enumerate(self.directions):
                k, suffix = layer * dirs + d, f"l{layer}{direction}"
                weight_ih, weight_hh, _, _ = self._weights(suffix)
                s, v, saved = self.tape[k]
                carry = [dend[k][s.order] + 0 for dend in dstate]
                da, da_hh = self._scan_backward(dy[s.input, d * H : (d + 1) * H], weight_hh, s, *carry, *saved)
                for dstart, dend in zip(dinitial, carry, strict=True):
                    dstart[k, s.order] = dend
                dx[s.input] += da @ weight_ih
                grads[f"weight_ih_{suffix}"] = da.T @ v
                grads[f"weight_hh_{suffix}"] = np.concatenate([dm.T @ h for dm, h in da_hh])
                if self.bias:
                    grads[f"bias_ih_{suffix}"] = da.sum(axis=0)
                    grads[f"bias_hh_{suffix}"] = np.concatenate([dm.sum(axis=0) for dm, _ in da_hh])
            dy = dx
        self.grads = {name: grads[name] for name in self.params}
        return dx.reshape(T, B, -1), self._joined(dinitial)


class RNN(_Recurrent):
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
        super().__init__(*args, **kwargs)
        if nonlinearity not in NONLINEARITIES:
            raise ValueError(f"nonlinearity is {nonlinearity!r}, expected one of {', '.join(NONLINEARITIES)}")
        self.nonlinearity = nonlinearity

    def _scan(self, a, weight_hh, _, s, h):
        f, _ = NONLINEARITIES[self.nonlinearity]
        a, weight_hh, h_next = a[0], weight_hh[0], h[-a.shape[1] :]
        for now, before, _ in s.steps:
            h_t = np.matmul(h[before], weight_hh, out=h_next[now])
            h_t += a[now]
            h_t[:] = f(h_t)
        return h, h_next

    def _scan_backward(self, dy, weight_hh, s, dh, h, h_next):
        _, derivative = NONLINEARITIES[self.nonlinearity]
        da = np.empty_like(h_next)
        for rows, steps in s.chunks(2**16 // self.hidden_size):
            da[rows] = derivative(h_next[rows])
            for now, _, live in steps:
                dh_t, da_t = dh[live], da[now]
                dh_t += dy[now]
                da_t *= dh_t
                np.matmul(da_t, weight_hh, out=dh_t)
        return da, [(da, h[s.previous])]


def _tanh_gates(a, half):
    """Turn a into gates in place: tanh where half is 1, σ where it is ½ (and a already halved)."""
    np.tanh(a, out=a)
    a *= half
    a += 1 - half


class LSTM(_Recurrent):
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

    states = ("h", "c")
    half = (0.5, 0.5, 1, 0.5)
    outside = (1, 1, 1, 1)

    def _scan(self, a, weight_hh, _, s, h, c):
        N, H = a.shape[1:]
        h_next, c_next, tanh_c, half = h[-N:], c[-N:], np.empty((N, H), a.dtype), self._per_gate(self.half)
        for now, before, _ in s.steps:
            a_t, c_t = a[:, now], c_next[now]
            a_t += h[before] @ weight_hh
            _tanh_gates(a_t, half)
            i, f, g, o = a_t
            np.multiply(f, c[before], out=c_t)
            c_t += i * g
            np.multiply(o, np.tanh(c_t, out=tanh_c[now]), out=h_next[now])
        return a, h, c, tanh_c

    def _scan_backward(self, dy, weight_hh, s, dh, dc, gates, h, c, tanh_c):
        N, H = tanh_c.shape
        da, dc_dh = np.empty((N, 4, H), dh.dtype), np.empty((N, H), dh.dtype)
        c_prev = c[s.previous]
        for rows, steps in s.chunks(2**16 // H):
            i, f, g, o = gates[:, rows]
            da[rows, 0] = g * i * (1 - i)
            da[rows, 1] = c_prev[rows] * f * (1 - f)
            da[rows, 2] = i * (1 - g * g)
            da[rows, 3] = tanh_c[rows] * o * (1 - o)
            dc_dh[rows] = o * (1 - tanh_c[rows] ** 2)
            for now, _, live in steps:
                dh_t, dc_t, da_t = dh[live], dc[live], da[now]
                dh_t += dy[now]
                dc_t += dh_t * dc_dh[now]
                da_t[:, :3] *= dc_t[:, None]
                da_t[:, 3] *= dh_t
                dc_t *= gates[1, now]
                np.matmul(da_t.reshape(-1, 4 * H), weight_hh, out=dh_t)
        da = da.reshape(N, 4 * H)
        return da, [(da, h[s.previous])]


class GRU(_Recurrent):
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

    half = (0.5, 0.5, 1)
    outside = (1, 1, 0)

    def __init__(self, *args, reset_after=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.reset_after = reset_after

    def _scan(self, a, weight_hh, bias_hh, s, h):
        N, H = a.shape[1:]
        m = np.empty((N, H), a.dtype)
        v = h if self.reset_after else np.empty_like(h)
        b_hn = bias_hh[2 * H :] if self.bias else 0
        h_next = h[-N:]
        for now, before, _ in s.steps:
            h_t, a_rz, n = h[before], a[:2, now], a[2, now]
            a_rz += h_t @ weight_hh[:2]
            _tanh_gates(a_rz, 0.5)
            r, z = a_rz
            m_t = np.matmul(h_t if self.reset_after else np.multiply(r, h_t, out=v[before]), weight_hh[2], out=m[now])
            m_t += b_hn
            n += r * m_t if self.reset_after else m_t
            np.tanh(n, out=n)
            np.multiply(z, h_t - n, out=h_next[now])
            h_next[now] += n
        return a, h, v, m

    def _scan_backward(self, dy, weight_hh, s, dh, gates, h, v, m):
        N, H = m.shape
        da, dm = np.empty((N, 3, H), dh.dtype), np.empty((N, H), dh.dtype)
        W_rz, W_n = weight_hh[: 2 * H], weight_hh[2 * H :]
        h_prev, v = h[s.previous], v[s.previous]
        for now, _, live in reversed(s.steps):
            r, z, n = gates[:, now]
            da_r, da_z, da_n = da[now].swapaxes(0, 1)
            dh_t, h_t = dh[live], h_prev[now]
            dh_t += dy[now]
            da_z[:] = dh_t * (h_t - n) * z * (1 - z)
            da_n[:] = dh_t * (1 - z) * (1 - n * n)
            dm[now] = da_n * r if self.reset_after else da_n
            dv = dm[now] @ W_n
            da_r[:] = (da_n * m[now] if self.reset_after else dv * h_t) * r * (1 - r)
            dh_t *= z
            dh_t += dv if self.reset_after else dv * r
            dh_t += da[now, :2].reshape(-1, 2 * H) @ W_rz
        da = da.reshape(N, 3 * H)
        return da, [(da[:, : 2 * H], h_prev), (dm, v)]
