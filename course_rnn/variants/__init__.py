"""Questions for marks that a classmate's answer does not answer: each student gets conventions of their own.

Which ones, is drawn from the seed of the course and the student's id. A student's notebook names theirs::

    from course_rnn import variants

    q = variants.of("homework_1", gru_update=("rzn_keeps_after", 3))

so that the checks work on any machine, without a network. The families are public, as all of the course is, answers
included; the seed of the hidden cases is not in them.
"""

from types import SimpleNamespace

from course_rnn.checking.question import Chapter
from course_rnn.variants.families import FAMILIES


def chapter(assignment, conventions) -> Chapter:
    """The questions of one student in an assignment.

    Parameters
    ----------
    assignment : str
    conventions : dict
        By the name of a family: the token of the convention, and the points.

    Raises
    ------
    ValueError
        There is no such family, or it has no such convention.
    """
    found = Chapter(assignment)
    for name, (token, points) in conventions.items():
        if name not in FAMILIES:
            raise ValueError(f"There is no family of questions {name!r}. There are: {', '.join(FAMILIES)}.")
        found.questions[name] = FAMILIES[name].question(token, found, points)
    return found


def of(assignment, /, **conventions):
    """The questions of one student by name, as a notebook asks them, and `progress`.

    Examples
    --------
    >>> q = of("homework_1", rnn_states=("batch_row_tanh", 2))
    >>> q.rnn_states.points
    2
    """
    found = chapter(assignment, conventions)
    return SimpleNamespace(**found.questions, progress=found.progress)
