"""The NumPy reference: every model of the course, forward and backward by hand."""

from course_rnn.numpy.cells import rnn_step, rnn_step_backward
from course_rnn.numpy.layers import RNN
from course_rnn.numpy.nn import Linear, ManyToMany, Module, mse
from course_rnn.numpy.optim import SGD, Adam, clip_grad_norm
from course_rnn.numpy.train import fit

__all__ = [
    "RNN",
    "SGD",
    "Adam",
    "Linear",
    "ManyToMany",
    "Module",
    "clip_grad_norm",
    "fit",
    "mse",
    "rnn_step",
    "rnn_step_backward",
]
