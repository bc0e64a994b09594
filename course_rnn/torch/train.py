"""Training, truncated backpropagation through time, and the Jacobians that decide whether it can work."""

import math

import torch
from tqdm import tqdm

from course_rnn.shared.train import History, chunks
from course_rnn.torch.nn import state_like, state_parts


def fit(model, batches, loss, optimizer, clip=None, progress=None):
    """Train: for each batch forward, loss, backward, clip, update.

    Losses are fetched at the end, unless a progress bar shows them: so a GPU never waits to tell the host a number.

    Parameters
    ----------
    model : torch.nn.Module
        Put into training mode, and left in it.
    batches : iterable of tuples
        Each is the inputs of the model, then the target.
    loss : function
        ``loss(y, target) -> () Tensor``, such as `cross_entropy` or `mse`.
    optimizer : torch.optim.Optimizer
        Made with ``model.parameters()``.
    clip : float, optional
        The largest norm of the gradient.
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
    >>> model, x = torch.nn.Linear(1, 1), torch.tensor([[0.0], [1.0]])
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    >>> history = fit(model, [(x, 3 * x - 1)] * 200, torch.nn.functional.mse_loss, optimizer)
    >>> model.weight.data.round(decimals=3), model.bias.data.round(decimals=3)
    (tensor([[3.]]), tensor([-1.]))
    """
    model.train()
    values, norms = [], []
    with tqdm(batches, disable=None if progress is None else not progress) as bar:
        for *inputs, target in bar:
            model.zero_grad()
            value = loss(model(*inputs), target)
            value.backward()
            norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), math.inf if clip is None else clip))
            values.append(value.detach())
            optimizer.step()
            if not bar.disable:
                bar.set_postfix_str(f"loss {value:.4f}", refresh=False)
    if not values:
        raise ValueError("there is no batch: a generator gives its batches only once")
    return History(torch.stack(values).tolist(), torch.stack(norms).tolist())


def truncated_bptt(model, x, target, chunk, loss, optimizer, clip=None, progress=None):
    """Train on one long sequence in chunks: the state is carried over each border, the gradient stops there.

    Memory and time of an update depend on the chunk, not on the length of the sequence. What is more than a chunk in
    the past can be remembered, yet no gradient teaches to remember it.

    Parameters
    ----------
    model : ManyToMany
        Not bidirectional.
    x, target : (T, B, ...) Tensor
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
    >>> from course_rnn.torch import layers, nn
    >>> model = nn.ManyToMany(layers.GRU(3, 4), torch.nn.Linear(4, 2))
    >>> x, target = torch.ones(100, 1, 3), torch.zeros(100, 1, 2)
    >>> len(truncated_bptt(model, x, target, 20, nn.mse, torch.optim.Adam(model.parameters())).loss)
    5
    """
    return fit(model, chunks(model, x, target, chunk), loss, optimizer, clip, progress)


def step_jacobians(layer, x, state=None):
    """Differentiate each state by the one before: J_t = ∂s_t / ∂s_{t−1}.

    The state s is all that the layer carries from step to step: the h of its layers, for an LSTM followed by their c.
    For a tanh RNN of one layer J_t = diag(1 − h_t²) W_hh.

    Parameters
    ----------
    layer : RNN, LSTM, GRU or any Recurrent
        Not bidirectional.
    x : (T, B, D) Tensor
    state : Tensor or tuple of Tensor, optional
        The initial state, as the layer takes it.

    Returns
    -------
    (T, B, N, N) Tensor
        Entry [t − 1, b] is J_t of sequence b: row i the component s_t[i], column j the component s_{t−1}[j].
        N = layers·H, for an LSTM 2·layers·H: there ∂c_t/∂c_{t−1} is ``[..., N // 2:, N // 2:]``.

    Raises
    ------
    ValueError
        If the layer is bidirectional.

    Examples
    --------
    >>> from course_rnn.torch.layers import RNN
    >>> layer, x = RNN(3, 4), torch.ones(5, 1, 3)
    >>> y, _ = layer(x)
    >>> by_hand = (1 - y[2, 0] ** 2)[:, None] * layer.weight_hh_l0
    >>> torch.allclose(step_jacobians(layer, x)[2, 0], by_hand)
    True
    """
    if layer.bidirectional:
        raise ValueError("a bidirectional layer has no state that goes one way only")
    if state is None:
        _, after = layer(x[:1])
        state = state_like(after, [torch.zeros_like(part) for part in state_parts(after)])
    steps = []
    for x_t in x:
        steps.append(_step_jacobian(layer, x_t, state))
        with torch.no_grad():
            _, state = layer(x_t[None], state)
    return torch.stack(steps)


def jacobians(layer, x, state=None):
    """Differentiate the last state by every earlier one: ∂s_T / ∂s_t = J_T J_{T−1} ⋯ J_{t+1}.

    Parameters
    ----------
    layer, x, state
        As in `step_jacobians`. For another last step t, give ``x[:t]``.

    Returns
    -------
    (T + 1, B, N, N) Tensor
        Entry [t, b] is ∂s_T/∂s_t of sequence b, from t = 0 (the initial state) to t = T (the identity); axes and N as
        in `step_jacobians`.

    Raises
    ------
    ValueError
        If the layer is bidirectional.

    Examples
    --------
    A tanh RNN whose matrix has no singular value above 0.5 forgets at least half in each step.

    >>> from course_rnn.torch.layers import RNN
    >>> layer = RNN(3, 4, dtype=torch.float64)
    >>> _ = torch.nn.init.orthogonal_(layer.weight_hh_l0, gain=0.5)
    >>> sizes = torch.linalg.matrix_norm(jacobians(layer, torch.ones(6, 1, 3, dtype=torch.float64))[:, 0], ord=2)
    >>> bool(torch.all(sizes <= 0.5 ** torch.arange(6, -1, -1) + 1e-12))
    True
    """
    steps = step_jacobians(layer, x, state)
    product = torch.eye(steps.shape[-1], dtype=steps.dtype, device=steps.device).expand(steps.shape[1:])
    products = [product]
    for step in steps.flip(0):
        product = product @ step
        products.append(product)
    return torch.stack(products[::-1])


def _step_jacobian(layer, x_t, state):
    """Ask autograd for each row: copy the batch once for each component of the state, and seed each copy with one."""
    parts = state_parts(state)
    sizes = [len(part) * part.shape[-1] for part in parts]  # L·H each
    B, N = len(x_t), sum(sizes)
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):  # cuDNN differentiates in training mode only
        before = [part.detach().repeat_interleave(N, dim=1).requires_grad_() for part in parts]  # (L, B·N, H) each
        _, after = layer(x_t.repeat_interleave(N, dim=0)[None], state_like(state, before))
        seeds = torch.eye(N, dtype=x_t.dtype, device=x_t.device).repeat(B, 1).split(sizes, dim=1)  # (B·N, L·H) each
        seeds = [seed.unflatten(1, part.shape[::2]).transpose(0, 1) for seed, part in zip(seeds, parts, strict=True)]
        rows = torch.autograd.grad(state_parts(after), before, seeds, allow_unused=True, materialize_grads=True)
    return torch.cat([row.transpose(0, 1).reshape(B * N, -1) for row in rows], dim=1).view(B, N, N)
