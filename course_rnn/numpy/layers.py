"""Recurrent layers over whole sequences, with torch's names, shapes and numbers.

The equations are those of `course_rnn.numpy.cells`; here they are arranged for speed. What does not depend on the
previous step leaves the loop: the product with the inputs, the biases, the derivatives of the gates, and the gradients
of the weights. A loop over time is left with one product and a few operations in place.

Sequences of different lengths are packed as torch packs them: the real steps of the batch, longest sequence first, lie
time by time in one matrix of N rows. At each step the sequences still running are then the first rows, a sequence that
has ended is no longer touched, and a reversed sequence begins at its own end.
"""

import functools
import math

import numpy as np

from course_rnn.numpy._check import check_array, check_lengths, check_sequences, check_sizes, check_state
from course_rnn.numpy.cells import NONLINEARITIES
from course_rnn.numpy.nn import Module

CHUNK = 2**14  # numbers of one gate that backward prepares at once: what it works on then stays in the fast cache


def _rows(index):
    """Turn consecutive row numbers into a slice: it selects the same, as a view instead of a copy."""
    return slice(index[0], index[-1] + 1) if np.all(np.diff(index) == 1) else index


def _product(rows, matrix):
    """Return a function (v, out) that writes v @ matrix to out, for v of about so many rows.

    A product of up to 10⁶ multiplications OpenBLAS does at once; for a larger one it first copies the matrix, at each
    step anew. So where we can we cut the matrix into blocks of columns: 1.2 to 1.4 times as fast for 32 rows.
    """
    K, M = matrix.shape
    width = next((w for w in (64, 32) if rows * K * w <= 10**6 and M % w == 0), M)
    if rows * K * M <= 10**6 or width == M:
        matrix = np.ascontiguousarray(matrix)
        return lambda v, out: np.matmul(v, matrix, out=out)
    blocks = np.ascontiguousarray(matrix.reshape(K, -1, width).swapaxes(0, 1))  # (M / width, K, width)
    return lambda v, out: np.matmul(v, blocks, out=out.reshape(len(v), -1, width).swapaxes(0, 1))


class _Schedule:
    """Where a scan over packed sequences finds its rows.

    States are kept in a matrix of B + N rows: the initial states, then the state after each packed row.
    """

    def __init__(self, T, B, lengths, reverse):
        lengths = np.array(lengths)
        order = np.argsort(-lengths, kind="stable")  # longest first
        lengths = lengths[order]
        running = np.arange(T)[:, None] < lengths  # (T, B)
        t, b = np.nonzero(running)  # (N,) each
        sizes = running.sum(axis=1)[: lengths[0]]
        before = np.concatenate([[0], B + np.cumsum(sizes) - sizes])  # first state row before step t
        self.N = len(t)
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
        """Group the steps, last first, into chunks of about so many packed rows."""
        chunk = []
        for step in reversed(self.steps):
            chunk.append(step)
            if chunk[0][0].stop - step[0].start >= rows or step is self.steps[0]:
                yield slice(step[0].start, chunk[0][0].stop), chunk
                chunk = []


_schedule = functools.lru_cache(maxsize=32)(_Schedule)  # batches of one shape follow each other


class _Recurrent(Module):
    """What all layers share: parameters, packing, depth and direction. A cell adds its scan over time."""

    states = ("h",)  # what is carried from step to step
    half = (1,)  # for each gate, the factor inside its tanh: σ(a) = ½ tanh(½ a) + ½
    merged = 1  # for so many gates both biases are added to the inputs before the scan

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
        self.params, self.grads, self.tape, self.memory = {}, {}, [], {}
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

    def _empty(self, k, name, *shape):
        """Return an array to fill, if possible that of the last call: fresh memory costs as much time as arithmetic."""
        key, size = (k, name, self.dtype), math.prod(shape)
        if key not in self.memory or self.memory[key].size < size:
            self.memory[key] = np.empty(size, self.dtype)
        return self.memory[key][:size].reshape(shape)

    def _halves(self):
        return np.repeat(np.array(self.half, self.dtype), self.hidden_size)  # (G H,)

    def _weights(self, suffix):
        return [self.params.get(f"{name}_{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

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
        state = self._parts(state, (self.num_layers * dirs, B, H), "{}_0")
        lengths = tuple(check_lengths(lengths, T, B).tolist())
        half = self._halves()
        final = tuple(np.empty_like(part) for part in state)
        self.tape, self.y_shape = [], (T, B, dirs * H)
        for layer in range(self.num_layers):
            y = self._zeros(T * B, dirs * H)
            for d, direction in enumerate(self.directions):
                k, s = layer * dirs + d, _schedule(T, B, lengths, bool(direction))
                new = functools.partial(self._empty, k)
                weight_ih, weight_hh, bias_ih, bias_hh = self._weights(f"l{layer}{direction}")
                if self.bias:  # one more column, which the scan multiplies by 1
                    bias = bias_ih.copy()
                    bias[: self.merged * H] += bias_hh[: self.merged * H]
                    weight_ih = np.column_stack([weight_ih, bias])
                v = new("v", s.N, weight_ih.shape[1])
                v[:, x.shape[-1] :] = 1
                v[:, : x.shape[-1]] = x.reshape(T * B, -1)[s.input]
                a = np.matmul(v, weight_ih.T * half, out=new("a", s.N, len(half)))
                U = weight_hh.T * half  # (H, G H)
                buffers = [new(name, B + s.N, H) for name in self.states]
                for buffer, initial in zip(buffers, state, strict=True):
                    buffer[:B] = initial[k, s.order]
                saved = self._scan(new, s, a, U, bias_hh, *buffers)
                for buffer, end in zip(buffers, final, strict=True):
                    end[k, s.order] = buffer[s.last]
                y[s.input, d * H : (d + 1) * H] = buffers[0][B:]
                self.tape.append((new, s, v, saved))
            x = y.reshape(T, B, -1)
        return x, self._joined(final)

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
        dinitial = tuple(np.empty_like(part) for part in dstate)
        grads = {}
        for layer in reversed(range(self.num_layers)):
            dy = dy.reshape(T * B, -1)
            D = self.params[f"weight_ih_l{layer}"].shape[1]
            dx = self._zeros(T * B, D)
            for d, direction in enumerate(self.directions):
                k, suffix = layer * dirs + d, f"l{layer}{direction}"
                weight_ih, weight_hh, _, _ = self._weights(suffix)
                new, s, v, saved = self.tape[k]
                carry = [dend[k, s.order].copy() for dend in dstate]
                da, recurrent = self._scan_backward(new, s, dy[s.input, d * H : (d + 1) * H], weight_hh, *carry, *saved)
                for dstart, dend in zip(dinitial, carry, strict=True):
                    dstart[k, s.order] = dend
                dx[s.input] += da @ weight_ih
                dW = da.T @ v  # (G H, D), and the biases' column
                grads[f"weight_ih_{suffix}"] = dW[:, :D]
                grads[f"weight_hh_{suffix}"] = np.concatenate([dm.T @ h for dm, h in recurrent])
                if self.bias:
                    rest = [dm.sum(axis=0) for dm, _ in recurrent[1:]]
                    grads[f"bias_ih_{suffix}"] = dW[:, D]
                    grads[f"bias_hh_{suffix}"] = np.concatenate([dW[: self.merged * H, D], *rest])
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

    def _scan(self, new, s, a, U, _, h):
        f, _ = NONLINEARITIES[self.nonlinearity]
        h_next, times_U = h[-s.N :], _product(len(h) - s.N, U)
        for now, before, _ in s.steps:
            h_t = h_next[now]
            times_U(h[before], h_t)
            h_t += a[now]
            f(h_t, out=h_t)
        return (h,)

    def _scan_backward(self, new, s, dy, weight_hh, dh, h):
        _, derivative = NONLINEARITIES[self.nonlinearity]
        da, h_next, times_W = new("da", s.N, self.hidden_size), h[-s.N :], _product(len(dh), weight_hh)
        for rows, steps in s.chunks(CHUNK // self.hidden_size):
            da[rows] = derivative(h_next[rows])
            for now, _, live in steps:
                dh_t, da_t = dh[live], da[now]
                dh_t += dy[now]
                da_t *= dh_t
                times_W(da_t, dh_t)
        return da, [(da, h[s.previous])]


def _squash(a, half, rest):
    """Turn a into gates in place: tanh where half is 1 and rest 0, σ where both are ½ (and a already halved)."""
    np.tanh(a, out=a)
    a *= half
    a += rest


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
    merged = 4

    def _scan(self, new, s, a, U, _, h, c):
        H, B = self.hidden_size, len(h) - s.N
        half = np.tile(self._halves(), (B, 1))  # (B, 4H)
        rest, gates = 1 - half, a.reshape(s.N, 4, H)
        h_next, c_next, tanh_c = h[-s.N :], c[-s.N :], new("tanh_c", s.N, H)
        u, times_U = new("u", B, 4 * H), _product(B, U)
        for now, before, live in s.steps:
            a_t, c_t, u_t = a[now], c_next[now], u[live]
            times_U(h[before], u_t)
            a_t += u_t
            _squash(a_t, half[live], rest[live])
            i, f, g, o = gates[now].swapaxes(0, 1)
            np.multiply(f, c[before], out=c_t)
            c_t += i * g
            np.multiply(o, np.tanh(c_t, out=tanh_c[now]), out=h_next[now])
        return h, c, gates, tanh_c

    def _scan_backward(self, new, s, dy, weight_hh, dh, dc, h, c, gates, tanh_c):
        H, c_prev = self.hidden_size, c[s.previous]
        da, dc_dh, f = new("da", s.N, 4, H), new("dc_dh", s.N, H), gates[:, 1]
        by = new("by", len(dh), 4, H)
        flat, times_W = da.reshape(s.N, 4 * H), _product(len(dh), weight_hh)
        for rows, steps in s.chunks(CHUNK // H):
            i, _, g, o = gates[rows].swapaxes(0, 1)
            d = np.subtract(1, gates[rows], out=da[rows])
            d *= gates[rows]  # the derivative of σ
            d[:, 2] = 1 - g * g  # and of tanh
            d[:, 0] *= g
            d[:, 1] *= c_prev[rows]
            d[:, 2] *= i
            d[:, 3] *= tanh_c[rows]
            dc_dh[rows] = o * (1 - tanh_c[rows] * tanh_c[rows])
            for now, _, live in steps:
                dh_t, dc_t, da_t = dh[live], dc[live], da[now]
                dh_t += dy[now]
                dc_t += dh_t * dc_dh[now]
                by_t = by[live]
                by_t[:, :3] = dc_t[:, None]
                by_t[:, 3] = dh_t
                da_t *= by_t
                dc_t *= f[now]
                times_W(flat[now], dh_t)
        return flat, [(flat, h[s.previous])]


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
    merged = 2  # b_hn stays with W_hn h, which r multiplies

    def __init__(self, *args, reset_after=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.reset_after = reset_after

    def _scan(self, new, s, a, U, bias_hh, h):
        H, b_hn = self.hidden_size, bias_hh[-self.hidden_size :] if self.bias else 0
        B, U_n = len(h) - s.N, U[:, 2 * H :]
        U = U if self.reset_after else U[:, : 2 * H]
        u, times_U = new("u", B, U.shape[1]), _product(B, U)
        h_next, m = h[-s.N :], new("m", s.N, H)
        rz_all, r_all, z_all, n_all = a[:, : 2 * H], a[:, :H], a[:, H : 2 * H], a[:, 2 * H :]
        for now, before, live in s.steps:
            h_t, m_t, r, z, n, h_new = h[before], m[now], r_all[now], z_all[now], n_all[now], h_next[now]
            u_t, rz = u[live], rz_all[now]  # (n, 3H), or without n's third
            times_U(h_t, u_t)
            rz += u_t[:, : 2 * H]
            _squash(rz, 0.5, 0.5)
            if self.reset_after:
                n += r * np.add(u_t[:, 2 * H :], b_hn, out=m_t)
            else:
                n += np.multiply(r, h_t, out=m_t) @ U_n + b_hn
            np.tanh(n, out=n)
            np.subtract(h_t, n, out=h_new)
            h_new *= z
            h_new += n
        return h, a.reshape(s.N, 3, H), m

    def _scan_backward(self, new, s, dy, weight_hh, dh, h, gates, m):
        H, h_prev = self.hidden_size, h[s.previous]
        d = new("da", s.N, 4, H)  # gates in the order m, r, z, n: the first three go to h, the last three to x
        flat = d.reshape(s.N, 4 * H)
        W_mrz, W_rz, W_n = np.roll(weight_hh, H, axis=0), weight_hh[: 2 * H], weight_hh[2 * H :]
        back, times_W = new("back", *dh.shape), _product(len(dh), W_mrz if self.reset_after else W_rz)
        for rows, steps in s.chunks(CHUNK // H):
            r, z, n = gates[rows].swapaxes(0, 1)
            d[rows, 3] = (1 - z) * (1 - n * n)
            d[rows, 2] = (h_prev[rows] - n) * z * (1 - z)
            if self.reset_after:
                d[rows, 0] = d[rows, 3] * r
                d[rows, 1] = d[rows, 0] * m[rows] * (1 - r)
            else:
                d[rows, 1] = h_prev[rows] * r * (1 - r)
            for now, _, live in steps:
                dh_t, d_t = dh[live], d[now]
                dh_t += dy[now]
                if self.reset_after:
                    d_t *= dh_t[:, None]
                    dh_t *= gates[now, 1]
                    times_W(flat[now, : 3 * H], back[live])
                else:
                    d_t[:, 2:] *= dh_t[:, None]
                    dv = d_t[:, 3] @ W_n
                    d_t[:, 1] *= dv
                    dh_t *= gates[now, 1]
                    dh_t += dv * gates[now, 0]
                    times_W(flat[now, H : 3 * H], back[live])
                dh_t += back[live]
        recurrent = (d[:, 0], h_prev) if self.reset_after else (d[:, 3], m)
        return flat[:, H:], [(flat[:, H : 3 * H], h_prev), recurrent]
