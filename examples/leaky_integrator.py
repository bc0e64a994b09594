"""Questions of an instructor's own: a leaky integrator, the simplest recurrent unit.

A module like this one is all that `course-rnn grade --questions` needs. It is read by the grader only; students get
the notebook that `course-rnn release examples/leaky_integrator.ipynb OUT --questions examples/leaky_integrator.py`
makes: its checks are sealed, and no line of what stands here is in it.
"""

import numpy as np

from course_rnn.checking.cases import sizes
from course_rnn.checking.question import Chapter

chapter = Chapter("leaky_integrator")


def a_step(rng):
    """Arguments of one step: the state and the input of a batch, and one leak for each unit."""
    B, H = sizes(rng, 2)
    return {"h": rng.normal(size=(B, H)), "x": rng.normal(size=(B, H)), "leak": rng.uniform(0.1, 0.9, size=H)}


@chapter.question(
    points=1,
    returns=("h_next",),
    cases=a_step,
    hints=(
        "The new state lies between the old one and the input.",
        "The leak says how much of the way to the input a step goes: 0 stays, 1 arrives.",
        "h + leak * (x - h), or the same with the terms of h collected.",
    ),
)
def leaky_step(h, x, leak):
    """A step goes a part of the way from the state to the input."""
    return (1 - leak) * h + leak * x


leaky_step.mistake(
    "leak_turned_round",
    "(1 - leak) * h + leak * x",
    "leak * h + (1 - leak) * x",
    "the two weights are exchanged: the leak belongs to the input, 1 - leak to the old state.",
)
leaky_step.mistake(
    "nothing_forgotten",
    "(1 - leak) * h",
    "h",
    "the old state is kept whole, so the sum grows without bound. It is weighted with 1 - leak.",
)


def a_sequence(rng):
    """Arguments of a whole sequence."""
    T, B, H = sizes(rng, 3)
    return {"x": rng.normal(size=(T, B, H)), "leak": rng.uniform(0.1, 0.9, size=H)}


@chapter.question(
    points=2,
    returns=("y",),
    cases=a_sequence,
    hints=(
        "Start from a state of zeros and loop over the first axis of x.",
        "Each turn is one leaky step; keep every state in a list.",
        "np.stack(states) puts time first: (T, B, H).",
    ),
)
def leaky_forward(x, leak):
    """One step for each x[t], from a state of zeros; all states along a new first axis."""
    h, states = np.zeros_like(x[0]), []
    for x_t in x:
        h = (1 - leak) * h + leak * x_t
        states.append(h)
    return np.stack(states)


leaky_forward.mistake(
    "starts_from_the_first_input",
    "np.zeros_like(x[0])",
    "x[0]",
    "the loop starts from x[0], as if the state had always been there. It starts from zeros.",
)
leaky_forward.mistake(
    "without_the_leak",
    "(1 - leak) * h + leak * x_t",
    "h + x_t",
    "nothing leaks: this is the sum of the inputs so far. Each turn is one leaky step.",
)
