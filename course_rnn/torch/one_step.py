"""RNNCell, LSTMCell and GRUCell: one step with the interface of torch.nn, for loops that a model writes itself.

They are torch.nn's own classes. We add the GRU whose reset gate comes before the product, one sentence for bad input
of every kind, and the way back, `to_torch()`.
"""

import torch
from torch.fx import Proxy

from course_rnn.torch import loop
from course_rnn.torch._check import check_cell_inputs
from course_rnn.torch.cells import GRUResetBefore
from course_rnn.torch.exchange import Exchangeable


class _Cell(Exchangeable):
    """What the three cells share."""

    def forward(self, input, hx=None):
        """Take one step.

        Parameters
        ----------
        input : Tensor (B, D), or (D,) for one sequence
        hx : Tensor (B, H), for an LSTM a tuple of two, optional
            h, or (h, c); zeros when not given. Without B for one sequence.

        Returns
        -------
        h : as `hx`

        Raises
        ------
        InputError
            In one sentence, if shapes or devices do not fit together; it is a ValueError and a RuntimeError.
        InputTypeError
            In one sentence, if something is of the wrong kind or dtype; it is an InputError and a TypeError.
        """
        if isinstance(input, Proxy):
            return self._leaf(input, hx)
        try:
            return self._step(input, hx)
        except Exception:
            check_cell_inputs(self, input, hx)
            raise

    def _step(self, input, hx):
        return super().forward(input, hx)


class RNNCell(_Cell, torch.nn.RNNCell):
    """One step of a simple (Elman) recurrent network, a drop-in for torch.nn.RNNCell.

    h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with relu.

    Parameters
    ----------
    *args, **kwargs : as for torch.nn.RNNCell
        input_size, hidden_size, bias=True, nonlinearity="tanh", device=None, dtype=None.

    References
    ----------
    Elman (1990), Finding structure in time.

    Examples
    --------
    >>> RNNCell(3, 4)(torch.zeros(2, 3)).shape
    torch.Size([2, 4])
    """


class LSTMCell(_Cell, torch.nn.LSTMCell):
    """One step of a long short-term memory network, a drop-in for torch.nn.LSTMCell.

    i, f, o = σ(…) and g = tanh(…) of W_ih x + b_ih + W_hh h + b_hh;  c' = f ⊙ c + i ⊙ g,  h' = o ⊙ tanh(c').

    Parameters
    ----------
    *args, **kwargs : as for torch.nn.LSTMCell
        input_size, hidden_size, bias=True, device=None, dtype=None.

    References
    ----------
    Hochreiter and Schmidhuber (1997), Long short-term memory; Gers et al. (2000) for the forget gate.

    Examples
    --------
    >>> h, c = LSTMCell(3, 4)(torch.zeros(2, 3))
    >>> h.shape, c.shape
    (torch.Size([2, 4]), torch.Size([2, 4]))
    """


class GRUCell(_Cell, torch.nn.GRUCell):
    """One step of a gated recurrent unit network, a drop-in for torch.nn.GRUCell, with the reset gate after or before.

    r, z = σ(…) of W_ih x + b_ih + W_hh h + b_hh;  h' = (1 − z) ⊙ n + z ⊙ h, where
    n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn)), or with reset_after=False
    n = tanh(W_in x + b_in + W_hn (r ⊙ h) + b_hn).

    Parameters
    ----------
    *args, **kwargs : as for torch.nn.GRUCell
        input_size, hidden_size, bias=True, device=None, dtype=None.
    reset_after : bool
        True is torch's GRU; False is the one of the paper. The parameters are the same.

    References
    ----------
    Cho et al. (2014), Learning phrase representations using RNN encoder–decoder.

    Examples
    --------
    >>> GRUCell(3, 4, reset_after=False)(torch.zeros(2, 3), torch.ones(2, 4)).shape
    torch.Size([2, 4])
    """

    def __init__(self, *args, reset_after=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.reset_after = reset_after

    def _step(self, input, hx):
        if self.reset_after:
            return super()._step(input, hx)
        check_cell_inputs(self, input, hx)
        x = torch.atleast_2d(input)
        h = x.new_zeros(len(x), self.hidden_size) if hx is None else torch.atleast_2d(hx)
        weights = loop.named((self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh))
        _, (h,) = loop.direction(GRUResetBefore(), x[None], (h,), weights)
        return h if input.dim() == 2 else h[0]
