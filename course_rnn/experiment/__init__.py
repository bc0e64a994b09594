"""Experiments whose verdict is a function of the budget: what one is, how it runs, what a network may spend.

An experiment is one file of ``experiments/`` with an `Experiment` in it. ``course-rnn experiment NAME`` runs it, shows
its progress, goes on where it was stopped, and writes its record, which pages read with `course_rnn.data.results`.
What such a record says is worked out by `course_rnn.evidence`.
"""

from course_rnn.experiment.clock import Clock
from course_rnn.experiment.plan import Experiment, Metric, Model
from course_rnn.experiment.run import load, run

__all__ = ["Clock", "Experiment", "Metric", "Model", "load", "run"]
