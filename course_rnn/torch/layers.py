"""RNN, LSTM and GRU with the interface of torch.nn, and a choice of how the time loop runs.

They are torch.nn's own classes with another forward, so constructors, initial values, `state_dict`, public
attributes, `flatten_parameters()`, copies and pickles are torch's by construction.
"""

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from course_rnn.torch import loop


class _Recurrent:
    """What the three layers share: everything around the time loop."""

    def __init__(self, *args, implementation="auto", **kwargs):
        super().__init__(*args, **kwargs)
        self.implementation = implementation

    @property
    def cell(self):
        return self.mode

    def forward(self, input, hx=None, lengths=None):
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        batched = input.dim() == 3
        x = input if batched else input.unsqueeze(1)
        if batched and self.batch_first:
            x = x.transpose(0, 1)
        state = self._initial(x, hx, batched)
        if lengths is not None:
            lengths = torch.as_tensor(lengths, device=x.device)
        y, state = self._run(x, state, lengths)
        if batched and self.batch_first:
            y = y.transpose(0, 1)
        if not batched:
            y, state = y.squeeze(1), tuple(s.squeeze(1) for s in state)
        return y, state if self.mode == "LSTM" else state[0]

    def _forward_packed(self, packed, hx):
        x, lengths = pad_packed_sequence(PackedSequence(packed.data, packed.batch_sizes))  # longest first
        if hx is not None:
            hx = self.permute_hidden(hx, packed.sorted_indices)
        y, state = self._run(x, self._initial(x, hx, True), lengths.to(x.device))
        data = pack_padded_sequence(y, lengths).data
        state = self.permute_hidden(state if self.mode == "LSTM" else state[0], packed.unsorted_indices)
        return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices), state

    def _initial(self, x, hx, batched):
        if hx is None:
            zeros = x.new_zeros(self.num_layers * (1 + self.bidirectional), x.shape[1], self.hidden_size)
            return (zeros, zeros) if self.mode == "LSTM" else (zeros,)
        state = hx if self.mode == "LSTM" else (hx,)
        return state if batched else tuple(s.unsqueeze(1) for s in state)

    def _run(self, x, state, lengths):
        directions = 1 + self.bidirectional
        weights = [(*w, None, None) if len(w) == 2 else tuple(w) for w in self.all_weights]
        weights = [weights[i : i + directions] for i in range(0, len(weights), directions)]
        dropout = self.dropout if self.training else 0.0
        return loop.stack(loop.layer, self.cell, x, state, weights, lengths, dropout)


class RNN(_Recurrent, torch.nn.RNN):
    """A simple (Elman) recurrent network, drop-in for torch.nn.RNN."""


class LSTM(_Recurrent, torch.nn.LSTM):
    """A long short-term memory network, drop-in for torch.nn.LSTM."""


class GRU(_Recurrent, torch.nn.GRU):
    """A gated recurrent unit network, drop-in for torch.nn.GRU."""

    def __init__(self, *args, reset_after=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.reset_after = reset_after

    @property
    def cell(self):
        return "GRU" if self.reset_after else "GRU_RESET_BEFORE"
