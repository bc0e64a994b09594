"""The grader in other people's places: an autograder for Gradescope, a workflow for GitHub.

Both run ``course-rnn grade-one`` on one notebook at a time. Sources: gradescope/autograder_samples, docs/specs.md and
docs/submission_metadata.md; GitHub Docs, "Workflow syntax for GitHub Actions"; for the points in GitHub Classroom
github-education-resources/autograding-grading-reporter, README.md.
"""

import shlex
import zipfile
from pathlib import Path

from course_rnn.grading import course as plans
from course_rnn.grading.out.report import environment

EXECUTABLE = 0o100755 << 16
PLAIN = 0o100600 << 16  # nobody else is to read the seed of a course


def gradescope(out, wheels, *, questions="", roster="", assignment=None):
    """Write the zip of an autograder for Gradescope; returns its path.

    Parameters
    ----------
    out : path
    wheels : iterable of path
        Of this package, ``pip wheel --no-deps --wheel-dir DIST .`` makes it; for a course.toml also of ``./kit``.
    questions : path
        Of a module of questions or a course.toml, whose seed goes into the zip; "" for the course's own questions.
    roster : path
        Whose column lms holds the e-mail addresses that Gradescope knows; needed for a course.toml.
    assignment : str, optional

    Raises
    ------
    ValueError
    """
    plan, wheels = plans.read(questions), [Path(wheel) for wheel in wheels]
    for wheel in wheels:
        if wheel.suffix != ".whl":
            raise ValueError(f"{wheel} is no wheel: pip wheel --no-deps --wheel-dir DIST . makes one.")
    if isinstance(plan, plans.Course):
        if not roster:
            raise ValueError("In a course.toml each student is asked something else: give the roster too.")
        if not any(wheel.name.startswith("course_rnn_kit-") for wheel in wheels):
            raise ValueError("The questions of a course.toml are in a wheel of their own, course-rnn-kit: give it too.")
    files, arguments = {}, []
    if questions:
        option = "--course" if isinstance(plan, plans.Course) else "--questions"
        arguments += [option, f"source/{Path(questions).name}"]
        files[Path(questions).name] = Path(questions).read_bytes()
    files |= {Path(path).name: Path(path).read_bytes() for path in plan.beside}
    if roster:
        arguments += ["--roster", f"source/{Path(roster).name}"]
        files[Path(roster).name] = Path(roster).read_bytes()
    if assignment:
        arguments += ["--assignment", assignment]
    pages = environment(escape=False)
    said = {"wheels": [wheel.name for wheel in wheels], "arguments": shlex.join(arguments)}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("setup.sh", "run_autograder"):
            _add(archive, name, pages.get_template(f"{name}.txt").render(**said).encode(), EXECUTABLE)
        for name, content in files.items():
            _add(archive, name, content, PLAIN)
        for wheel in wheels:
            _add(archive, wheel.name, wheel.read_bytes(), PLAIN)
    return Path(out)


def _add(archive, name, content, mode):
    entry = zipfile.ZipInfo(name)
    entry.external_attr, entry.compress_type = mode, zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def github(out, install, *, assignment, notebook="", classroom=False):
    """Write a workflow that grades the notebook of a repository at each push, and shows what is said as a summary.

    Parameters
    ----------
    out : path
        Such as .github/workflows/grade.yml in the template of the class.
    install : str
        What pip installs, such as "course-rnn[grading] @ git+https://github.com/OWNER/REPOSITORY".
    assignment : str
        One of the course's own; the workflow knows no secret, so it asks nothing that is different for each student.
    notebook : str
        Its path in the repository; default: the name of the assignment.
    classroom : bool
        Report the points to GitHub Classroom.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
    """
    known = plans.Plan().chapters()
    if assignment not in known:
        raise ValueError(f"There is no assignment {assignment}. There are: {', '.join(known)}.")
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {"install": shlex.quote(install), "notebook": shlex.quote(notebook or f"{assignment}.ipynb")}
    page = environment(escape=False).get_template("github.yml.txt")
    path.write_text(page.render(**said, assignment=assignment, classroom=classroom), encoding="utf-8")
    return path
