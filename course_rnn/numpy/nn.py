"""What stands around a recurrent layer: modules, the five input and output modes, losses.

====================  ==================================================  ======================
mode                  model                                               shapes
====================  ==================================================  ======================
one to one            `Linear`, or several in a `Sequential`              (B, D) → (B, O)
one to many           `VectorToSequence`                                  (B, C) → (T, B, O)
many to one           `ManyToOne`                                         (T, B, D) → (B, O)
many to many          `ManyToMany`, an output at every step               (T, B, D) → (T, B, O)
many to other many    `course_rnn.numpy.seq2seq`                          (S, B, D) → (T, B, O)
====================  ==================================================  ======================
"""

import contextlib
import math
from collections import deque

import numpy as np

from course_rnn.numpy._check import check_dtype, check_features, check_ids, check_mask, check_shape


class Module:
    """Anything with parameters, a forward pass, and a backward pass written by hand.

    A leaf (`Linear`, `LSTM`, …) owns two plain dicts, `params` and `grads`, under torch's names. A composite owns none:
    its dicts gather those of the modules among its attributes, in lists and in dicts, in the order of assignment, as
    ``"rnn.weight_ih_l0"``. They hold the leaves' own arrays, so an optimiser that changes them in place changes the
    model. An array that two modules share (tied weights) stands once, under its first name, with one gradient.

    Gradients add up, as in torch: `backward` belongs to the last `forward` that has none yet, so a module may be used
    several times, and adds to `grads`; `zero_grad` begins anew. After `eval()` nothing is kept for `backward`.

    Examples
    --------
    >>> class Model(Module):
    ...     def __init__(self):
    ...         self.head = Linear(3, 2)
    >>> list(Model().params)
    ['head.weight', 'head.bias']
    """

    training = True

    def __getattr__(self, name):
        # Python asks here only for what an instance does not have itself, so a leaf's own dicts come first.
        if name == "params":
            return {key: array for key, array, _ in self._named()}
        if name == "grads":
            return self._gathered()
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def children(self):
        """Yield the name and the module of each attribute that is one, also in lists, tuples and dicts."""
        for name, value in vars(self).items():
            yield from _modules_in(name, value)

    def modules(self):
        """Yield this module and all below it, each once."""
        seen, waiting = set(), [self]
        while waiting:
            module = waiting.pop(0)
            if id(module) not in seen:
                seen.add(id(module))
                yield module
                waiting[:0] = [child for _, child in module.children()]

    def zero_grad(self):
        """Forget all gradients, and what forward passes have kept for a backward pass that never came."""
        for module in self.modules():
            if "grads" in vars(module):
                module.grads.clear()
            module._tape.clear()

    def train(self, mode=True):
        """Keep what `backward` needs, and drop out if the module does; with False, neither. Returns the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self):
        """The same as ``train(False)``: for reading a model's answers, when there will be no `backward`."""
        return self.train(False)

    def state_dict(self):
        """Return the parameters by name: the arrays themselves, as torch does."""
        return dict(self.params)

    def load_state_dict(self, state):
        """Copy arrays of the same names and shapes into the parameters.

        Parameters
        ----------
        state : dict of str to ndarray
            All of ``params`` and nothing else; values are converted to the parameters' dtype.

        Raises
        ------
        ValueError
            If a name is missing or unknown, or a shape is another; then nothing is changed.
        """
        params = self.params
        if missing := [name for name in params if name not in state]:
            raise ValueError(f"missing {', '.join(missing)}")
        if unknown := [name for name in state if name not in params]:
            raise ValueError(f"unexpected {', '.join(unknown)}: this model has {', '.join(params)}")
        arrays = {name: np.asarray(array) for name, array in state.items()}
        for name, array in arrays.items():
            if array.shape != params[name].shape:
                raise ValueError(f"{name} has shape {array.shape}, this model expects {params[name].shape}")
        for name, array in arrays.items():
            params[name][...] = array

    @property
    def _tape(self):
        """What forward passes keep for backward, the last on top."""
        # bounded, as a model that only answers may be called for ever without eval()
        return vars(self).setdefault("_kept", deque(maxlen=1000))

    def _keep(self, *what):
        """Called by `forward`: keep what `backward` needs."""
        if self.training:
            self._tape.append(what)

    def _kept_last(self):
        """Called by `backward`: take what the last forward pass kept."""
        if not self._tape:
            why = "" if self.training else ", and after eval() none is kept: call train()"
            raise RuntimeError(f"backward needs a forward before it, one for each backward{why}")
        return self._tape.pop()

    def _add(self, grads):
        """Called by `backward` of a leaf: add to its gradients, in the order of its parameters."""
        for name in self.params:
            self.grads[name] = self.grads[name] + grads[name] if name in self.grads else grads[name]

    def _named(self, prefix=""):
        """Yield name, array and owner of every parameter, each array once."""
        seen = set()
        for path, leaf in self._leaves(prefix):
            for key, array in leaf.params.items():
                if id(array) not in seen:
                    seen.add(id(array))
                    yield path + key, array, leaf

    def _leaves(self, prefix=""):
        if "params" in vars(self):
            yield prefix, self
        for name, child in self.children():
            yield from child._leaves(f"{prefix}{name}.")

    def _gathered(self):
        """The gradients of all leaves; those of one array are added up where it stands first."""
        first, grads = {}, {}
        for path, leaf in self._leaves():
            for key, array in leaf.params.items():
                if key not in leaf.grads:
                    continue
                owner, name, at = first.setdefault(id(array), (leaf, key, path + key))
                if (owner, name) != (leaf, key):
                    leaf_grad = leaf.grads.pop(key)
                    owner.grads[name] = owner.grads[name] + leaf_grad if name in owner.grads else leaf_grad
                grads[at] = owner.grads[name]
        return grads


def _modules_in(name, value):
    if isinstance(value, Module):
        yield name, value
    elif isinstance(value, list | tuple):
        for k, item in enumerate(value):
            yield from _modules_in(f"{name}.{k}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _modules_in(f"{name}.{key}", item)


@contextlib.contextmanager
def answering(model):
    """Let a model answer inside a ``with``, as after `eval()`; afterwards every module is as it was."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


def state_parts(state):
    """Write a layer's state as a tuple: (h,) of an RNN or GRU, (h, c) of an LSTM."""
    return state if isinstance(state, tuple) else (state,)


def state_like(state, parts):
    """Undo `state_parts`: put parts into the form that `state` has."""
    return tuple(parts) if isinstance(state, tuple) else parts[0]


class Linear(Module):
    """Map the last axis: y = W x + b, or y = x Wᵀ + b for rows x.

    Initial values are uniform in ±1/√in_features, as in torch.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
    rng : numpy.random.Generator, optional
    dtype : numpy dtype

    Examples
    --------
    >>> Linear(3, 2).forward(np.ones((5, 4, 3))).shape
    (5, 4, 2)
    """

    def __init__(self, in_features, out_features, bias=True, *, rng=None, dtype=np.float64):
        rng = np.random.default_rng() if rng is None else rng
        bound = 1 / math.sqrt(in_features)
        self.params = {"weight": rng.uniform(-bound, bound, (out_features, in_features)).astype(dtype)}
        if bias:
            self.params["bias"] = rng.uniform(-bound, bound, out_features).astype(dtype)
        self.grads = {}

    def forward(self, x):
        """Map x (..., in_features) to y (..., out_features); ValueError or TypeError if x does not fit the weight."""
        weight = self.params["weight"]
        check_dtype("x", x, weight.dtype)
        check_features("x", x, weight.shape[1], "layer")
        self._keep(x)
        y = x @ weight.T
        return y + self.params["bias"] if "bias" in self.params else y

    def backward(self, dy):
        """Map dy (..., out_features) to dx (..., in_features) and add to `grads`."""
        (x,) = self._kept_last()
        d, x = dy.reshape(-1, dy.shape[-1]), x.reshape(-1, x.shape[-1])  # every leading axis is a batch
        self._add({"weight": d.T @ x, "bias": d.sum(axis=0)})
        return dy @ self.params["weight"]


class Tanh(Module):
    """Apply y = tanh(x) to every element, so dx = dy ⊙ (1 − y²).

    Examples
    --------
    >>> Tanh().forward(np.array([0.0, 1000.0]))
    array([0., 1.])
    """

    def forward(self, x):
        """Map x of any shape to y of the same shape."""
        y = np.tanh(x)
        self._keep(y)
        return y

    def backward(self, dy):
        """Map dy to dx."""
        (y,) = self._kept_last()
        return dy * (1 - y * y)


class Sequential(Module):
    """Compose modules, f(x) = f₃(f₂(f₁(x))); the parameters are named ``"0.weight"``, ``"2.bias"`` as in torch.

    Examples
    --------
    >>> mlp = Sequential(Linear(3, 4), Tanh(), Linear(4, 2))
    >>> mlp.forward(np.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(self, *modules):
        for i, module in enumerate(modules):
            setattr(self, str(i), module)

    def forward(self, x):
        """Map x through the modules, first to last."""
        for _, module in self.children():
            x = module.forward(x)
        return x

    def backward(self, dy):
        """Map dy through the modules, last to first, and add to `grads`."""
        for _, module in reversed(list(self.children())):
            dy = module.backward(dy)
        return dy


class Embedding(Module):
    """Look up row ids of a table: y = W[ids], the same as W applied to one-hot vectors.

    Initial values are normal(0, 1), as in torch. The row `padding_idx` starts at 0 and gets no gradient, so it stays 0.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
    padding_idx : int, optional
    rng : numpy.random.Generator, optional
    dtype : numpy dtype

    Raises
    ------
    ValueError
        If `padding_idx` is not a row of the table.

    Examples
    --------
    >>> Embedding(30, 8, padding_idx=0).forward(np.array([[5, 7], [6, 0]]))[1, 1]
    array([0., 0., 0., 0., 0., 0., 0., 0.])
    """

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, *, rng=None, dtype=np.float64):
        if padding_idx is not None and not 0 <= padding_idx < num_embeddings:
            raise ValueError(f"padding_idx is {padding_idx}, expected 0 to {num_embeddings - 1}")
        rng = np.random.default_rng() if rng is None else rng
        self.params = {"weight": rng.standard_normal((num_embeddings, embedding_dim)).astype(dtype)}
        self.padding_idx = padding_idx
        if padding_idx is not None:
            self.params["weight"][padding_idx] = 0
        self.grads = {}

    def forward(self, ids):
        """Map ids (...) of integers to y (..., embedding_dim); TypeError or ValueError if an id is not a row."""
        check_ids("ids", ids, len(self.params["weight"]))
        self._keep(ids)
        return self.params["weight"][ids]

    def backward(self, dy):
        """Add to `grads` from dy (..., embedding_dim); ids have no gradient, so the answer is None."""
        (ids,) = self._kept_last()
        dweight = np.zeros_like(self.params["weight"])
        np.add.at(dweight, ids, dy)  # an id that occurs twice is counted twice
        if self.padding_idx is not None:
            dweight[self.padding_idx] = 0
        self._add({"weight": dweight})


class _Model(Module):
    """An optional embedding, a recurrent layer and a head."""

    def __init__(self, rnn, head, embedding=None):
        self.embedding, self.rnn, self.head = embedding, rnn, head

    def _embed(self, x):
        return x if self.embedding is None else self.embedding.forward(x)

    def _embed_backward(self, dx):
        return dx if self.embedding is None else self.embedding.backward(dx)


class ManyToOne(_Model):
    """Read a sequence, answer once: y = head(h_n), a class or a number for the whole sequence.

    h_n is the last layer's state at each sequence's true end; of a bidirectional layer the final forward and the final
    backward state, concatenated. That pair is not ``y[-1]``, whose backward half has read one step only.

    Parameters
    ----------
    rnn : RNN, LSTM or GRU
    head : Module
        Takes hidden_size features, or 2·hidden_size if the layer is bidirectional.
    embedding : Embedding, optional
        Without it x holds vectors, with it integers.

    Examples
    --------
    >>> from course_rnn.numpy.layers import GRU
    >>> model = ManyToOne(GRU(3, 4), Linear(4, 2))
    >>> model.forward(np.ones((5, 2, 3)), lengths=np.array([5, 3])).shape
    (2, 2)
    """

    def forward(self, x, lengths=None):
        """Map x (T, B, D), or ids (T, B), to y (B, O)."""
        _, self.state = self.rnn.forward(self._embed(x), None, lengths)
        self._keep(self.state)
        return self.head.forward(self.rnn.final(self.state))

    def backward(self, dy):
        """Map dy (B, O) to dx, or to None for ids, and add to `grads`."""
        (state,) = self._kept_last()
        dx, _ = self.rnn.backward(None, self.rnn.final_backward(self.head.backward(dy), state))
        return self._embed_backward(dx)


class ManyToMany(_Model):
    """Read a sequence, answer at every step: y_t = head(h_t), a label per step or the next token.

    After `forward`, `state` holds the final state; given back as `state`, it continues the sequence.

    Parameters
    ----------
    rnn : RNN, LSTM or GRU
    head : Module
        Takes hidden_size features, or 2·hidden_size if the layer is bidirectional.
    embedding : Embedding, optional
        Without it x holds vectors, with it integers.

    Examples
    --------
    >>> from course_rnn.numpy.layers import GRU
    >>> model = ManyToMany(GRU(3, 4), Linear(4, 2))
    >>> model.forward(np.ones((5, 2, 3))).shape
    (5, 2, 2)
    """

    def forward(self, x, lengths=None, state=None):
        """Map x (T, B, D), or ids (T, B), to y (T, B, O)."""
        y, self.state = self.rnn.forward(self._embed(x), state, lengths)
        return self.head.forward(y)

    def backward(self, dy):
        """Map dy (T, B, O) to dx, or to None for ids, and add to `grads`."""
        dx, _ = self.rnn.backward(self.head.backward(dy))
        return self._embed_backward(dx)


class VectorToSequence(_Model):
    """Write a sequence about one vector: the context c enters every step beside the previous output y_{t−1}.

    h_t = tanh(b + R c + U y_{t−1} + W h_{t−1}),  o_t = head(h_t)

    As c does not change, b + R c acts as a bias of its own for each sequence. With x_t = [y_{t−1}, c] this is an RNN
    whose weight_ih_l0 is [U, R], so it works for LSTM and GRU as well. After `forward`, `state` holds the final state.

    Parameters
    ----------
    rnn : RNN, LSTM or GRU
        Its input_size is the size of y_{t−1} (or of its embedding) plus that of c.
    head : Module
    embedding : Embedding, optional
        Without it the previous outputs are vectors, with it integers.

    References
    ----------
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), figure 10.9.

    Examples
    --------
    >>> from course_rnn.numpy.layers import RNN
    >>> model = VectorToSequence(RNN(8 + 3, 4), Linear(4, 30), Embedding(30, 8))
    >>> model.forward(np.ones((2, 3)), np.zeros((5, 2), dtype=int)).shape
    (5, 2, 30)
    """

    def forward(self, context, y_prev, lengths=None, state=None):
        """Map context (B, C) and previous outputs (T, B, D), or ids (T, B), to y (T, B, O)."""
        y_prev = self._embed(y_prev)
        T, B, _ = y_prev.shape
        if context.ndim != 2 or len(context) != B:
            raise ValueError(f"context has shape {context.shape}, expected ({B}, features): one row for each sequence")
        context = np.broadcast_to(context, (T, *context.shape))
        y, self.state = self.rnn.forward(np.concatenate([y_prev, context], axis=-1), state, lengths)
        self._keep(context.shape[-1])
        return self.head.forward(y)

    def backward(self, dy):
        """Map dy (T, B, O) to dcontext and dy_prev (None for ids), and add to `grads`."""
        (context_size,) = self._kept_last()
        dx, _ = self.rnn.backward(self.head.backward(dy))
        dy_prev, dcontext = np.split(dx, [-context_size], axis=-1)
        return dcontext.sum(axis=0), self._embed_backward(dy_prev)


def sample(logits, temperature=1.0, rng=None):
    """Draw one class from each row of softmax(logits / temperature), or take the most likely if `rng` is None.

    argmax(logits / temperature + g) with independent Gumbel noise g has exactly that distribution.

    Parameters
    ----------
    logits : (..., V) ndarray
    temperature : float
        Above 0. Below 1 the likely gets likelier, above 1 everything gets more equal.
    rng : numpy.random.Generator, optional

    Returns
    -------
    (...) ndarray of int

    Raises
    ------
    ValueError
        If the temperature is not above 0.

    Examples
    --------
    >>> sample(np.array([[0.0, 1.0, 9.0], [7.0, 1.0, 0.0]]))
    array([2, 0])
    """
    if temperature <= 0:
        raise ValueError(f"temperature is {temperature}, expected a number above 0; rng=None takes the most likely")
    if rng is not None:
        logits = logits / temperature + rng.gumbel(size=logits.shape)
    return logits.argmax(axis=-1)


def generate(model, prefix, steps, context=None, temperature=1.0, rng=None):
    """Let a model of tokens write on: each token drawn is the next step's input.

    Parameters
    ----------
    model : ManyToMany or VectorToSequence
        With an embedding; its outputs are the logits of the next token.
    prefix : (T, B) ndarray of int
        What is read first, such as a start token or the beginning of a text.
    steps : int
    context : (B, C) ndarray, optional
        For `VectorToSequence`.
    temperature, rng
        As in `sample`.

    Returns
    -------
    (steps, B) ndarray of int

    Examples
    --------
    >>> from course_rnn.numpy.layers import GRU
    >>> model = ManyToMany(GRU(8, 4), Linear(4, 30), Embedding(30, 8))
    >>> generate(model, np.array([[0, 0]]), steps=6, rng=np.random.default_rng(0)).shape
    (6, 2)
    """
    inputs = () if context is None else (context,)
    tokens, state, written = prefix, None, []
    with answering(model):
        for _ in range(steps):
            logits = model.forward(*inputs, tokens, state=state)
            state = model.state
            tokens = sample(logits[-1:], temperature, rng)  # (1, B)
            written.append(tokens)
    return np.concatenate(written)


def log_softmax(x, axis=-1):
    """Turn scores into log probabilities: x_k − log Σ_j exp(x_j), which stays finite where softmax rounds to 0.

    Examples
    --------
    >>> log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    x = x - x.max(axis=axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


def cross_entropy(logits, targets, mask=None, ignore_index=None):
    """Average −log p(target) over the real tokens, with its gradient.

    L = −(1/n) Σ log softmax(logits)[target],  dlogits = (softmax(logits) − onehot(target)) / n

    Parameters
    ----------
    logits : (..., V) ndarray
    targets : (...) ndarray of int
    mask : (...) ndarray of bool, optional
        True for a real token.
    ignore_index : int, optional
        Tokens with this target are not real.

    Returns
    -------
    loss : float
        In nats.
    dlogits : (..., V) ndarray
        Exactly 0 at tokens that are not real.

    Raises
    ------
    ValueError
        If shapes differ, no token is real, or a real target is not a class.
    TypeError
        If the targets are not integers or the mask is not boolean.

    Examples
    --------
    >>> loss, dlogits = cross_entropy(np.zeros((3, 2)), np.array([0, 1, 9]), ignore_index=9)
    >>> round(loss, 4), dlogits[2]
    (0.6931, array([0., 0.]))
    """
    check_shape("targets", targets, logits.shape[:-1])
    real = _real(mask, targets.shape)
    if ignore_index is not None:
        real = real & (targets != ignore_index)
    n = int(real.sum())
    if n == 0:
        raise ValueError("no token is real: the mean over none is not defined")
    check_ids("targets", targets[real], logits.shape[-1])
    log_p = log_softmax(logits)
    dlogits = np.exp(log_p) / n
    dlogits[~real] = 0
    at_target = (*np.nonzero(real), targets[real])
    dlogits[at_target] -= 1 / n
    return -float(log_p[at_target].mean()), dlogits


def mse(y, target, mask=None):
    """Average the squared error over all elements of the real steps, with its gradient.

    L = (1/n) Σ (y − target)²,  dy = (2/n) (y − target)

    Parameters
    ----------
    y, target : ndarray of one shape and dtype
    mask : ndarray of bool, optional
        True for a real step; its shape is that of the first axes of y, such as (T, B).

    Returns
    -------
    loss : float
    dy : ndarray
        As y; exactly 0 at steps that are not real.

    Raises
    ------
    ValueError
        If shapes differ (nothing is broadcast) or no step is real.
    TypeError
        If the dtypes differ or the mask is not boolean.

    Examples
    --------
    >>> mse(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    (2.0, array([ 0., -2.]))
    """
    check_shape("target", target, y.shape)
    if target.dtype != y.dtype:
        raise TypeError(f"target is {target.dtype}, y is {y.dtype}")
    real = ... if mask is None else _real(mask, y.shape[: mask.ndim])
    error = (y - target)[real]
    if error.size == 0:
        raise ValueError("no step is real: the mean over none is not defined")
    dy = np.zeros_like(y)
    dy[real] = 2 * error / error.size
    return float(np.square(error).mean()), dy


def perplexity(loss):
    """Turn a mean cross-entropy in nats into the number of equally likely choices it is worth: exp(loss).

    Examples
    --------
    >>> round(perplexity(math.log(30)), 6)
    30.0
    """
    return math.exp(loss)


def bits_per_character(loss):
    """Turn a mean cross-entropy in nats into bits: loss / log 2.

    Examples
    --------
    >>> bits_per_character(math.log(8))
    3.0
    """
    return loss / math.log(2)


def _real(mask, shape):
    """Where the tokens or steps are real, all of them without a mask."""
    if mask is None:
        return np.ones(shape, dtype=bool)
    check_mask(mask, shape)
    return mask
