"""The grades as they stand: what was measured, the marks given by hand, the rules of the course, then the overrides."""

from dataclasses import dataclass, replace
from pathlib import Path

from course_rnn.grading import course
from course_rnn.grading.marks import by_hand, late, named, overrides
from course_rnn.grading.store import Store


@dataclass(frozen=True)
class Grades:
    """The grades of a class.

    Attributes
    ----------
    verdicts : dict of str to Verdict
        By student; after all of these.
    overrides : dict of str to list of Override
    pending : set of str
        Students of whom an open question is not marked yet.
    """

    verdicts: dict
    overrides: dict
    pending: set

    def of(self, assignment):
        """Those of one assignment; all of them where it is None."""
        found = {who: each for who, each in self.verdicts.items() if assignment in (None, each.assignment)}
        return replace(self, verdicts=found)


def settled(folder) -> Grades:
    """The grades of a folder as they stand; what was measured is only read.

    Raises
    ------
    ValueError
        There are none, or a file that was written by hand is wrong; the sentence says where.
    """
    folder = Path(folder)
    with Store(folder) as store:
        found, plan = store.verdicts(), course.read(store.settings().get("questions"))
        if not found:
            raise ValueError(f"There are no verdicts in {folder}.")
        found, pending = by_hand.apply(folder, late.chosen(store, plan, _named(found)))
        found = named.apply(folder, late.by_the_rules(store, plan, found))
    decided, done = overrides.read(folder / overrides.FILE, found), {}
    for student, each in decided.items():
        found[student], done[student] = overrides.apply(found[student], each)
    return Grades(found, done, pending)


def _named(found):
    """The verdicts; of a submission that does not tell its assignment, that of all others, if it is one."""
    there = {each.assignment: each.max_score for each in found.values() if each.assignment}
    if len(there) != 1:
        return found
    [(name, most)] = there.items()
    return {
        who: each if each.assignment else replace(each, assignment=name, max_score=most) for who, each in found.items()
    }
