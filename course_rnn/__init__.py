"""A course on recurrent neural networks, as a package.

======================  =====================================================================
course_rnn.numpy        the reference: every model with its gradients written by hand
course_rnn.torch        the same names on torch tensors, drop-in for torch.nn
course_rnn.shared       what both have in common and what touches no array
course_rnn.data         real and generated sequences
course_rnn.convert      weights from and to torch, Keras, ONNX, CS231n and the slides
course_rnn.diagrams     box-and-arrow diagrams, drawn from nodes and edges
course_rnn.plot         the house style and the figures that recur
course_rnn.explore      sliders: live in a notebook, static on a page
course_rnn.questions    the exercises: check, hint, solution, progress, the atlas of mistakes
course_rnn.projects     models to build, graded by what they do on hidden data
course_rnn.variants     questions in a convention of each student's own, in the wheel of kit/
course_rnn.grading      a class graded in a sandbox: verdicts, feedback, marks, LMS files
course_rnn.notebooks    run and normalise a notebook; make an exercise from a solution
course_rnn.claims       the claims page; ``landing`` makes the front page's picture
course_rnn.slides       a chapter's formulas and figures as slides
======================  =====================================================================

In notebooks: ``import course_rnn.numpy as rnp`` and ``import course_rnn.torch as rt``.
"""

from importlib.metadata import version

__version__ = version("course-rnn")
