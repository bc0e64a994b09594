"""The command line: ``course-rnn``."""

import runpy
import sys
from pathlib import Path

import click

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
