"""The command line: ``course-rnn``."""

import re
import runpy
import secrets
import sys
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import click

from course_rnn.grading.limits import Limits

BENCHMARKS = Path("benchmarks")
EXPERIMENTS, RESULTS = Path("experiments"), Path("course_rnn/data/results")


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
    _say_what_multiplies()
    sys.argv = [str(script)]  # the script is to read its own arguments, not ours
    runpy.run_path(str(script), run_name="__main__")


@main.command()
@click.argument("name")
@click.option("--scheduler", help="address of a Dask cluster to run on, such as tcp://10.0.0.1:8786")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="processes on this machine")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=RESULTS, show_default=True, help="folder"
)
def experiment(name, scheduler, jobs, out):
    """Run the experiment NAME, a file of experiments/ without its ending, and write OUT/NAME.json.

    Every training is on the disk as soon as it is done. Stopped and started again, the same command goes on where it
    was. Budgets are CPU seconds of one thread, so give each process a core of its own.
    """
    with said_plainly():
        from course_rnn.experiment import run

        record = run(EXPERIMENTS / f"{name}.py", out / f"{name}.json", scheduler=scheduler, jobs=jobs)
    click.echo(f"{len(record['trials'])} trainings are in {out / name}.json.")


def _say_what_multiplies():
    """Name NumPy's BLAS and its kernel, and say whether another kernel is faster here."""
    from course_rnn import machine

    click.echo(machine.said(machine.blas(), machine.kernels()))


@contextmanager
def said_plainly(extra="grading"):
    """Say in one sentence what is wrong, instead of a traceback; the extra brings what may not be installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] == "course_rnn":
            raise
        raise click.ClickException(f'This needs {error.name}: pip install "course-rnn[{extra}]"') from error
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("notebook", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--timeout", default=60.0, show_default=True, help="seconds that a cell or a function may take")
def check(notebook, timeout):
    """Run your own NOTEBOOK and say which questions it answers, and what is wrong with the others.

    The exit code is 0 only if every question of its chapter passes.
    """
    with said_plainly("check"):
        from course_rnn.checking.notebook import check

        found = check(notebook, timeout)
    click.echo(found)
    sys.exit(not found.passed)


FILE = COURSE = ROSTER = TIMES = click.Path(exists=True, dir_okay=False)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
ZIP = click.Path(dir_okay=False, path_type=Path)


def _one_of(questions, course):
    """What to grade by."""
    if questions and course:
        raise ValueError("Give either --questions or --course.")
    return questions or course


book = click.option(
    "--book",
    default="",
    envvar="COURSE_RNN_BOOK",
    help="address of the book, to link each mistake to its atlas: of a site, or of _build/html  [default: no links]",
)


def limits(command):
    """Give a command an option for each limit."""
    for limit in reversed(fields(Limits)):
        text = limit.metadata["help"]
        option = click.option(f"--{limit.name.replace('_', '-')}", default=limit.default, show_default=True, help=text)
        command = option(command)
    return command


class HiddenSeed(click.ParamType):
    """A seed that nobody can try out."""

    name = "SEED"

    def convert(self, value, param, ctx):
        if isinstance(value, int) or value is None:
            return value
        if not re.fullmatch(r"[0-9a-fA-F]{16,32}", value):
            self.fail("it has 16 to 32 hexadecimal digits, as course-rnn seed writes them.", param, ctx)
        return int(value, 16)


HIDDEN = HiddenSeed()


@main.command()
def seed():
    """Write a seed of 128 bits, for a course.toml or for grade --seed. Keep it to yourself."""
    click.echo(secrets.token_hex(16))


@main.command()
@click.argument("submissions", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="folder for what comes out"
)
@click.option("--assignment", help="of all notebooks, such as 02_simple_rnn  [default: each notebook tells its own]")
@click.option("--questions", type=click.Path(exists=True, dir_okay=False), help="a module of questions of your own")
@click.option("--course", type=COURSE, help="a course.toml, in which each student has questions of their own")
@click.option("--roster", type=ROSTER, help="who the students are  [default: as their submissions are called]")
@click.option(
    "--times", type=TIMES, multiple=True, help="when they handed in: Moodle's worksheet, Canvas's answer, or a CSV"
)
@click.option(
    "--seed", type=HIDDEN, help="of the hidden cases, as course-rnn seed writes it  [default: drawn and kept in OUT]"
)
@click.option("--jobs", type=click.IntRange(1), help="processes on this machine  [default: one for each core]")
@click.option("--scheduler", help="address of a Dask cluster to use instead, such as tcp://10.0.0.1:8786")
@click.option("--i-trust-these-submissions", "trusted", is_flag=True, help="run without a sandbox: only your own code")
@click.option("--only", multiple=True, metavar="STUDENT", help="grade this one again, and no other; may be repeated")
@click.option("--again", is_flag=True, help="by other questions, points or limits than before; all are graded again")
@book
@limits
@click.pass_context
def grade(context, submissions, out, roster, times, jobs, scheduler, only, again, book, **said):
    """Grade what a class handed in, safely, and write verdicts, feedback and an overview.

    SUBMISSIONS is a folder of notebooks, a folder of student folders, or a zip as an LMS exports it. Stopped and
    started again, the same command goes on where it was.

    What a later command for the same OUT does not say, is as before. Limits that are given with --only hold for these
    students alone, from then on.
    """
    with said_plainly():
        from course_rnn.grading.batch import grade_class, run_of
        from course_rnn.grading.marks import changes
        from course_rnn.grading.out.report import write_report
        from course_rnn.grading.room.sandbox import Unavailable
        from course_rnn.grading.text import plain

        default = click.core.ParameterSource.DEFAULT
        limits = {each.name: said.pop(each.name) for each in fields(Limits)}
        limits = {name: value for name, value in limits.items() if context.get_parameter_source(name) != default}
        where = {"jobs": jobs, "scheduler": scheduler, "only": only, "roster": roster, "times": times, "again": again}
        said["questions"] = _one_of(said["questions"], said.pop("course"))
        try:
            run = run_of(out, submissions, {} if only else limits, **said)
            found, left_out = grade_class(run, out, excuse=limits if only else None, **where)
        except Unavailable as error:
            message = f"{error} For code that you trust as your own there is --i-trust-these-submissions."
            raise click.ClickException(message) from error
        with changes.noted(out) as changed:
            page = write_report(out, book)
    for line in changes.told(changed):
        click.echo(plain(line))
    for line in left_out:
        click.echo(f"Left out: {plain(line)}")
    for verdict in found.values():
        if verdict.status != "graded":
            click.echo(plain(f"{verdict.student}: {verdict.status}. {' '.join(verdict.messages)}"))
    ungraded = sum(verdict.status == "ungraded" for verdict in found.values())
    click.echo(f"{len(found)} submissions. The overview: {page}")
    if ungraded:
        raise click.ClickException(f"{ungraded} stayed ungraded through a fault of ours: grade again.")


@main.command("grade-one")
@click.argument("notebook", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="say all of it, as JSON")
@click.option("--student", help="whose it is  [default: as the notebook says, or the name of its file]")
@click.option("--assignment", help="such as 02_simple_rnn  [default: as the notebook says, or the name of its file]")
@click.option("--questions", type=click.Path(exists=True, dir_okay=False), help="a module of questions of your own")
@click.option("--course", type=COURSE, help="a course.toml, in which each student has questions of their own")
@click.option("--roster", type=ROSTER, help="who the students are")
@click.option("--seed", type=HIDDEN, help="of the hidden cases  [default: drawn at random]")
@click.option("--summary", type=click.Path(dir_okay=False, path_type=Path), help="add it in Markdown to this file")
@click.option(
    "--classroom", type=click.Path(dir_okay=False, path_type=Path), help="add it for GitHub Classroom to this"
)
@click.option("--gradescope", type=FOLDER, help="the folder /autograder, to which results.json is written")
@click.option("--i-trust-this-notebook", "trusted", is_flag=True, help="run without a sandbox: only your own code")
@limits
def grade_one(notebook, as_json, summary, classroom, gradescope, **said):
    """Grade one NOTEBOOK, a zip with one in it, or a folder of which the newest counts, and say what came of it.

    The exit code is 0 if it was graded, 1 if it was not.
    """
    with said_plainly():
        from course_rnn.grading import one as grading
        from course_rnn.grading.out import one

        said["limits"] = Limits(**{each.name: said.pop(each.name) for each in fields(Limits)})
        said["plan"] = _one_of(said.pop("questions"), said.pop("course")) or ""
        if gradescope:
            said["student"] = said["student"] or grading.gradescope_user(gradescope)
        verdict = grading.grade_notebook(notebook, **said)
        if gradescope:
            (gradescope / "results").mkdir(exist_ok=True)
            (gradescope / "results" / "results.json").write_text(one.as_gradescope(verdict))
        for path, text in ((summary, one.as_markdown(verdict)), (classroom, f"result={one.as_classroom(verdict)}\n")):
            if path:
                with open(path, "a", encoding="utf-8") as file:
                    file.write(text)
    click.echo(one.as_json(verdict) if as_json else one.as_text(verdict))
    sys.exit(verdict.status != "graded")


@main.group()
def adapter():
    """Make the grader run elsewhere: an autograder for Gradescope, a workflow for GitHub."""


@adapter.command("gradescope")
@click.argument("out", type=ZIP)
@click.option(
    "--wheel", type=FILE, multiple=True, required=True, help="pip wheel --no-deps --wheel-dir DIST . ./kit makes both"
)
@click.option("--questions", type=FILE, help="a module of questions of your own")
@click.option("--course", type=FILE, help="a course.toml; its seed goes into the zip")
@click.option("--roster", type=FILE, help="who the students are; its column lms holds their e-mail addresses")
@click.option("--assignment", help="[default: as the notebooks say]")
def adapter_gradescope(out, wheel, questions, course, roster, assignment):
    """Write an autograder to upload to Gradescope into the zip OUT."""
    with said_plainly():
        from course_rnn.grading.out import adapters

        plan = _one_of(questions, course) or ""
        made = adapters.gradescope(out, wheel, questions=plan, roster=roster or "", assignment=assignment)
    click.echo(f"Upload {made} as the autograder of the assignment.")


@adapter.command("github")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--assignment", required=True, help="such as 02_simple_rnn")
@click.option("--notebook", default="", help="its path in the repository  [default: ASSIGNMENT.ipynb]")
@click.option("--install", required=True, help="what pip installs: course-rnn[grading] @ git+https://...")
@click.option("--classroom", is_flag=True, help="report the points to GitHub Classroom")
def adapter_github(out, assignment, notebook, install, classroom):
    """Write a workflow, such as .github/workflows/grade.yml, that grades each push, with the feedback as a summary."""
    with said_plainly():
        from course_rnn.grading.out import adapters

        made = adapters.github(out, install, assignment=assignment, notebook=notebook, classroom=classroom)
    click.echo(f"Put {made} into the template of the class.")


@main.command()
@click.argument("grades", type=click.Path(exists=True, file_okay=False))
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False),
    help="other grades, to say what changed  [default: those of the last report]",
)
@book
def report(grades, against, book):
    """Write the pages and the CSV of GRADES again, from what was measured, and say which grades changed.

    Marks given by hand are read from manual.csv, and what you decided from overrides.csv, which has the columns
    student, question, points, reason, who. All changes are kept in changes.csv.
    """
    with said_plainly():
        from course_rnn.grading.marks import changes
        from course_rnn.grading.out.report import write_report
        from course_rnn.grading.text import plain

        with changes.noted(grades, against) as changed:
            page = write_report(grades, book)
    for line in changes.told(changed):
        click.echo(plain(line))
    click.echo(page)


@main.command()
@click.argument("grades", type=click.Path(exists=True, file_okay=False))
@click.option(
    "--least", type=click.FloatRange(0, 1), default=0.9, show_default=True, help="similarity of two in a ring"
)
def similar(grades, least):
    """Write GRADES/similar.html: rings of submissions that are alike, as a hint where to look, never as a verdict."""
    with said_plainly():
        from course_rnn.grading.out.similarity import write_similar

        page, rings = write_similar(grades, least)
    click.echo(f"{sum(map(len, rings.values()))} rings to look at: {page}")


@main.command()
@click.argument("grades", type=click.Path(exists=True, file_okay=False))
@click.option("--rubric", type=FILE, required=True, help="what is asked and looked for, such as examples/rubric.toml")
def manual(grades, rubric):
    """Write GRADES/manual.csv, in which open questions are marked by hand, with the answers beside.

    Fill in the columns points and comment, and let "course-rnn report GRADES" read them. Written again, the table keeps
    the marks that are in it.
    """
    with said_plainly():
        from course_rnn.grading.marks.by_hand import write_manual
        from course_rnn.grading.text import plain

        path, changed = write_manual(grades, rubric)
    for student in changed:
        click.echo(plain(f"{student}: another answer than the one that was marked. Look at it again."))
    click.echo(path)


@main.command()
@click.argument("grades", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--canvas", type=FILE, help="the gradebook that Canvas exports")
@click.option("--moodle", type=FILE, help="the grading worksheet of the assignment in Moodle, in English")
@click.option("--column", help="the assignment in Canvas, by title or number  [default: the one called like ours]")
@click.option("--assignment", help="which one, where GRADES holds several")
@click.option("--roster", type=FILE, help="how the LMS calls the students, as for grade")
@click.option("--scale", is_flag=True, help="convert the points where the LMS has another maximum")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="[default: in GRADES]")
def export(grades, canvas, moodle, column, assignment, roster, scale, out):
    """Write the grades of GRADES into a file that Canvas or Moodle imports.

    Grades are filled into the file that the LMS exports; nothing is sent anywhere. Whoever has no score yet, or is not
    found in that file, is left out and named.
    """
    with said_plainly():
        if bool(canvas) == bool(moodle):
            raise ValueError("Give either --canvas or --moodle.")
        from course_rnn.grading.intake.roster import read as read_roster
        from course_rnn.grading.marks.final import settled
        from course_rnn.grading.out import lms
        from course_rnn.grading.text import plain, write_whole

        found, options = settled(grades).of(assignment), {"roster": roster and read_roster(roster), "scale": scale}
        made = lms.canvas(found, canvas, column, **options) if canvas else lms.moodle(found, moodle, **options)
        out = out or grades / ("canvas.csv" if canvas else "moodle.csv")
        write_whole(out, made.text)
    for line in made.left_out:
        click.echo(plain(f"Left out: {line}"))
    click.echo(f"{made.graded} grades are in {out}.")


def _tell(sent, what):
    """Say what was sent, and to whom not."""
    from course_rnn.grading.text import plain

    for line in sent.left_out:
        click.echo(plain(f"Left out: {line}"))
    click.echo(f"{len(sent.students)} {what} in {sent.path}.")


exchange = click.option(
    "--exchange", type=click.Path(file_okay=False, path_type=Path), help="nbgrader's exchange: EXCHANGE/COURSE"
)


@main.command()
@click.argument("grades", type=FOLDER)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="of this machine  [default: a free one]")
@click.option("--browser/--no-browser", default=True, help="open the page")
def desk(grades, port, browser):
    """Look at GRADES and decide, on a page of this machine that nobody else can open. Ctrl-C ends it."""
    with said_plainly():
        import asyncio
        import webbrowser

        from course_rnn.grading.desk.server import serve

        async def sit():
            _, address = serve(grades, port)
            click.echo(f"The desk: {address}")
            if browser:
                webbrowser.open(address)
            await asyncio.Event().wait()

        try:
            asyncio.run(sit())
        except KeyboardInterrupt:
            click.echo("The desk is closed.")


@main.command()
@click.argument("grades", type=FOLDER)
@click.option("--moodle", type=FILE, help="the grading worksheet, to reach also those who handed in nothing")
@click.option("--roster", type=ROSTER, help="who the students are, as for grade")
@exchange
@click.option("--out", type=ZIP, help="[default: feedback.zip in GRADES]")
def feedback(grades, moodle, roster, exchange, out):
    """Give the pages of feedback back: zip them as Moodle and Canvas take them, or put them into nbgrader's exchange.

    In Moodle: assignment, "Upload multiple feedback files in a zip". In Canvas: assignment, "Upload Submissions".
    """
    with said_plainly():
        from course_rnn.grading.intake.roster import read as read_roster
        from course_rnn.grading.out import give_back

        if exchange:
            sent = give_back.feedback_to_exchange(grades, exchange)
        else:
            sent = give_back.feedback(grades, out, moodle, roster and read_roster(roster))
    _tell(sent, "pages of feedback are")


@main.command()
@click.argument("notebooks", type=FOLDER)
@click.option("--roster", type=ROSTER, required=True, help="who the students are, as for grade")
@click.option("--moodle", type=FILE, help="the grading worksheet of the assignment")
@click.option("--canvas", type=FILE, help="an export of an assignment in which everybody has handed in some file")
@exchange
@click.option("--out", type=ZIP, help="[default: NOTEBOOKS with .zip behind]")
def handout(notebooks, roster, moodle, canvas, exchange, out):
    """Hand out NOTEBOOKS, a folder that release --course wrote: to each student their own.

    They go into a zip that Moodle takes under "Upload multiple feedback files in a zip", or Canvas under "Upload
    Submissions"; or into nbgrader's exchange, as an assignment NAME_STUDENT for each student.
    """
    with said_plainly():
        from course_rnn.grading.intake.roster import read as read_roster
        from course_rnn.grading.out import give_back

        students = read_roster(roster)
        if exchange:
            sent = give_back.release_to_exchange(notebooks, students, exchange)
        else:
            sent = give_back.handouts(notebooks, students, out or notebooks.with_suffix(".zip"), moodle, canvas)
    _tell(sent, "notebooks are")


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
        from course_rnn.grading.out.gradebook import record

        recorded, left_out = record(grades, course, solution)
    for verdict in left_out:
        click.echo(f"Not recorded: {verdict.student}, {verdict.status}.")
    click.echo(f"{len(recorded)} students recorded.")


@main.command()
@click.argument("name_and_out", nargs=-1, required=True, metavar="[NAME] OUT")
@click.option("--questions", type=click.Path(exists=True, dir_okay=False), help="a module of questions of your own")
@click.option("--course", type=COURSE, help="a course.toml: a notebook for each student of the roster")
@click.option("--roster", type=ROSTER, help="who they are: a CSV with a column student")
def release(name_and_out, questions, course, roster):
    """Write the exercise NAME, made from its solution, into OUT, with nbgrader's metadata and without outputs.

    NAME is a number or name of solutions/, such as 02, or the path of a solution. OUT is a folder.

    With --course and --roster each student gets a notebook with questions of their own, OUT/NAME/NAME_STUDENT.ipynb.
    There NAME is an assignment of the course; without it all are written.
    """
    *name, out = name_and_out
    with said_plainly():
        from course_rnn.grading.out.handouts import write_release, write_variants

        if bool(course) != bool(roster) or (course and questions) or len(name) > 1 or not (name or course):
            raise click.UsageError("Give NAME and OUT, or --course and --roster and OUT.")
        if course:
            from course_rnn.grading import course as courses
            from course_rnn.grading.intake import roster as rosters

            paths = write_variants(courses.read(course), rosters.read(roster), out, *name)
            click.echo(f"{len(paths)} notebooks in {out}.")
        else:
            from course_rnn.grading import course as courses

            click.echo(write_release(*name, out, courses.read(questions).chapters()))


@main.command()
@click.option("--questions", is_flag=True, help="of each question, what its cases catch and what they let pass")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="of the hidden cases")
def doctor(questions, seed):
    """Say whether submissions can be graded safely on this machine, and what to do where they cannot.

    Also, which library multiplies matrices here, and whether it could do so faster.
    """
    if questions:
        from course_rnn.checking import certify
        from course_rnn.questions import chapters

        for row in certify.table(chapters(), seed):
            click.echo(row)
        return
    with said_plainly():
        from course_rnn.grading.room.doctor import checks, shown

        found = checks()
    click.echo(shown(found))
    click.echo()
    _say_what_multiplies()
    if not all(check.ok for check in found):
        raise SystemExit(1)


@main.command()
@click.argument("notebook", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
def slides(notebook, out):
    """Make slides of a chapter, such as book/06_gradients.ipynb, in the folder OUT: its formulas and its figures."""
    with said_plainly("book"):
        from course_rnn.slides import write

        click.echo(f"Open {write(notebook, out)}")
