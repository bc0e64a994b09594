"""The NumPy reference: every model of the course, forward and backward by hand.

=========  ================================================================================
cells      the equations of one step of each cell, and the same step backward
loop       time: what a layer is, for any cell
layers     Recurrent(cell) and RNN, LSTM, GRU, MinGRU, SCRN: depth, direction, lengths, with torch's names
tree       the recursive network, which folds a tree instead of a chain
gradients  the gradients of a cell of one's own, checked against differences
nn         modules around a layer: Linear, Embedding, the five modes, losses
jordan     the recurrence through the output
attention  dot and additive attention
seq2seq    encoder, decoder, teacher forcing and its rivals, greedy and beam search
scan       linear recurrences in parallel
init       initial values that decide how long a network remembers
optim      SGD, Adam, clipping
train      fit, truncated backpropagation, Jacobians
=========  ================================================================================
"""

from course_rnn.numpy import cells, init, loop
from course_rnn.numpy.attention import AdditiveAttention, DotAttention
from course_rnn.numpy.cells import Cell, sigmoid, softmax
from course_rnn.numpy.gradients import check_gradients
from course_rnn.numpy.jordan import JordanRNN
from course_rnn.numpy.layers import GRU, LSTM, RNN, SCRN, MinGRU, Recurrent
from course_rnn.numpy.loop import step, step_backward
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
)
from course_rnn.numpy.optim import SGD, Adam, clip_grad_norm, clip_grad_value, grad_norm
from course_rnn.numpy.scan import linear_scan, linear_scan_backward
from course_rnn.numpy.seq2seq import Decoder, Encoder, Seq2Seq, beam_search, greedy_decode, scheduled_sampling
from course_rnn.numpy.train import History, fit, jacobians, step_jacobians, truncated_bptt
from course_rnn.numpy.tree import TreeRNN

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SCRN",
    "SGD",
    "Adam",
    "AdditiveAttention",
    "Cell",
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
    "Recurrent",
    "Seq2Seq",
    "Sequential",
    "Tanh",
    "TreeRNN",
    "VectorToSequence",
    "beam_search",
    "bits_per_character",
    "cells",
    "check_gradients",
    "clip_grad_norm",
    "clip_grad_value",
    "cross_entropy",
    "fit",
    "generate",
    "grad_norm",
    "greedy_decode",
    "init",
    "jacobians",
    "linear_scan",
    "linear_scan_backward",
    "log_softmax",
    "loop",
    "mse",
    "perplexity",
    "sample",
    "scheduled_sampling",
    "sigmoid",
    "softmax",
    "step",
    "step_backward",
    "step_jacobians",
    "truncated_bptt",
]
