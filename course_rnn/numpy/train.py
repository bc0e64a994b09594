"""Training, truncated backpropagation through time, and the Jacobians that decide whether it can work."""

import copy

import numpy as np
from tqdm import tqdm

from course_rnn.numpy.nn import state_like, state_parts
from course_rnn.numpy.optim import clip_grad_norm, grad_norm
from course_rnn.shared.train import History, chunks


def fit(model, batches, loss, optimizer, clip=None, progress=None):
    """Train: for each batch forward, loss, backward, clip, update.

    The model is put into training mode, and left in it.

    Parameters
    ----------
    model : Module
    batches : iterable of tuples
        Each is the inputs of ``model.forward``, then the target.
    loss : function
        ``loss(y, target) -> value, dy``, such as `cross_entropy` or `mse`.
    optimizer : SGD or Adam
        Made with ``model.params``.
    clip : float, optional
        The largest norm of the gradient (`clip_grad_norm`).
    progress : bool, optional
        Whether to show a progress bar; None shows it in a terminal only.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If there is no batch.

    Examples
    --------
    >>> from course_rnn.numpy.nn import Linear, mse
    >>> from course_rnn.numpy.optim import SGD
    >>> model, x = Linear(1, 1), np.array([[0.0], [1.0]])
    >>> history = fit(model, [(x, 3 * x - 1)] * 200, mse, SGD(model.params, lr=0.5))
    >>> model.params["weight"].round(3), model.params["bias"].round(3)
    (array([[3.]]), array([-1.]))
    """
    history = History()
    model.train()
    with tqdm(batches, disable=None if progress is None else not progress) as bar:
        for *inputs, target in bar:
            model.zero_grad()
            y = model.forward(*inputs)
            value, dy = loss(y, target)
            model.backward(dy)
            grads = model.grads
            history.loss.append(value)
            history.grad_norm.append(grad_norm(grads) if clip is None else clip_grad_norm(grads, clip))
            optimizer.step(grads)
            bar.set_postfix_str(f"loss {value:.4f}", refresh=False)
    if not history.loss:
        raise ValueError("there is no batch: a generator gives its batches only once")
    return history


def truncated_bptt(model, x, target, chunk, loss, optimizer, clip=None, progress=None):
    """Train on one long sequence in chunks: the state is carried over each border, the gradient stops there.

    Memory and time of an update depend on the chunk, not on the length of the sequence. What is more than a chunk in
    the past can be remembered, yet no gradient teaches to remember it.

    Parameters
    ----------
    model : ManyToMany
        Not bidirectional.
    x, target : (T, B, ...) ndarray
    chunk : int
        Steps between two borders.
    loss, optimizer, clip, progress
        As in `fit`.

    Returns
    -------
    History
        One entry for each chunk.

    Raises
    ------
    ValueError
        If `chunk` is under 1, or `target` has not the length of x.

    References
    ----------
    Williams and Peng, "An efficient gradient-based algorithm for on-line training of recurrent network trajectories",
    Neural Computation 2 (1990).

    Examples
    --------
    >>> from course_rnn.numpy import layers, nn, optim
    >>> model = nn.ManyToMany(layers.GRU(3, 4), nn.Linear(4, 2))
    >>> x, target = np.ones((100, 1, 3)), np.zeros((100, 1, 2))
    >>> len(truncated_bptt(model, x, target, 20, nn.mse, optim.Adam(model.params)).loss)
    5
    """
    return fit(model, chunks(model, x, target, chunk), loss, optimizer, clip, progress)


def step_jacobians(layer, x, state=None):
    """Differentiate each state by the one before: J_t = ∂s_t / ∂s_{t−1}.

    The state s is all that the layer carries from step to step: the h of its layers, for an LSTM followed by their c.
    For a tanh RNN of one layer J_t = diag(1 − h_t²) W_hh.

    Parameters
    ----------
    layer : RNN, LSTM, GRU or any layer with their interface
        Not bidirectional. It stays as it is.
    x : (T, B, D) ndarray
    state : ndarray or tuple of ndarray, optional
        The initial state, as in ``layer.forward``.

    Returns
    -------
    (T, B, N, N) ndarray
        Entry [t − 1, b] is J_t of sequence b: row i the component s_t[i], column j the component s_{t−1}[j].
        N = layers·H, for an LSTM 2·layers·H: there ∂c_t/∂c_{t−1} is ``[..., N // 2:, N // 2:]``.

    Raises
    ------
    ValueError
        If the layer is bidirectional.

    Examples
    --------
    >>> from course_rnn.numpy.layers import RNN
    >>> layer, x = RNN(3, 4), np.ones((5, 1, 3))
    >>> y, _ = layer.forward(x)
    >>> by_hand = (1 - y[2, 0] ** 2)[:, None] * layer.params["weight_hh_l0"]
    >>> np.allclose(step_jacobians(layer, x)[2, 0], by_hand)
    True
    """
    if layer.bidirectional:
        raise ValueError("a bidirectional layer has no state that goes one way only")
    layer = copy.deepcopy(layer)  # what it keeps for backward, and its grads, are not ours to overwrite
    if state is None:
        _, after = layer.forward(x[:1])
        state = state_like(after, [np.zeros_like(part) for part in state_parts(after)])
    steps = []
    for x_t in x:
        steps.append(_step_jacobian(layer, x_t, state))
        _, state = layer.forward(x_t[None], state)
    return np.stack(steps)


def jacobians(layer, x, state=None):
    """Differentiate the last state by every earlier one: ∂s_T / ∂s_t = J_T J_{T−1} ⋯ J_{t+1}.

    Parameters
    ----------
    layer, x, state
        As in `step_jacobians`. For another last step t, give ``x[:t]``.

    Returns
    -------
    (T + 1, B, N, N) ndarray
        Entry [t, b] is ∂s_T/∂s_t of sequence b, from t = 0 (the initial state) to t = T (the identity); axes and N as
        in `step_jacobians`.

    Raises
    ------
    ValueError
        If the layer is bidirectional.

    Examples
    --------
    A tanh RNN whose matrix has no singular value above 0.5 forgets at least half in each step.

    >>> from course_rnn.numpy import init, layers
    >>> layer, rng = layers.RNN(3, 4), np.random.default_rng(0)
    >>> init.orthogonal(layer, rng, gain=0.5)
    >>> sizes = np.linalg.norm(jacobians(layer, rng.standard_normal((6, 1, 3)))[:, 0], ord=2, axis=(-2, -1))
    >>> bool(np.all(sizes <= 0.5 ** np.arange(6, -1, -1)))
    True
    """
    steps = step_jacobians(layer, x, state)
    product = np.broadcast_to(np.eye(steps.shape[-1], dtype=steps.dtype), steps.shape[1:])
    products = [product]
    for step in steps[::-1]:
        product = product @ step
        products.append(product)
    return np.stack(products[::-1])


def _step_jacobian(layer, x_t, state):
    """Ask backward for each row: copy the batch once for each component of the state, and seed each copy with one."""
    shapes = [(part.shape[0], part.shape[2]) for part in state_parts(state)]  # (L, H) each
    sizes = [L * H for L, H in shapes]
    B, N = len(x_t), sum(sizes)
    layer.forward(
        np.repeat(x_t, N, axis=0)[None], state_like(state, [part.repeat(N, axis=1) for part in state_parts(state)])
    )
    seeds = np.split(np.tile(np.eye(N, dtype=x_t.dtype), (B, 1)), np.cumsum(sizes)[:-1], axis=1)  # (B·N, L·H) each
    dstate = [seed.reshape(-1, *shape).swapaxes(0, 1) for seed, shape in zip(seeds, shapes, strict=True)]
    _, dbefore = layer.backward(None, state_like(state, dstate))
    rows = [part.swapaxes(0, 1).reshape(B * N, -1) for part in state_parts(dbefore)]
    return np.concatenate(rows, axis=1).reshape(B, N, N)
