"""The Jordan network: a recurrence that goes through the output and nothing else."""

import torch
from torch.nn import functional as F

from course_rnn.torch import cells
from course_rnn.torch._check import InputError, check_dtype_and_device
from course_rnn.torch.nn import check_integers
from course_rnn.torch.recurrent import Recurrent


class JordanRNN(torch.nn.Module):
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
    device, dtype
        As in torch.nn. Initial values are uniform in ±1/√hidden_size.

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
    >>> JordanRNN(3, 4, 2, feedback="label")(torch.ones(5, 7, 3)).shape
    torch.Size([5, 7, 2])
    """

    def __init__(self, input_size, hidden_size, output_size, feedback="output", bias=True, *, device=None, dtype=None):
        super().__init__()
        self.output_size = output_size
        cell = cells.Jordan(output_size, feedback)
        self.rnn = Recurrent(cell, input_size, hidden_size, bias=bias, device=device, dtype=dtype)

    def forward(self, x, outputs=None, state=None):
        """Map a sequence of inputs to a sequence of outputs; afterwards `state` holds what the next step would be fed.

        Parameters
        ----------
        x : (T, B, D) Tensor
        outputs : (T, B) Tensor of int, or (T, B, O) Tensor, optional
            Teacher forcing: the true labels, or the true vectors; step t is fed number t−1 as it is given.
        state : (B, O) Tensor, optional
            What the first step is fed; zeros without it. The one that a call leaves is detached.

        Returns
        -------
        (T, B, O) Tensor
            The linear outputs o_t: numbers, or the logits of a class.

        Raises
        ------
        ValueError
            If x is empty or does not have input_size features, or `outputs` or `state` has another shape than these.
        TypeError
            If x, `outputs` or `state` have another dtype than the parameters.
        """
        outputs, state = self._check(x, outputs, state)
        if outputs is None:
            o, (_, fed) = self.rnn(x, (torch.zeros_like(state)[None], state[None]))
            self.state = fed[0].detach()
            return o
        self.state = outputs[-1].detach()
        fed, weights = torch.cat([state[None], outputs[:-1]]), self.rnn.weights()
        o, _ = self.rnn.cell.step(cells.linear(x, weights, "ih"), (fed, fed), weights)  # all steps at once
        return o

    def _check(self, x, outputs, state):
        """Refuse what does not fit; return the outputs as vectors and the state as a tensor."""
        if x.ndim != 3 or 0 in x.shape:
            D = self.rnn.input_size
            raise InputError(f"x has shape {tuple(x.shape)}, expected (T, B, {D}) with none of them 0")
        if x.shape[-1] != self.rnn.input_size:
            raise InputError(f"x has {x.shape[-1]} features, this network expects {self.rnn.input_size}")
        (T, B, _), O = x.shape, self.output_size
        state = x.new_zeros(B, O) if state is None else state
        given = {"x": (x, x.shape), "state": (state, (B, O))}
        if outputs is not None:
            if not outputs.is_floating_point():
                check_integers("outputs", outputs)
                if outputs.shape != (T, B):
                    raise ValueError(
                        f"outputs has shape {tuple(outputs.shape)}, expected {(T, B)}: one label for each step"
                    )
                outputs = F.one_hot(outputs.long(), O).to(x.dtype)
            given["outputs"] = outputs, (T, B, O)
        for name, (tensor, shape) in given.items():
            check_dtype_and_device(name, tensor, self.rnn.weight_ih_l0, "this network")
            if tensor.shape != shape:
                raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected {shape}")
        return outputs, state
