"""The models of the course on torch tensors: torch.nn's names, a readable loop, fast kernels.

=========  ================================================================================
layers     RNN, LSTM, GRU: drop-ins for torch.nn, with lengths and a choice of time loop
one_step   RNNCell, LSTMCell, GRUCell: drop-ins for torch.nn
exchange   to_torch: back to torch.nn's own classes, around the same tensors
cells      the equations of one step of each cell
loop       the time loop in plain torch, for any cell
recurrent  Recurrent(cell), MinGRU, SCRN: depth, direction, lengths, masks for any cell
fused      one layer as one node of the autograd graph
cpu        how it runs on a CPU, for torch.nn's cells
kernels    how it runs on a GPU, for any pointwise cell: kernels are written from its equations
operator   the fused layer as one operator, for compiled and exported graphs
plan       which implementation is taken when nobody says, and why
nn         models around a layer, losses, sampling
jordan     the recurrence through the output
attention  dot and additive attention
seq2seq    encoder, decoder, teacher forcing and its rivals, greedy and beam search
scan       linear recurrences in parallel
train      fit, truncated backpropagation, Jacobians
=========  ================================================================================

Linear maps, embeddings and optimisers are torch's own.
"""

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError('course_rnn.torch needs torch; install it with: pip install "course-rnn[torch]"') from error

from course_rnn.torch import cells, loop
from course_rnn.torch._check import InputError, InputTypeError
from course_rnn.torch.attention import AdditiveAttention, DotAttention
from course_rnn.torch.cells import Cell
from course_rnn.torch.exchange import to_torch
from course_rnn.torch.jordan import JordanRNN
from course_rnn.torch.layers import GRU, LSTM, RNN
from course_rnn.torch.nn import ManyToMany, ManyToOne, VectorToSequence, cross_entropy, generate, mse, sample
from course_rnn.torch.one_step import GRUCell, LSTMCell, RNNCell
from course_rnn.torch.recurrent import SCRN, MinGRU, Recurrent
from course_rnn.torch.scan import linear_scan
from course_rnn.torch.seq2seq import Decoder, Encoder, Seq2Seq, beam_search, greedy_decode, scheduled_sampling
from course_rnn.torch.train import History, fit, jacobians, step_jacobians, truncated_bptt

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SCRN",
    "AdditiveAttention",
    "Cell",
    "Decoder",
    "DotAttention",
    "Encoder",
    "GRUCell",
    "History",
    "InputError",
    "InputTypeError",
    "JordanRNN",
    "LSTMCell",
    "ManyToMany",
    "ManyToOne",
    "MinGRU",
    "RNNCell",
    "Recurrent",
    "Seq2Seq",
    "VectorToSequence",
    "beam_search",
    "cells",
    "cross_entropy",
    "fit",
    "generate",
    "greedy_decode",
    "jacobians",
    "linear_scan",
    "loop",
    "mse",
    "sample",
    "scheduled_sampling",
    "step_jacobians",
    "to_torch",
    "truncated_bptt",
]
