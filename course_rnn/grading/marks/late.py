"""From verdicts to marks, by the rules of a course: due dates, late answers, extensions, and which attempt counts.

Verdicts stay as they were measured. Marks are made from them whenever a report is, so that an extension that is granted
later, in course.toml, needs no grading: `course-rnn report GRADES` is enough.
"""

from dataclasses import replace
from datetime import UTC, datetime

from course_rnn.grading.intake.times import LATE

SOURCES = {"list": "by the list of times", "file": "by the time of the file", "name": "by the name of the file"}


def chosen(store, plan, found):
    """The verdict on the attempt that counts, of each student: the last, or the best after the late rule.

    Parameters
    ----------
    store : Store
    plan : Plan
    found : dict of str to Verdict
        Its verdicts by student, which are those of the last attempts.
    """
    if not plan.assignments:
        return found
    earlier, received = store.attempts(), store.received()
    return {who: _chosen(plan, each, earlier.get(who, []), received) for who, each in found.items()}


def _chosen(plan, verdict, earlier, received):
    assignment = plan.assignments.get(verdict.assignment)
    others = [each for each in earlier if _is_another(each, verdict)]
    if assignment is None or assignment.attempts == "last" or verdict.status == "ungraded" or not others:
        return verdict

    def worth(attempt):
        score = _by_the_rules(assignment, attempt, received).score
        return -1 if score is None else score

    best = max([verdict, *others], key=worth)  # of equals the last attempt
    return replace(best, messages=[*best.messages, f"The best of {1 + len(others)} attempts counts."])


def _is_another(attempt, verdict):
    """Whether an earlier attempt can be compared: at the same, and graded by the same points."""
    about = attempt.assignment, attempt.max_score
    return about == (verdict.assignment, verdict.max_score) and attempt.sha256 != verdict.sha256


def by_the_rules(store, plan, found):
    """The verdicts with the due dates and the late rule applied to their scores, and said in their messages.

    The points of the questions stay what the answers are worth. Parameters are those of `chosen`.
    """
    if not plan.assignments:
        return found
    received = store.received()
    return {
        student: _by_the_rules(plan.assignments.get(each.assignment), each, received) for student, each in found.items()
    }


def _by_the_rules(assignment, verdict, received):
    """A verdict after the due date and the late rule, and what was done to it in words."""
    if assignment is not None and verdict.status == "missing":
        return _missing(assignment, verdict)
    if assignment is None or verdict.status != "graded":
        return verdict
    if (verdict.student, verdict.sha256) not in received:
        return replace(verdict, messages=[*verdict.messages, "When it was handed in is not known: taken as in time."])
    submitted, source = received[verdict.student, verdict.sha256]
    if submitted is None:
        return _by_a_mark(assignment, verdict, late=source == LATE)
    due = assignment.due_of(verdict.student)
    zone = assignment.due.tzinfo
    said = f"Handed in on {_shown(submitted.astimezone(zone))} ({zone}), {SOURCES[source]}"
    days = assignment.days_late(verdict.student, submitted)
    if not days:
        return replace(verdict, messages=[*verdict.messages, f"{said}, in time."])
    return _reduced(assignment, verdict, days, f"{said}. It was due on {_shown(due)}; {_days(days)} late, ")


def _by_a_mark(assignment, verdict, late):
    """A verdict of which the LMS says only whether it was late: then by a day, which is the least that is certain."""
    if not late:
        return replace(verdict, messages=[*verdict.messages, "Handed in in time, as the LMS says."])
    days = assignment.extensions.get(verdict.student, 0)
    if days:
        said = f"The LMS marks it as late, and there is an extension of {days:g} days: taken as in time."
        return replace(
            verdict, messages=[*verdict.messages, said], look=[*verdict.look, f"{said} When did it come in?"]
        )
    return _reduced(assignment, verdict, 1, "The LMS marks it as late, by how much is not known; up to a day counts, ")


def _missing(assignment, verdict):
    """The verdict on somebody who has handed in nothing: 0 points where the course says so, else none."""
    if assignment.missing is None or datetime.now(UTC) < assignment.due_of(verdict.student):
        return verdict
    said = "Nothing was handed in, which is worth 0 points."
    return replace(verdict, score=assignment.missing, messages=[said])


def _reduced(assignment, verdict, days, said):
    """A verdict with what is taken off for some days."""
    left = assignment.late.left(days)
    score = round(verdict.score * left / 100, 2)
    if left:
        said += f"{100 - left:g} % are taken off {verdict.score:g} points: {score:g} are left."
    else:
        said += f"it is worth nothing of its {verdict.score:g} points."
    return replace(verdict, score=score, messages=[*verdict.messages, said])


def _shown(time):
    return f"{time:%Y-%m-%d at %H:%M}"


def _days(count):
    return "up to a day" if count == 1 else f"{count} days begun"
