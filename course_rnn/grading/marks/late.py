"""From verdicts to marks, by the rules of a course: due dates, late answers, extensions, and which attempt counts.

Verdicts stay as they were measured. Marks are made from them whenever a report is, so that an extension that is granted
later, in course.toml, needs no grading: `course-rnn report GRADES` is enough.
"""

from dataclasses import replace

SOURCES = {"list": "by the list of times", "file": "by the time of the file"}


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
    others = [each for each in earlier if each.assignment == verdict.assignment and each.sha256 != verdict.sha256]
    if assignment is None or assignment.attempts == "last" or verdict.status == "ungraded" or not others:
        return verdict

    def worth(attempt):
        score = _by_the_rules(assignment, attempt, received).score
        return -1 if score is None else score

    best = max([verdict, *others], key=worth)  # of equals the last attempt
    return replace(best, messages=[*best.messages, f"The best of {1 + len(others)} attempts counts."])


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
    if assignment is None or verdict.status != "graded":
        return verdict
    if (verdict.student, verdict.sha256) not in received:
        return replace(verdict, messages=[*verdict.messages, "When it was handed in is not known: taken as in time."])
    submitted, source = received[verdict.student, verdict.sha256]
    due = assignment.due_of(verdict.student)
    zone = assignment.due.tzinfo
    said = f"Handed in on {_shown(submitted.astimezone(zone))} ({zone}), {SOURCES[source]}"
    days = assignment.days_late(verdict.student, submitted)
    if not days:
        return replace(verdict, messages=[*verdict.messages, f"{said}, in time."])
    left = assignment.late.left(days)
    score = round(verdict.score * left / 100, 2)
    said += f". It was due on {_shown(due)}; {_days(days)} late, "
    if left:
        said += f"{100 - left:g} % are taken off {verdict.score:g} points: {score:g} are left."
    else:
        said += f"it is worth nothing of its {verdict.score:g} points."
    return replace(verdict, score=score, messages=[*verdict.messages, said])


def _shown(time):
    return f"{time:%Y-%m-%d at %H:%M}"


def _days(count):
    return "up to a day" if count == 1 else f"{count} days begun"
