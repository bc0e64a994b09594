"""The NumPy reference: every model of the course, forward and backward by hand.

=========  ================================================================================
cells      one step of each cell and its backward, pure functions
layers     RNN, LSTM, GRU: depth, direction, lengths, with torch's names and shapes
nn         modules around a layer: Linear, Embedding, the five modes, losses
jordan     the recurrence through the output
attention  dot and additive attention
seq2seq    encoder, decoder, teacher forcing and its rivals, greedy and beam search
scan       linear recurrences in parallel: linear_scan, MinGRU, SCRN
init       initial values that decide how long a network remembers
optim      SGD, Adam, clipping
train      fit, truncated backpropagation, Jacobians
=========  ================================================================================
"""

from course_rnn.numpy import init
from course_rnn.numpy.attention import AdditiveAttention, DotAttention
from course_rnn.numpy.cells import (
    gru_step,
    gru_step_backward,
    jordan_step,
    jordan_step_backward,
    lstm_step,
    lstm_step_backward,
    rnn_step,
    rnn_step_backward,
    sigmoid,
)
from course_rnn.numpy.jordan import JordanRNN
from course_rnn.numpy.layers import GRU, LSTM, RNN
from course_rnn.numpy.nn import (
    Embedding,
    Linear,
    ManyToMany,
    ManyToOne,
    Module,
    Sequential,
    Tanh,
    VectorToSequence,
    bits_per_character,
    cross_entropy,
    generate,
    log_softmax,
    mse,
    perplexity,
    sample,
    softmax,
)
from course_rnn.numpy.optim import SGD, Adam, clip_grad_norm, clip_grad_value, grad_norm
from course_rnn.numpy.scan import SCRN, MinGRU, linear_scan, linear_scan_backward
from course_rnn.numpy.seq2seq import Decoder, Encoder, Seq2Seq, beam_search, greedy_decode, scheduled_sampling
from course_rnn.numpy.train import History, fit, jacobians, step_jacobians, truncated_bptt

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SCRN",
    "SGD",
    "Adam",
    "AdditiveAttention",
    "Decoder",
    "DotAttention",
    "Embedding",
    "Encoder",
    "History",
    "JordanRNN",
    "Linear",
    "ManyToMany",
    "ManyToOne",
    "MinGRU",
    "Module",
    "Seq2Seq",
    "Sequential",
    "Tanh",
    "VectorToSequence",
    "beam_search",
    "bits_per_character",
    "clip_grad_norm",
    "clip_grad_value",
    "cross_entropy",
    "fit",
    "generate",
    "grad_norm",
    "greedy_decode",
    "gru_step",
    "gru_step_backward",
    "init",
    "jacobians",
    "jordan_step",
    "jordan_step_backward",
    "linear_scan",
    "linear_scan_backward",
    "log_softmax",
    "lstm_step",
    "lstm_step_backward",
    "mse",
    "perplexity",
    "rnn_step",
    "rnn_step_backward",
    "sample",
    "scheduled_sampling",
    "sigmoid",
    "softmax",
    "step_jacobians",
    "truncated_bptt",
]
