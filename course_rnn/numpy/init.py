"""Other ways to start: each changes, in place, the recurrent layers it is given or finds in a model.

A recurrent matrix of G·H rows is G square blocks, one a gate: i, f, g, o in an LSTM, r, z, n in a GRU. Which of them
keeps the past, a cell says itself (`Cell.keep`).
"""

import numpy as np

from course_rnn.numpy.layers import Recurrent


def uniform(module, rng):
    """Draw every parameter of the recurrent layers anew from uniform(−1/√H, 1/√H), as torch does.

    Parameters
    ----------
    module : Module
        A recurrent layer or a model that holds some.
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If there is no recurrent layer.

    Examples
    --------
    >>> from course_rnn.numpy.layers import RNN
    >>> layer = RNN(3, 100)
    >>> uniform(layer, np.random.default_rng(0))
    >>> bool(abs(layer.params["bias_hh_l0"]).max() <= 0.1)
    True
    """
    for layer, weights in _layers(module):
        bound = layer.cell.bound(weights["weight_ih"].shape[1], layer.hidden_size)
        for p in weights.values():
            p[:] = rng.uniform(-bound, bound, p.shape)


def orthogonal(module, rng, gain=1.0):
    """Make every block of the recurrent matrices `gain` times a random orthogonal matrix, which keeps lengths.

    Parameters
    ----------
    module : Module
        A recurrent layer or a model that holds some.
    rng : numpy.random.Generator
    gain : float
        All singular values of each block.

    Raises
    ------
    ValueError
        If there is no recurrent layer.

    References
    ----------
    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", ICLR 2014.

    Examples
    --------
    >>> from course_rnn.numpy.layers import RNN
    >>> layer = RNN(3, 4)
    >>> orthogonal(layer, np.random.default_rng(0))
    >>> W = layer.params["weight_hh_l0"]
    >>> np.allclose(W.T @ W, np.eye(4))
    True
    """
    for block in _blocks(module):
        q, r = np.linalg.qr(rng.standard_normal(block.shape))
        block[:] = gain * q * np.sign(np.diag(r))  # with these signs every orthogonal matrix is equally likely


def identity(module, scale=1.0):
    """Make every block of the recurrent matrices `scale` times the identity and the biases 0.

    With ReLU and scale 1 a state that gets no input stays as it is.

    Parameters
    ----------
    module : Module
        A recurrent layer or a model that holds some.
    scale : float

    Raises
    ------
    ValueError
        If there is no recurrent layer.

    References
    ----------
    Le, Jaitly and Hinton, "A simple way to initialize recurrent networks of rectified linear units",
    arXiv 1504.00941 (2015).

    Examples
    --------
    >>> from course_rnn.numpy.layers import RNN
    >>> layer = RNN(3, 2, nonlinearity="relu")
    >>> identity(layer)
    >>> layer.params["weight_hh_l0"]
    array([[1., 0.],
           [0., 1.]])
    """
    for block in _blocks(module):
        block[:] = scale * np.eye(len(block))
    for _, weights in _layers(module):
        for name in weights:
            if name.startswith("bias"):
                weights[name][:] = 0


def spectral_radius(module, radius):
    """Scale every block of the recurrent matrices so that its largest ``|eigenvalue|`` is `radius`.

    Parameters
    ----------
    module : Module
        A recurrent layer or a model that holds some.
    radius : float

    Raises
    ------
    ValueError
        If there is no recurrent layer.

    Examples
    --------
    >>> from course_rnn.numpy.layers import RNN
    >>> layer = RNN(3, 4)
    >>> spectral_radius(layer, 0.9)
    >>> eigenvalues = np.linalg.eigvals(layer.params["weight_hh_l0"])
    >>> bool(np.isclose(abs(eigenvalues).max(), 0.9))
    True
    """
    for block in _blocks(module):
        block *= radius / abs(np.linalg.eigvals(block)).max()


def set_forget_bias(module, b):
    """Make b the bias of the gate that keeps the past: f of an LSTM, z of a GRU.

    Of the two biases that are added, bias_ih takes b and bias_hh takes 0. A gate with bias b and nothing else keeps
    σ(b) a step, so half of the memory is left after ln 2 / −ln σ(b) steps.

    Parameters
    ----------
    module : Module
        An LSTM or GRU, or a model that holds some.
    b : float or (H,) ndarray

    Raises
    ------
    ValueError
        If there is no LSTM or GRU, or it has no bias.

    References
    ----------
    Gers, Schmidhuber and Cummins, "Learning to forget", Neural Computation 12 (2000).

    Examples
    --------
    >>> from course_rnn.numpy.layers import LSTM
    >>> layer = LSTM(3, 2)
    >>> set_forget_bias(layer, 1.0)
    >>> layer.params["bias_ih_l0"][2:4]
    array([1., 1.])
    """
    for layer, weights in _layers(module):
        _keep(layer.cell, weights, b)


def chrono(module, T, rng):
    """Spread the memories of the units over 1 to T steps: the log-T, or chrono, initialisation.

    b ~ log uniform(1, T − 1) for the gate that keeps the past (f of an LSTM, z of a GRU), −b for the LSTM's gate i.

    Parameters
    ----------
    module : Module
        An LSTM or GRU, or a model that holds some.
    T : int
        The longest distance to remember, at least 2.
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If T is under 2, there is no LSTM or GRU, or it has no bias.

    References
    ----------
    Tallec and Ollivier, "Can recurrent neural networks warp time?", ICLR 2018. Their GRU's z writes; ours, as torch's,
    keeps, hence the plus sign.

    Examples
    --------
    >>> from course_rnn.numpy.layers import LSTM
    >>> layer = LSTM(3, 2)
    >>> chrono(layer, T=100, rng=np.random.default_rng(0))
    >>> i, f, g, o = np.split(layer.params["bias_ih_l0"], 4)
    >>> bool(np.all(i == -f)), bool(np.all((f >= 0) & (f <= np.log(99))))
    (True, True)
    """
    if T < 2:
        raise ValueError(f"T is {T}, expected at least 2")
    for layer, weights in _layers(module):
        b = np.log(rng.uniform(1, T - 1, layer.hidden_size))
        _keep(layer.cell, weights, b)
        if layer.cell.keep and layer.cell.write:
            _set_bias(layer.cell, weights, layer.cell.write, -b)


def _layers(module):
    """List the recurrent layers of a module, one for each direction, each with its weights by their short names."""
    found = [
        (layer, layer.weights(depth, direction))
        for layer in module.modules()
        if isinstance(layer, Recurrent)
        for depth in range(layer.num_layers)
        for direction in layer.directions
    ]
    if not found:
        raise ValueError(f"{type(module).__name__} has no recurrent layer")
    return found


def _blocks(module):
    for layer, weights in _layers(module):
        if "weight_hh" not in weights:
            raise ValueError(f"{layer.cell.name} has no recurrent matrix weight_hh")
        W = weights["weight_hh"]
        yield from np.split(W, len(W) // W.shape[1])  # views, so they can be changed in place


def _keep(cell, weights, b):
    """Bias a cell to keep the past: b for the gate that keeps it, or −b for the one that writes in its place."""
    if cell.keep is None and cell.write is None:
        raise ValueError(f"{cell.name} has no gate that keeps the past (its attribute `keep` would name it)")
    _set_bias(cell, weights, cell.keep or cell.write, b if cell.keep else -b)


def _set_bias(cell, weights, gate, b):
    if "bias_ih" not in weights:
        raise ValueError("this needs a layer with biases")
    for name, value in (("bias_ih", b), ("bias_hh", 0)):
        if name in weights:
            np.split(weights[name], len(cell.gate_names))[cell.gate_names.index(gate)][:] = value
