"""From verdicts to marks, by the rules of a course: due dates, late answers, extensions, and which attempt counts.

Verdicts stay as they were measured. Marks are made from them whenever a report is, so that an extension that is granted
later, in course.toml, needs no grading: `course-rnn report GRADES` is enough.
"""

import json
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from course_rnn.grading import course as courses
from course_rnn.grading import verdicts
from course_rnn.grading.assignments import is_course
from course_rnn.grading.intake.submissions import sha256
from course_rnn.grading.intake.times import of_the_export
from course_rnn.grading.verdicts import Verdict

RECEIVED, EARLIER = "received.json", "attempts.jsonl"
SETTINGS = "run.json"
SOURCES = {"list": "by the list of times", "file": "by the time of the file"}


def receive(out, submissions, times, exported, zone):
    """Note when each file was handed in; of a file that comes again, the first time stands.

    Parameters
    ----------
    out : path
        The folder of grades, in which ``received.json`` keeps it.
    submissions : list of Submission
    times : dict of str to datetime or None
        A list of times by student; without one the time of each file counts, if no LMS has overwritten it.
    exported : bool
        The files came in a zip. Its times have no zone: they are taken for those of the course.
    zone : ZoneInfo
        Of the course.

    Returns
    -------
    list of str
        The students of whom no time is known.
    """
    received, unknown = _received(out), []
    for each in submissions:
        content, when, source = sha256(each.path), None, "file"
        if times is not None:
            when, source = times.get(each.student), "list"
        elif each.submitted and not of_the_export(each.path):
            when = each.submitted.astimezone().replace(tzinfo=zone) if exported else each.submitted  # digits of the zip
        kept = received.setdefault(each.student, {}).get(content)
        if when and content and not (kept and source == kept["source"] and _when(kept) <= when):
            kept = received[each.student][content] = {"submitted": when.astimezone(zone).isoformat(), "source": source}
        if kept is None and not each.problem:
            unknown.append(each.student)
    verdicts.write_whole(Path(out, RECEIVED), json.dumps(received, indent=1) + "\n")
    return unknown


def _when(told):
    return datetime.fromisoformat(told["submitted"])


def keep_attempts(out, replaced):
    """Keep the verdicts that a new attempt is about to replace, each once."""
    path = Path(out, EARLIER)
    kept = {(each.student, each.sha256): each for each in [*_attempts(path), *replaced] if each.status == "graded"}
    verdicts.write_whole(path, "".join(f"{each.to_json()}\n" for each in kept.values()))


def _attempts(path):
    return [Verdict.from_json(line) for line in path.read_text().splitlines()] if path.exists() else []


def chosen(folder, found):
    """The verdict on the attempt that counts, of each student: the last, or the best after the late rule.

    Parameters
    ----------
    folder : path
        The folder of grades.
    found : dict of str to Verdict
        Its verdicts by student, which are those of the last attempts.

    Raises
    ------
    ValueError
        The course.toml cannot be read, or is not where it was.
    """
    course = _course_of(folder)
    if course is None:
        return found
    earlier, received = defaultdict(list), _received(folder)
    for each in _attempts(Path(folder, EARLIER)):
        earlier[each.student].append(each)
    return {student: _chosen(course, each, earlier[student], received) for student, each in found.items()}


def _chosen(course, verdict, earlier, received):
    assignment = course.assignments.get(verdict.assignment)
    others = [each for each in earlier if each.assignment == verdict.assignment and each.sha256 != verdict.sha256]
    if assignment is None or assignment.attempts == "last" or verdict.status == "ungraded" or not others:
        return verdict

    def worth(attempt):
        score = _by_the_rules(assignment, attempt, received).score
        return -1 if score is None else score

    best = max([verdict, *others], key=worth)  # of equals the last attempt
    return replace(best, messages=[*best.messages, f"The best of {1 + len(others)} attempts counts."])


def by_the_rules(folder, found):
    """The verdicts with the due dates and the late rule applied to their scores, and said in their messages.

    The points of the questions stay what the answers are worth. Parameters and exceptions are those of `chosen`.
    """
    course = _course_of(folder)
    if course is None:
        return found
    received = _received(folder)
    return {
        student: _by_the_rules(course.assignments.get(each.assignment), each, received)
        for student, each in found.items()
    }


def _course_of(folder):
    """The course by which a folder was graded; None where it was none."""
    path = Path(folder, SETTINGS)
    questions = json.loads(path.read_text()).get("questions") if path.exists() else None
    if not is_course(questions):
        return None
    try:
        return courses.read(questions)
    except OSError as error:
        raise ValueError(f"The course {questions} cannot be read: {error.strerror}.") from None


def _received(folder):
    path = Path(folder, RECEIVED)
    return json.loads(path.read_text()) if path.exists() else {}


def _by_the_rules(assignment, verdict, received):
    """A verdict after the due date and the late rule, and what was done to it in words."""
    if assignment is None or verdict.status != "graded":
        return verdict
    told = received.get(verdict.student, {}).get(verdict.sha256)
    if told is None:
        return replace(verdict, messages=[*verdict.messages, "When it was handed in is not known: taken as in time."])
    submitted = _when(told)
    due = assignment.due_of(verdict.student)
    zone = assignment.due.tzinfo
    said = f"Handed in on {_shown(submitted.astimezone(zone))} ({zone}), {SOURCES[told['source']]}"
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
