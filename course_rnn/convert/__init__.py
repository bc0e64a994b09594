"""The Rosetta: one layer's weights as torch, Keras, ONNX, CS231n and the course's source slides write them down.

`ROSETTA[cell][name]` is the table; `convert` follows it, `identify` searches it backwards from numbers alone, `rosetta`
prints it. Weights are dicts of NumPy arrays under each library's own names. Where torch has one dict for all layers and
directions the others have one for each, so here all names carry torch's suffix, except for the first layer: Keras's
``kernel``, ``kernel_reverse``, ``kernel_l1``, ``kernel_l1_reverse``. ONNX stacks the directions on an axis of its own.

What the libraries do not share is settled so that no output changes and every way back is exact:

* Two biases that are only ever added become their sum where a library has one; the way back puts the sum in bias_ih and
  0 in bias_hh. In a GRU that resets after the matrix, r ⊙ (W_hn h + b_hn), b_hn is not only added: nothing merges it.
* z may be how much is kept (torch, Keras, ONNX) or how much is written (the slides). Since σ(−a) = 1 − σ(a), the rows
  of z change sign, in the matrices and in the biases.
* On which side of W_hn the reset gate acts is not a way of writing but another function: see `convert`.
"""

from course_rnn.convert.conventions import ROSETTA, Convention, rosetta
from course_rnn.convert.identify import Identified, identify
from course_rnn.convert.translate import convert

__all__ = ["ROSETTA", "Convention", "Identified", "convert", "identify", "rosetta"]
