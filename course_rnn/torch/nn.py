"""What stands around a recurrent layer: the models of the five input and output modes, losses, sampling.

They are the twins of those in `course_rnn.numpy.nn`, with the same parameter names, so that weights are exchanged by
``model.load_state_dict({name: torch.tensor(p) for name, p in numpy_model.params.items()})``. Linear maps, embeddings
and optimisers are torch's own; where the twin takes `rng` and `dtype`, constructors here take `device` and `dtype`.

====================  ==================================================  ======================
mode                  model                                               shapes
====================  ==================================================  ======================
one to one            `torch.nn.Linear`, or a `torch.nn.Sequential`       (B, D) → (B, O)
one to many           `VectorToSequence`                                  (B, C) → (T, B, O)
many to one           `ManyToOne`                                         (T, B, D) → (B, O)
many to many          `ManyToMany`, an output at every step               (T, B, D) → (T, B, O)
many to other many    `course_rnn.torch.seq2seq`                          (S, B, D) → (T, B, O)
====================  ==================================================  ======================
"""

import torch
from torch.nn import functional as F

from course_rnn.torch._check import check_dtype_and_device
from course_rnn.torch.recurrent import final


def state_parts(state):
    """Write a layer's state as a tuple: (h,) of an RNN or GRU, (h, c) of an LSTM."""
    return state if isinstance(state, tuple) else (state,)


def state_like(state, parts):
    """Undo `state_parts`: put parts into the form that `state` has."""
    return tuple(parts) if isinstance(state, tuple) else parts[0]


def detached(state):
    """Keep the values of a state, and nothing of how they were computed."""
    return state_like(state, [part.detach() for part in state_parts(state)])


def embed(embedding, ids):
    """Look ids up in a torch.nn.Embedding."""
    check_integers("ids", ids)
    if ids.device != embedding.weight.device:
        raise ValueError(f"ids are on {ids.device}, this embedding is on {embedding.weight.device}")
    return embedding(ids.long())


class _Model(torch.nn.Module):
    """An optional embedding, a recurrent layer and a head."""

    def __init__(self, rnn, head, embedding=None):
        super().__init__()
        self.embedding, self.rnn, self.head = embedding, rnn, head

    def _embed(self, x):
        return x if self.embedding is None else embed(self.embedding, x)


class ManyToOne(_Model):
    """Read a sequence, answer once: y = head(h_n), a class or a number for the whole sequence.

    h_n is the last layer's state at each sequence's true end; of a bidirectional layer the final forward and the final
    backward state, concatenated.

    Parameters
    ----------
    rnn : RNN, LSTM, GRU or any Recurrent
        Of course_rnn.torch.
    head : torch.nn.Module
        Takes hidden_size features, or 2·hidden_size if the layer is bidirectional.
    embedding : torch.nn.Embedding, optional
        Without it x holds vectors, with it integers.

    Examples
    --------
    >>> from course_rnn.torch.layers import GRU
    >>> model = ManyToOne(GRU(3, 4), torch.nn.Linear(4, 2))
    >>> model(torch.ones(5, 2, 3), lengths=torch.tensor([5, 3])).shape
    torch.Size([2, 2])
    """

    def forward(self, x, lengths=None):
        """Map x (T, B, D), or ids (T, B), to y (B, O)."""
        _, state = self.rnn(self._embed(x), None, lengths)
        return self.head(final(self.rnn, state))


class ManyToMany(_Model):
    """Read a sequence, answer at every step: y_t = head(h_t), a label per step or the next token.

    After a call, `state` holds the final state; given back as `state`, it continues the sequence. It is detached: no
    gradient flows from one call into the one before.

    Parameters
    ----------
    rnn, head, embedding
        As for `ManyToOne`; a head for SCRN takes hidden_size + context_size features.

    Examples
    --------
    >>> from course_rnn.torch.layers import GRU
    >>> model = ManyToMany(GRU(3, 4), torch.nn.Linear(4, 2))
    >>> model(torch.ones(5, 2, 3)).shape
    torch.Size([5, 2, 2])
    """

    def forward(self, x, lengths=None, state=None):
        """Map x (T, B, D), or ids (T, B), to y (T, B, O)."""
        y, state = self.rnn(self._embed(x), state, lengths)
        self.state = detached(state)
        return self.head(y)


class VectorToSequence(_Model):
    """Write a sequence about one vector: the context c enters every step beside the previous output y_{t−1}.

    h_t = tanh(b + R c + U y_{t−1} + W h_{t−1}),  o_t = head(h_t),  with weight_ih_l0 = [U, R]

    As c does not change, b + R c acts as a bias of its own for each sequence. LSTM and GRU take it the same way. After
    a call, `state` holds the final state, detached.

    Parameters
    ----------
    rnn : RNN, LSTM or GRU
        Its input_size is the size of y_{t−1} (or of its embedding) plus that of c.
    head : torch.nn.Module
    embedding : torch.nn.Embedding, optional
        Without it the previous outputs are vectors, with it integers.

    References
    ----------
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), figure 10.9.

    Examples
    --------
    >>> from course_rnn.torch.layers import RNN
    >>> model = VectorToSequence(RNN(8 + 3, 4), torch.nn.Linear(4, 30), torch.nn.Embedding(30, 8))
    >>> model(torch.ones(2, 3), torch.zeros(5, 2, dtype=torch.long)).shape
    torch.Size([5, 2, 30])
    """

    def forward(self, context, y_prev, lengths=None, state=None):
        """Map context (B, C) and previous outputs (T, B, D), or ids (T, B), to y (T, B, O)."""
        y_prev = self._embed(y_prev)
        T, B, _ = y_prev.shape
        if context.ndim != 2 or len(context) != B:
            raise ValueError(
                f"context has shape {tuple(context.shape)}, expected ({B}, features): one row for each sequence"
            )
        check_dtype_and_device("context", context, y_prev, "y_prev")
        y, state = self.rnn(torch.cat([y_prev, context.expand(T, -1, -1)], dim=-1), state, lengths)
        self.state = detached(state)
        return self.head(y)


def sample(logits, temperature=1.0, rng=None):
    """Draw one class from each row of softmax(logits / temperature), or take the most likely if `rng` is None.

    argmax(logits / temperature + g) with independent Gumbel noise g has exactly that distribution. The noise comes
    from NumPy, wherever the logits are: the same seed draws the same classes in both packages and on every device.

    Parameters
    ----------
    logits : (..., V) Tensor
    temperature : float
        Above 0. Below 1 the likely gets likelier, above 1 everything gets more equal.
    rng : numpy.random.Generator, optional

    Returns
    -------
    (...) Tensor of int64

    Raises
    ------
    ValueError
        If the temperature is not above 0.

    Examples
    --------
    >>> sample(torch.tensor([[0.0, 1.0, 9.0], [7.0, 1.0, 0.0]]))
    tensor([2, 0])
    """
    if temperature <= 0:
        raise ValueError(f"temperature is {temperature}, expected a number above 0; rng=None takes the most likely")
    if rng is None:
        return logits.argmax(dim=-1)
    noisy = logits.detach().cpu() / temperature + torch.from_numpy(rng.gumbel(size=logits.shape))  # float64
    return noisy.argmax(dim=-1).to(logits.device)


@torch.no_grad()
def generate(model, prefix, steps, context=None, temperature=1.0, rng=None):
    """Let a model of tokens write on: each token drawn is the next step's input.

    Parameters
    ----------
    model : ManyToMany or VectorToSequence
        With an embedding; its outputs are the logits of the next token.
    prefix : (T, B) Tensor of int
        What is read first, such as a start token or the beginning of a text.
    steps : int
    context : (B, C) Tensor, optional
        For `VectorToSequence`.
    temperature, rng
        As in `sample`.

    Returns
    -------
    (steps, B) Tensor of int64

    Examples
    --------
    >>> from course_rnn.torch.layers import GRU
    >>> model = ManyToMany(GRU(8, 4), torch.nn.Linear(4, 30), torch.nn.Embedding(30, 8))
    >>> generate(model, torch.tensor([[0, 0]]), steps=6).shape
    torch.Size([6, 2])
    """
    inputs = () if context is None else (context,)
    tokens, state, written = prefix, None, []
    for _ in range(steps):
        logits = model(*inputs, tokens, state=state)
        state = model.state
        tokens = sample(logits[-1:], temperature, rng)  # (1, B)
        written.append(tokens)
    return torch.cat(written)


def cross_entropy(logits, targets, mask=None, ignore_index=-100):
    """Average −log p(target) over the real tokens: torch's cross_entropy, with the classes on the last axis.

    L = −(1/n) Σ log softmax(logits)[target]

    Parameters
    ----------
    logits : (..., V) Tensor
    targets : (...) Tensor of int
    mask : (...) Tensor of bool, optional
        True for a real token.
    ignore_index : int
        Tokens with this target are not real.

    Returns
    -------
    () Tensor
        In nats; NaN if no token is real.

    Raises
    ------
    ValueError
        If shapes differ.
    TypeError
        If the targets are not integers or the mask is not boolean.

    Examples
    --------
    >>> cross_entropy(torch.zeros(3, 1, 2), torch.tensor([[0], [1], [9]]), ignore_index=9)
    tensor(0.6931)
    """
    check_integers("targets", targets)
    _check_shape("targets", targets, logits.shape[:-1])
    if mask is not None:
        _check_mask(mask, targets.shape)
        targets = targets.masked_fill(~mask, ignore_index)
    return F.cross_entropy(logits.flatten(0, -2), targets.flatten().long(), ignore_index=ignore_index)


def mse(y, target, mask=None):
    """Average the squared error over all elements of the real steps.

    L = (1/n) Σ (y − target)²

    Parameters
    ----------
    y, target : Tensor of one shape and dtype
    mask : Tensor of bool, optional
        True for a real step; its shape is that of the first axes of y, such as (T, B).

    Returns
    -------
    () Tensor
        NaN if no step is real.

    Raises
    ------
    ValueError
        If shapes differ (nothing is broadcast).
    TypeError
        If the dtypes differ or the mask is not boolean.

    Examples
    --------
    >>> mse(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(2.)
    """
    _check_shape("target", target, y.shape)
    check_dtype_and_device("target", target, y, "y")
    if mask is None:
        return F.mse_loss(y, target)
    _check_mask(mask, y.shape[: mask.ndim])
    features = y.shape[mask.ndim :]
    error = (y - target).masked_fill(~mask[(..., *[None] * len(features))], 0)
    return error.square().sum() / (mask.sum() * features.numel())


def check_integers(name, tensor):
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(f"{name} are {tensor.dtype}, expected integers")


def _check_shape(name, tensor, expected):
    if tensor.shape != expected:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected {tuple(expected)}")


def _check_mask(mask, expected):
    if mask.dtype != torch.bool:
        raise TypeError(f"mask is {mask.dtype}, expected bool: True for a real step")
    _check_shape("mask", mask, expected)
