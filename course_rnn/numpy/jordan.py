"""The Jordan network: a recurrence that goes through the output and nothing else."""

import numpy as np

from course_rnn.numpy import cells, loop
from course_rnn.numpy._check import check_array, check_array_type, check_ids, check_sequences, check_shape
from course_rnn.numpy.layers import Recurrent
from course_rnn.numpy.nn import Module


class JordanRNN(Module):
    """Run a Jordan network over a sequence: its only memory is what it has just said.

    h_t = tanh(W_ih x_t + b_ih + W_oh f(o_{t−1}) + b_oh),   o_t = W_ho h_t + b_ho

    `feedback` says what f is: the output itself, its softmax, or the one-hot vector of its largest entry. With the
    outputs given (teacher forcing) no step waits for another, and all T are computed at once. The layer `rnn` is
    `Recurrent` with the cell `cells.Jordan`.

    Parameters
    ----------
    input_size, hidden_size, output_size : int
    feedback : "output", "probabilities" or "label"
    bias : bool
    rng : numpy.random.Generator, optional
        Initial values are uniform in ±1/√hidden_size.
    dtype : numpy.float64 or numpy.float32

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
        self.output_size = output_size
        self.rnn = Recurrent(
            cells.Jordan(output_size, feedback), input_size, hidden_size, bias=bias, rng=rng, dtype=dtype
        )

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
            If x is empty or does not have input_size features, `outputs` or `state` has another shape than these, or a
            label is not from 0 to output_size − 1.
        TypeError
            If x, `outputs` or `state` have another dtype than the parameters.
        """
        check_sequences(x, self.rnn.input_size, self.rnn.dtype)
        (T, B, D), O = x.shape, self.output_size
        state = np.zeros((B, O), self.rnn.dtype) if state is None else state
        check_array("state", state, (B, O), self.rnn.dtype)
        if outputs is None:
            o, (_, fed) = self.rnn.forward(x, (np.zeros_like(state)[None], state[None]))
            self._keep(None)
            self.state = fed[0]
            return o
        outputs = self._vectors(outputs, T, B)
        fed = np.concatenate([state[None], outputs[:-1]]).reshape(T * B, O)
        # no step waits for another, so the T·B rows go through one step together
        (o, _), cache = loop.step(self.rnn.cell, x.reshape(T * B, D), [fed, fed], self.rnn.weights())
        self._keep(cache)
        self.state = outputs[-1]
        return o.reshape(T, B, O)

    def backward(self, do, dstate=None):
        """Carry the gradient back through the sequence and add to `grads`.

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
        (cache,), (T, B, O) = self._kept_last(), do.shape
        if cache is None:
            dfed = np.zeros_like(do[0]) if dstate is None else dstate
            dx, (_, dfed) = self.rnn.backward(do, (np.zeros_like(do[:1]), dfed[None]))
            return dx, dfed[0]
        do = do.reshape(T * B, O)
        dx, (_, dfed), grads = loop.step_backward(self.rnn.cell, [do, np.zeros_like(do)], cache, self.rnn.weights())
        self.rnn._add({f"{name}_l0": grad for name, grad in grads.items()})
        return dx.reshape(T, B, -1), dfed.reshape(T, B, O)[0]

    def _vectors(self, outputs, T, B):
        """Check outputs that are given, and turn labels into one-hot vectors."""
        check_array_type("outputs", outputs)
        if not np.issubdtype(outputs.dtype, np.integer):
            check_array("outputs", outputs, (T, B, self.output_size), self.rnn.dtype)
            return outputs
        check_shape("outputs", outputs, (T, B))
        check_ids("outputs", outputs, self.output_size)
        return np.eye(self.output_size, dtype=self.rnn.dtype)[outputs]
