"""The Jordan network: a recurrence that goes through the output and nothing else."""

import math

import numpy as np

from course_rnn.numpy._check import check_features
from course_rnn.numpy.cells import jordan_step, jordan_step_backward
from course_rnn.numpy.nn import Module, softmax


def _softmax_backward(df, o):
    p = softmax(o)
    return p * (df - (p * df).sum(axis=-1, keepdims=True))


# name: (what f(o) of the output comes back, df -> do); a hard label is flat wherever it does not jump
FEEDBACKS = {
    "output": (lambda o: o, lambda df, o: df),
    "probabilities": (softmax, _softmax_backward),
    "label": (lambda o: np.eye(o.shape[-1], dtype=o.dtype)[o.argmax(axis=-1)], lambda df, o: np.zeros_like(o)),
}


class JordanRNN(Module):
    """Run a Jordan network over a sequence: its only memory is what it has just said.

    h_t = tanh(W_ih x_t + b_ih + W_oh f(o_{t−1}) + b_oh),   o_t = W_ho h_t + b_ho

    `feedback` says what f is: the output itself, its softmax, or the one-hot vector of its largest entry. With the
    outputs given (teacher forcing) no step waits for another, and all T are computed at once.

    Parameters
    ----------
    input_size, hidden_size, output_size : int
    feedback : "output", "probabilities" or "label"
    bias : bool
    rng : numpy.random.Generator, optional
        Initial values are uniform(-1/sqrt(hidden_size), 1/sqrt(hidden_size)).
    dtype : numpy dtype

    Raises
    ------
    ValueError
        If the feedback is unknown.

    References
    ----------
    Jordan, "Attractor dynamics and parallelism in a connectionist sequential machine", CogSci 1986;
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 10.2.1.

    Examples
    --------
    >>> JordanRNN(3, 4, 2, feedback="label").forward(np.ones((5, 7, 3))).shape
    (5, 7, 2)
    """

    def __init__(
        self, input_size, hidden_size, output_size, feedback="output", bias=True, *, rng=None, dtype=np.float64
    ):
        if feedback not in FEEDBACKS:
            raise ValueError(f"feedback is {feedback!r}, expected one of {', '.join(FEEDBACKS)}")
        D, H, O = input_size, hidden_size, output_size
        self.input_size, self.hidden_size, self.output_size = D, H, O
        self.feedback, self.bias, self.dtype = feedback, bias, np.dtype(dtype)
        shapes = {"weight_ih": (H, D), "weight_oh": (H, O), "weight_ho": (O, H)}
        if bias:
            shapes |= {"bias_ih": (H,), "bias_oh": (H,), "bias_ho": (O,)}
        rng = np.random.default_rng() if rng is None else rng
        bound = 1 / math.sqrt(H)
        self.params = {name: rng.uniform(-bound, bound, shape).astype(dtype) for name, shape in shapes.items()}
        self.grads = {}

    def forward(self, x, outputs=None, state=None):
        """Map a sequence of inputs to a sequence of outputs; afterwards `state` holds what the next step would be fed.

        Parameters
        ----------
        x : (T, B, D) ndarray
        outputs : (T, B) ndarray of int, or (T, B, O) ndarray, optional
            Teacher forcing: the true labels, or the true vectors; step t is fed number t−1 as it is given.
        state : (B, O) ndarray, optional
            What the first step is fed; zeros without it.

        Returns
        -------
        (T, B, O) ndarray
            The linear outputs o_t: numbers, or the logits of a class.

        Raises
        ------
        ValueError
            If x is empty or does not have input_size features, `outputs` or `state` has another shape than these, a
            label is not from 0 to output_size − 1, or the state holds NaN.
        TypeError
            If x, `outputs` or `state` have another dtype than the parameters.
        """
        outputs, state = self._check(x, outputs, state)
        (T, B, _), O = x.shape, self.output_size
        self.forced = outputs is not None
        if self.forced:
            fed = np.concatenate([state[None], outputs[:-1]])
            # no step waits for another, so the T·B rows go through one step together
            o, self.cache = jordan_step(x.reshape(T * B, -1), fed.reshape(T * B, O), **self.params)
            self.o, self.state = o.reshape(T, B, O), outputs[-1]
        else:
            feed, _ = FEEDBACKS[self.feedback]
            self.o, self.cache, self.state = np.empty((T, B, O), x.dtype), [], state
            for t in range(T):
                self.o[t], cache = jordan_step(x[t], self.state, **self.params)
                self.cache.append(cache)
                self.state = feed(self.o[t])
        return self.o

    def backward(self, do, dstate=None):
        """Carry the gradient back through the sequence and fill `grads`.

        Parameters
        ----------
        do : (T, B, O) ndarray
            ∂L/∂o_t.
        dstate : (B, O) ndarray, optional
            ∂L/∂`state`, what the next step was fed. Outputs that were given are constants, so there it stops.

        Returns
        -------
        dx : (T, B, D) ndarray
        dstate0 : (B, O) ndarray
            For what the first step was fed.
        """
        T, B, O = do.shape
        if self.forced:
            dx, dfed, grads = jordan_step_backward(do.reshape(T * B, O), self.cache)
            self.grads = {name: grads[name] for name in self.params}
            return dx.reshape(T, B, -1), dfed.reshape(T, B, O)[0]
        _, feed_backward = FEEDBACKS[self.feedback]
        dfed = np.zeros_like(do[0]) if dstate is None else dstate
        self.grads = {name: np.zeros_like(p) for name, p in self.params.items()}
        dx = [None] * T
        for t in reversed(range(T)):
            dx[t], dfed, grads = jordan_step_backward(do[t] + feed_backward(dfed, self.o[t]), self.cache[t])
            for name, grad in grads.items():
                self.grads[name] += grad
        return np.stack(dx), dfed

    def _check(self, x, outputs, state):
        """Refuse what does not fit; return the outputs as vectors and the state as an array."""
        if x.ndim != 3 or 0 in x.shape:
            raise ValueError(f"x has shape {x.shape}, expected (T, B, {self.input_size}) with none of them 0")
        check_features("x", x, self.input_size, "network")
        (T, B, _), O = x.shape, self.output_size
        state = np.zeros((B, O), self.dtype) if state is None else state
        given = {"x": (x, x.shape), "state": (state, (B, O))}
        if outputs is not None:
            if np.issubdtype(outputs.dtype, np.integer):
                outputs = self._one_hot(outputs, (T, B))
            given["outputs"] = outputs, (T, B, O)
        for name, (array, shape) in given.items():
            if array.dtype != self.dtype:
                raise TypeError(f"{name} is {array.dtype}, this network is {self.dtype}")
            if array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
        if np.isnan(state).any():
            raise ValueError("state holds NaN")
        return outputs, state

    def _one_hot(self, labels, shape):
        if labels.shape != shape:
            raise ValueError(f"outputs has shape {labels.shape}, expected {shape}: one label for each step")
        if labels.min() < 0 or labels.max() >= self.output_size:
            raise ValueError(f"outputs run from {labels.min()} to {labels.max()}, expected 0 to {self.output_size - 1}")
        return np.eye(self.output_size, dtype=self.dtype)[labels]
