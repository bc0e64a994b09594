"""Questions for marks that a classmate's answer does not answer: each student gets conventions of their own.

Which ones, is drawn from the seed of the course and the student's id. A student's notebook carries theirs sealed, see
`course_rnn.checking.sealed`: it has no family and no answer in it, and needs none. These stand in a distribution of
their own, course-rnn-kit, which students do not install. Who looks for it finds it, as all of the course is public:
what nobody can find are questions of your own.
"""

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
