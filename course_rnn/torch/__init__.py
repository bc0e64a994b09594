"""The models of the course on torch tensors: torch.nn's names, a readable loop, fast kernels."""

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError('course_rnn.torch needs torch; install it with: pip install "course-rnn[torch]"') from error

from course_rnn.torch.layers import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN"]
