"""The command line: ``course-rnn``."""

import runpy
import sys
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import click

from course_rnn.grading.limits import Limits

BENCHMARKS = Path("benchmarks")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="course-rnn")
def main():
    """Commands of the course on recurrent neural networks."""


@main.command()
@click.argument("name")
def bench(name):
    """Measure speed on this machine and write benchmarks/results/NAME.json.

    NAME is a file of benchmarks/ without its ending, such as cpu. Run it in the root of the repository.
    """
    script = BENCHMARKS / f"{name}.py"
    if not script.is_file():
        there = ", ".join(sorted(path.stem for path in BENCHMARKS.glob("[!_]*.py"))) or "none: is this the repository?"
        raise click.BadParameter(f"there is no {script}. There are: {there}")
    sys.argv = [str(script)]  # the script is to read its own arguments, not ours
    runpy.run_path(str(script), run_name="__main__")


@contextmanager
def said_plainly():
    """Say in one sentence what is wrong, instead of a traceback."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("dask", "distributed", "jinja2", "nbgrader"):
            raise
        raise click.ClickException(f'This needs {error.name}: pip install "course-rnn[grading]"') from error
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("notebook", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--timeout", default=60.0, show_default=True, help="seconds that a cell or a function may take")
def check(notebook, timeout):
    """Run your own NOTEBOOK and say which questions it answers, and what is wrong with the others.

    The exit code is 0 only if every question of its chapter passes.
    """
    with said_plainly():
        from course_rnn.questions.check import check

        found = check(notebook, timeout)
    click.echo(found)
    sys.exit(not found.passed)


def limits(command):
    """Give a command an option for each limit."""
    for limit in reversed(fields(Limits)):
        text = limit.metadata["help"]
        option = click.option(f"--{limit.name.replace('_', '-')}", default=limit.default, show_default=True, help=text)
        command = option(command)
    return command


@main.command()
@click.argument("submissions", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="folder for what comes out"
)
@click.option("--assignment", help="of all notebooks, such as 02_simple_rnn  [default: each notebook tells its own]")
@click.option("--questions", type=click.Path(exists=True, dir_okay=False), help="a module of questions of your own")
@click.option(
    "--seed", type=click.IntRange(0), help="of the hidden cases  [default: drawn at random and kept in OUT/run.json]"
)
@click.option("--jobs", type=click.IntRange(1), help="processes on this machine  [default: one for each core]")
@click.option("--scheduler", help="address of a Dask cluster to use instead, such as tcp://10.0.0.1:8786")
@click.option("--i-trust-these-submissions", "trusted", is_flag=True, help="run without a sandbox: only your own code")
@limits
def grade(submissions, out, assignment, questions, seed, jobs, scheduler, trusted, **options):
    """Grade what a class handed in, safely, and write verdicts, feedback and an overview.

    SUBMISSIONS is a folder of notebooks, a folder of student folders, or a zip as Moodle or Canvas exports it. Stopped
    and started again, the same command goes on where it was.
    """
    with said_plainly():
        from course_rnn.grading.batch import grade_class
        from course_rnn.grading.notebook import plain
        from course_rnn.grading.report import write_report
        from course_rnn.grading.sandbox import Unavailable

        where = {"jobs": jobs, "scheduler": scheduler, "trusted": trusted}
        what = {"assignment": assignment, "questions": questions, "seed": seed, "limits": Limits(**options)}
        try:
            found, left_out = grade_class(submissions, out, **what, **where)
        except Unavailable as error:
            message = f"{error} For code that you trust as your own there is --i-trust-these-submissions."
            raise click.ClickException(message) from error
        page = write_report(out)
    for line in left_out:
        click.echo(f"Left out: {plain(line)}")
    for verdict in found.values():
        if verdict.status != "graded":
            click.echo(plain(f"{verdict.student}: {verdict.status}. {' '.join(verdict.messages)}"))
    ungraded = sum(verdict.status == "ungraded" for verdict in found.values())
    click.echo(f"{len(found)} submissions. The overview: {page}")
    if ungraded:
        raise click.ClickException(f"{ungraded} stayed ungraded through a fault of ours: grade again.")


@main.command()
@click.argument("grades", type=click.Path(exists=True, file_okay=False))
def report(grades):
    """Write the pages and the CSV of GRADES again, from its verdicts.jsonl."""
    with said_plainly():
        from course_rnn.grading.report import write_report

        click.echo(write_report(grades))


@main.command()
@click.argument("grades", type=click.Path(exists=True, file_okay=False))
@click.option("--nbgrader", "course", type=click.Path(exists=True, file_okay=False), required=True, help="the course")
@click.option("--solution", type=click.Path(exists=True, dir_okay=False), help="[default: the one in solutions/]")
def record(grades, course, solution):
    """Put the verdicts of GRADES into the gradebook of an nbgrader course.

    Then "nbgrader generate_feedback" and "nbgrader export" work as for what nbgrader has graded. An assignment that the
    course does not know is added, made from its solution.
    """
    with said_plainly():
        from course_rnn.grading.gradebook import record

        recorded, left_out = record(grades, course, solution)
    for verdict in left_out:
        click.echo(f"Not recorded: {verdict.student}, {verdict.status}.")
    click.echo(f"{len(recorded)} students recorded.")


@main.command()
@click.argument("name")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--questions", type=click.Path(exists=True, dir_okay=False), help="a module of questions of your own")
def release(name, out, questions):
    """Write the exercise NAME, made from its solution, into OUT, with nbgrader's metadata and without outputs.

    NAME is a number or name of solutions/, such as 02, or the path of a solution. OUT is a folder.
    """
    with said_plainly():
        from course_rnn.grading.assignments import chapters
        from course_rnn.grading.release import write_release

        click.echo(write_release(name, out, chapters(questions)))


@main.command()
def doctor():
    """Say whether submissions can be graded safely on this machine, and what to do where they cannot."""
    from course_rnn.grading.doctor import checks, shown

    found = checks()
    click.echo(shown(found))
    if not all(check.ok for check in found):
        raise SystemExit(1)
