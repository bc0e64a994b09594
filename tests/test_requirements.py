"""What the package needs is declared, once loosely for its users and once pinned for us, and the two agree."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from grading_course import example
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_rnn.grading import course
from course_rnn.grading.out.handouts import variant

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {name: list(map(Requirement, lines)) for name, lines in PROJECT["optional-dependencies"].items()}
DECLARED = {"": list(map(Requirement, PROJECT["dependencies"]))} | EXTRAS
LINES = [line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
PINNED = [Requirement(line) for line in LINES if line and not line.startswith("-e")]


def names(requirements):
    return {canonicalize_name(requirement.name) for requirement in requirements}


def imported(paths):
    """The top-level modules that files import, wherever in the file they do, without Python's own and ours."""
    found = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) else []
            found |= {module.partition(".")[0]: path.relative_to(ROOT) for module in modules}
    ours = {
        "course_rnn",
        *(path.stem for folder in ("tests", "benchmarks", "book/_ext") for path in (ROOT / folder).glob("*.py")),
        *(path.parent.name for path in (ROOT / "benchmarks").glob("*/__init__.py")),
    }
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names | ours}


# ------------------------------------------------------------- one truth in two files


def test_requirements_and_extras_name_the_same():
    every = set().union(*map(names, DECLARED.values()))
    pinned = names(PINNED)
    assert every == pinned, (
        f"only in pyproject.toml: {sorted(every - pinned)}, only in requirements.txt: {sorted(pinned - every)}"
    )


@pytest.mark.parametrize("extra", DECLARED, ids=lambda name: name or "no extra")
def test_what_is_installed_for_us_is_allowed_to_our_users(extra):
    """A user's bounds hold the versions that everything here was tested with."""
    for requirement in DECLARED[extra]:
        installed = distribution(requirement.name).version
        assert requirement.specifier.contains(installed), f"{requirement} excludes {installed}, which is installed here"


def test_the_environment_is_the_pinned_one():
    wrong = []
    for requirement in PINNED:
        if requirement.marker is None or requirement.marker.evaluate():
            installed = distribution(requirement.name).version
            if not requirement.specifier.contains(installed.partition("+")[0]):
                wrong.append(f"{requirement}, installed is {installed}")
    assert not wrong, "; ".join(wrong)


def test_requirements_install_every_extra():
    [line] = [line for line in LINES if line.startswith("-e")]
    assert set(re.fullmatch(r"-e \.\[(.+)\]", line)[1].split(",")) == set(EXTRAS)


@pytest.mark.parametrize("part", ["course_rnn", "tests", "benchmarks", "book/_ext"])
def test_everything_imported_is_declared(part):
    """In the package by something that installs it, elsewhere by any of the requirements."""
    declared, provides = set().union(*map(names, DECLARED.values())), packages_distributions()
    missing = {
        f"{module} ({path})"
        for module, path in imported(sorted((ROOT / part).rglob("*.py"))).items()
        if not {*map(canonicalize_name, provides.get(module, []))} & declared
    }
    assert not missing, f"imported and not declared in pyproject.toml: {', '.join(sorted(missing))}"


# ------------------------------------------------------------- installed without extras


def closure(requirements):
    """The distributions that a plain install brings: those named, and those that they need, without their extras."""
    found, waiting = {}, list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name not in found and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            found[name] = distribution(name)
            waiting += map(Requirement, found[name].requires or [])
    return found


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """``bare(*command)``: runs a command where the wheel is installed and what it needs, and no extra.

    Built and filled from what is installed here, as a registry may not be there to ask.
    """
    room = tmp_path_factory.mktemp("bare")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*command, **options):
        return subprocess.run(command, cwd=room, env=environment, capture_output=True, text=True, **options)

    source, site = (
        room / "source",
        room / "venv" / "lib" / Path(sysconfig.get_path("purelib")).relative_to(Path(sys.prefix) / "lib"),
    )
    shutil.copytree(ROOT / "course_rnn", source / "course_rnn", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", room, source]
    run(*wheel, check=True)
    run(sys.executable, "-m", "venv", room / "venv", check=True)
    for found in closure(DECLARED[""]).values():
        for top in {file.parts[0] for file in found.files if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(found.locate_file(top))
    install = "-m", "pip", "install", "--no-deps", "--no-index", next(room.glob("*.whl"))
    run(room / "venv" / "bin" / "python", *install, check=True)
    (room / "page.ipynb").write_text("{}")
    (room / "class").mkdir()
    return lambda name, *arguments: run(room / "venv" / "bin" / name, *arguments)


def test_a_plain_install_holds_the_package_and_no_extra(bare):
    assert bare("python", "-c", "import course_rnn.numpy, course_rnn.plot, course_rnn.explore").returncode == 0
    assert bare("python", "-c", "import torch").returncode == 1
    told = bare("python", "-c", "import course_rnn; print(course_rnn.__file__)").stdout
    assert "site-packages" in told and str(ROOT) not in told


def test_a_plain_install_gives_the_command(bare):
    for option in ("--help", "--version"):
        run = bare("course-rnn", option)
        assert (run.returncode, run.stderr) == (0, "")


def test_a_plain_install_checks_answers(bare):
    solve = "from course_rnn.questions import simple_rnn as q; print(q.parameter_count.check(lambda D, H, O: (1, 2)))"
    run = bare("python", "-c", solve)
    assert run.stdout.startswith("parameter_count: not yet."), run.stderr


def test_a_plain_install_holds_no_answer_to_a_question_for_marks(bare, tmp_path):
    """The families are in a wheel of their own; a notebook that was handed out needs nothing but the sealed cases."""
    assert "No module named 'course_rnn.variants'" in bare("python", "-c", "import course_rnn.variants").stderr
    plan = course.read(example(tmp_path))
    page = variant(plan, plan.assignments["homework_1"], "ada")
    cells = "\n\n".join(cell.source for cell in page.cells if cell.cell_type == "code")
    run = bare("python", "-c", f"display = print\n{cells}")
    assert run.returncode == 0, run.stderr
    assert "rnn_states: to do" in run.stdout


def test_the_kit_holds_the_questions_for_marks_and_nothing_else(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "course_rnn", source / "course_rnn", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "kit", source / "kit", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path]
    subprocess.run([*wheel, source / "kit"], check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as built:
        held = {name for name in built.namelist() if ".dist-info/" not in name}
    assert held == {"course_rnn/variants/__init__.py", "course_rnn/variants/families.py"}


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("check page.ipynb", "check"),
        ("slides page.ipynb out", "book"),
        ("grade class --out grades", "grading"),
        ("report class", "grading"),
        ("similar class", "grading"),
        ("record class --nbgrader class", "grading"),
        ("release 02 out", "grading"),
    ],
)
def test_what_needs_an_extra_says_so_in_one_sentence(bare, command, extra):
    run = bare("course-rnn", *command.split())
    assert run.returncode == 1
    assert re.fullmatch(rf'Error: This needs \w+: pip install "course-rnn\[{extra}\]"\n', run.stderr), run.stderr


def test_torch_missing_is_one_sentence(bare):
    run = bare("python", "-c", "import course_rnn.torch")
    assert run.stderr.splitlines()[-1].endswith('pip install "course-rnn[torch]"'), run.stderr
