"""One step of each recurrent cell, and the same step backward.

A step is a pure function. What its backward needs leaves in `cache`, and each backward takes the lines of its
forward in reverse order, so that the two can be read side by side. Row vectors: x is (B, D), h is (B, H), and a
matrix is stored as torch stores it, (features out, features in). The biases are optional.
"""

import numpy as np

from course_rnn.numpy._check import check_features

# name: (f, its derivative written in terms of the value h = f(a), which is what a step keeps)
NONLINEARITIES = {
    "tanh": (np.tanh, lambda h: 1 - h * h),
    "relu": (lambda a, out=None: np.maximum(a, 0, out=out), lambda h: (h > 0).astype(h.dtype)),
    "identity": (np.positive, np.ones_like),
}


def sigmoid(a):
    """Squash any real number into (0, 1).

    σ(a) = 1 / (1 + exp(−a)) = ½ tanh(½ a) + ½, and the second form cannot overflow.

    Parameters
    ----------
    a : ndarray
        Any shape; float32 stays float32.

    Returns
    -------
    ndarray
        As `a`.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return 0.5 * np.tanh(0.5 * a) + 0.5


def _linear(name, v, weight, bias):
    check_features(name, v, weight.shape[1], "cell")
    return v @ weight.T if bias is None else v @ weight.T + bias


def _linear_backward(da, v, weight, bias, names):
    grads = {names[0]: da.T @ v}
    if bias is not None:
        grads[names[1]] = da.sum(axis=0)
    return da @ weight, grads


def rnn_step(x, h, weight_ih, weight_hh, bias_ih=None, bias_hh=None, nonlinearity="tanh"):
    """Take one step of a simple (Elman) recurrent network.

    h' = f(W_ih x + b_ih + W_hh h + b_hh)

    Parameters
    ----------
    x : (B, D) ndarray
        The input at this step.
    h : (B, H) ndarray
        The state before it.
    weight_ih, weight_hh : (H, D), (H, H) ndarray
    bias_ih, bias_hh : (H,) ndarray, optional
    nonlinearity : "tanh", "relu" or "identity"

    Returns
    -------
    h_next : (B, H) ndarray
    cache : tuple
        For `rnn_step_backward`.

    Raises
    ------
    ValueError
        If x or h does not fit the weights, or the nonlinearity is unknown.

    References
    ----------
    Elman, "Finding structure in time", Cognitive Science 14 (1990).

    Examples
    --------
    >>> x, h, eye = np.array([[1.0, 2.0]]), np.array([[0.5, -0.5]]), np.eye(2)
    >>> rnn_step(x, h, eye, eye, nonlinearity="identity")[0]
    array([[1.5, 1.5]])
    """
    if nonlinearity not in NONLINEARITIES:
        raise ValueError(f"nonlinearity is {nonlinearity!r}, expected one of {', '.join(NONLINEARITIES)}")
    f, _ = NONLINEARITIES[nonlinearity]
    a = _linear("x", x, weight_ih, bias_ih) + _linear("h", h, weight_hh, bias_hh)  # (B, H)
    h_next = f(a)
    return h_next, (x, h, weight_ih, weight_hh, bias_ih, bias_hh, nonlinearity, h_next)


def rnn_step_backward(dh_next, cache):
    """Carry the gradient of the loss back through `rnn_step`.

    da = dh' ⊙ f'(a), then dx = W_ihᵀ da and dh = W_hhᵀ da.

    Parameters
    ----------
    dh_next : (B, H) ndarray
        ∂L/∂h'.
    cache : tuple
        From `rnn_step`.

    Returns
    -------
    dx, dh : (B, D), (B, H) ndarray
    grads : dict
        Gradients of the weights and of the biases that were given, summed over the batch.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> h_next, cache = rnn_step(one, one, one, one, nonlinearity="relu")
    >>> dx, dh, grads = rnn_step_backward(one, cache)
    >>> dh, grads["weight_hh"]
    (array([[1.]]), array([[1.]]))
    """
    x, h, weight_ih, weight_hh, bias_ih, bias_hh, nonlinearity, h_next = cache
    _, derivative = NONLINEARITIES[nonlinearity]
    da = dh_next * derivative(h_next)  # (B, H)
    dh, grads_hh = _linear_backward(da, h, weight_hh, bias_hh, ("weight_hh", "bias_hh"))
    dx, grads_ih = _linear_backward(da, x, weight_ih, bias_ih, ("weight_ih", "bias_ih"))
    return dx, dh, grads_ih | grads_hh


def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih=None, bias_hh=None):
    """Take one step of a long short-term memory.

    i, f, g, o = σ(a_i), σ(a_f), tanh(a_g), σ(a_o) with a = W_ih x + b_ih + W_hh h + b_hh

    c' = f ⊙ c + i ⊙ g,   h' = o ⊙ tanh(c')

    Parameters
    ----------
    x : (B, D) ndarray
    h, c : (B, H) ndarray
        The state and the memory before this step.
    weight_ih, weight_hh : (4H, D), (4H, H) ndarray
        Rows in torch's order: i, f, g, o.
    bias_ih, bias_hh : (4H,) ndarray, optional

    Returns
    -------
    h_next, c_next : (B, H) ndarray
    cache : tuple
        For `lstm_step_backward`.

    Raises
    ------
    ValueError
        If x or h does not fit the weights.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9 (1997); the forget gate f is from
    Gers, Schmidhuber and Cummins, "Learning to forget", Neural Computation 12 (2000).

    Examples
    --------
    Without weights every gate is half open: half of the memory stays.

    >>> x, h, c = np.ones((1, 3)), np.ones((1, 1)), np.full((1, 1), 2.0)
    >>> h_next, c_next, cache = lstm_step(x, h, c, np.zeros((4, 3)), np.zeros((4, 1)))
    >>> c_next
    array([[1.]])
    """
    a = _linear("x", x, weight_ih, bias_ih) + _linear("h", h, weight_hh, bias_hh)  # (B, 4H)
    a_i, a_f, a_g, a_o = np.split(a, 4, axis=-1)  # (B, H) each
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
    c_next = f * c + i * g
    tanh_c = np.tanh(c_next)
    h_next = o * tanh_c
    return h_next, c_next, (x, h, c, weight_ih, weight_hh, bias_ih, bias_hh, i, f, g, o, tanh_c)


def lstm_step_backward(dh_next, dc_next, cache):
    """Carry the gradient of the loss back through `lstm_step`.

    dc' += dh' ⊙ o ⊙ (1 − tanh²c'), then dc = dc' ⊙ f: along the memory nothing but the forget gate.

    Parameters
    ----------
    dh_next, dc_next : (B, H) ndarray
        ∂L/∂h' and ∂L/∂c', the latter without the part that comes through h'.
    cache : tuple
        From `lstm_step`.

    Returns
    -------
    dx, dh, dc : (B, D), (B, H), (B, H) ndarray
    grads : dict
        Gradients of the weights and of the biases that were given, summed over the batch.

    Examples
    --------
    >>> zeros = np.zeros((4, 1))
    >>> h_next, c_next, cache = lstm_step(*np.ones((3, 1, 1)), zeros, zeros)
    >>> dx, dh, dc, grads = lstm_step_backward(np.zeros((1, 1)), np.ones((1, 1)), cache)
    >>> dc
    array([[0.5]])
    """
    x, h, c, weight_ih, weight_hh, bias_ih, bias_hh, i, f, g, o, tanh_c = cache
    do = dh_next * tanh_c
    dc_next = dc_next + dh_next * o * (1 - tanh_c * tanh_c)  # h' also depends on c', so its gradient passes here too
    df, dc, di, dg = dc_next * c, dc_next * f, dc_next * g, dc_next * i
    da_i, da_f, da_g, da_o = di * i * (1 - i), df * f * (1 - f), dg * (1 - g * g), do * o * (1 - o)
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=-1)  # (B, 4H)
    dh, grads_hh = _linear_backward(da, h, weight_hh, bias_hh, ("weight_hh", "bias_hh"))
    dx, grads_ih = _linear_backward(da, x, weight_ih, bias_ih, ("weight_ih", "bias_ih"))
    return dx, dh, dc, grads_ih | grads_hh


def gru_step(x, h, weight_ih, weight_hh, bias_ih=None, bias_hh=None, reset_after=True):
    """Take one step of a gated recurrent unit.

    r = σ(W_ir x + b_ir + W_hr h + b_hr),   z = σ(W_iz x + b_iz + W_hz h + b_hz)

    n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn))   if reset_after (torch, cuDNN, Keras)

    n = tanh(W_in x + b_in + W_hn (r ⊙ h) + b_hn)   if not (the paper)

    h' = (1 − z) ⊙ n + z ⊙ h,   so z says how much is kept

    Parameters
    ----------
    x : (B, D) ndarray
    h : (B, H) ndarray
        The state before this step.
    weight_ih, weight_hh : (3H, D), (3H, H) ndarray
        Rows in torch's order: r, z, n.
    bias_ih, bias_hh : (3H,) ndarray, optional
    reset_after : bool
        Whether the reset gate acts after the matrix W_hn or before it.

    Returns
    -------
    h_next : (B, H) ndarray
    cache : tuple
        For `gru_step_backward`.

    Raises
    ------
    ValueError
        If x or h does not fit the weights.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder–decoder", EMNLP 2014.

    Examples
    --------
    Without weights r = z = ½ and n = 0: half of the state stays.

    >>> x, h = np.ones((1, 3)), np.full((1, 1), 2.0)
    >>> gru_step(x, h, np.zeros((3, 3)), np.zeros((3, 1)))[0]
    array([[1.]])
    """
    H = h.shape[-1]
    W_hrz, W_hn = weight_hh[: 2 * H], weight_hh[2 * H :]
    b_hrz, b_hn = (None, None) if bias_hh is None else (bias_hh[: 2 * H], bias_hh[2 * H :])
    a = _linear("x", x, weight_ih, bias_ih)  # (B, 3H)
    r, z = np.split(sigmoid(a[:, : 2 * H] + _linear("h", h, W_hrz, b_hrz)), 2, axis=-1)  # (B, H) each
    v = h if reset_after else r * h
    m = _linear("h", v, W_hn, b_hn)
    n = np.tanh(a[:, 2 * H :] + (r * m if reset_after else m))
    h_next = (1 - z) * n + z * h
    return h_next, (x, h, weight_ih, weight_hh, bias_ih, bias_hh, reset_after, r, z, v, m, n)


def gru_step_backward(dh_next, cache):
    """Carry the gradient of the loss back through `gru_step`.

    dh = dh' ⊙ z plus what comes through the two gates and the candidate n.

    Parameters
    ----------
    dh_next : (B, H) ndarray
        ∂L/∂h'.
    cache : tuple
        From `gru_step`.

    Returns
    -------
    dx, dh : (B, D), (B, H) ndarray
    grads : dict
        Gradients of the weights and of the biases that were given, summed over the batch.

    Examples
    --------
    >>> h_next, cache = gru_step(*np.ones((2, 1, 1)), np.zeros((3, 1)), np.zeros((3, 1)))
    >>> dx, dh, grads = gru_step_backward(np.ones((1, 1)), cache)
    >>> dh
    array([[0.5]])
    """
    x, h, weight_ih, weight_hh, bias_ih, bias_hh, reset_after, r, z, v, m, n = cache
    H = h.shape[-1]
    W_hrz, W_hn = weight_hh[: 2 * H], weight_hh[2 * H :]
    dz, dn, dh = dh_next * (h - n), dh_next * (1 - z), dh_next * z
    da_n = dn * (1 - n * n)
    dm = da_n * r if reset_after else da_n
    dv, grads_n = _linear_backward(dm, v, W_hn, bias_hh, ("weight_hh", "bias_hh"))
    dr = da_n * m if reset_after else dv * h
    dh += dv if reset_after else dv * r
    da_rz = np.concatenate([dr * r * (1 - r), dz * z * (1 - z)], axis=-1)  # (B, 2H)
    dh_rz, grads_rz = _linear_backward(da_rz, h, W_hrz, bias_hh, ("weight_hh", "bias_hh"))
    da = np.concatenate([da_rz, da_n], axis=-1)  # (B, 3H)
    dx, grads_ih = _linear_backward(da, x, weight_ih, bias_ih, ("weight_ih", "bias_ih"))
    grads_hh = {name: np.concatenate([grads_rz[name], grads_n[name]]) for name in grads_n}
    return dx, dh + dh_rz, grads_ih | grads_hh


def jordan_step(x, o, weight_ih, weight_oh, weight_ho, bias_ih=None, bias_oh=None, bias_ho=None):
    """Take one step of a Jordan network: only the previous output comes back.

    h = tanh(W_ih x + b_ih + W_oh o + b_oh),   o' = W_ho h + b_ho

    Parameters
    ----------
    x : (B, D) ndarray
    o : (B, O) ndarray
        The previous output, which carries all the memory there is.
    weight_ih, weight_oh, weight_ho : (H, D), (H, O), (O, H) ndarray
        From input to hidden, from the previous output to hidden, from hidden to output.
    bias_ih, bias_oh, bias_ho : (H,), (H,), (O,) ndarray, optional

    Returns
    -------
    o_next : (B, O) ndarray
    cache : tuple
        For `jordan_step_backward`.

    Raises
    ------
    ValueError
        If x or o does not fit the weights.

    References
    ----------
    Jordan, "Attractor dynamics and parallelism in a connectionist sequential machine", CogSci 1986;
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), figure 10.4.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> o_next, cache = jordan_step(one, -one, one, one, 3 * one, bias_ho=np.array([2.0]))
    >>> o_next
    array([[2.]])
    """
    a = _linear("x", x, weight_ih, bias_ih) + _linear("o", o, weight_oh, bias_oh)  # (B, H)
    h = np.tanh(a)
    o_next = _linear("h", h, weight_ho, bias_ho)  # (B, O)
    return o_next, (x, o, weight_ih, weight_oh, weight_ho, bias_ih, bias_oh, bias_ho, h)


def jordan_step_backward(do_next, cache):
    """Carry the gradient of the loss back through `jordan_step`.

    dh = W_hoᵀ do', da = dh ⊙ (1 − h²), then do = W_ohᵀ da.

    Parameters
    ----------
    do_next : (B, O) ndarray
        ∂L/∂o', from the loss at this step and from the next step.
    cache : tuple
        From `jordan_step`.

    Returns
    -------
    dx, do : (B, D), (B, O) ndarray
    grads : dict
        Gradients of the weights and of the biases that were given, summed over the batch.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> o_next, cache = jordan_step(one, -one, one, one, 3 * one)
    >>> dx, do, grads = jordan_step_backward(one, cache)
    >>> do
    array([[3.]])
    """
    x, o, weight_ih, weight_oh, weight_ho, bias_ih, bias_oh, bias_ho, h = cache
    dh, grads_ho = _linear_backward(do_next, h, weight_ho, bias_ho, ("weight_ho", "bias_ho"))
    da = dh * (1 - h * h)  # (B, H)
    do, grads_oh = _linear_backward(da, o, weight_oh, bias_oh, ("weight_oh", "bias_oh"))
    dx, grads_ih = _linear_backward(da, x, weight_ih, bias_ih, ("weight_ih", "bias_ih"))
    return dx, do, grads_ih | grads_oh | grads_ho
