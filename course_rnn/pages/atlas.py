"""The atlas of mistakes: one page with every registered mistake of every question, made from the questions themselves.

    python -m course_rnn.pages.atlas        writes book/atlas.md, as a build of the book does

Each mistake has a heading that is its address, the one that a check names, so links to it stay right as long as the
question and the mistake keep their names.
"""

import difflib
import re
from pathlib import Path

import nbformat
from docutils.nodes import make_id
from mdit_py_plugins.anchors.index import slugify

from course_rnn.checking.mistake import code_of
from course_rnn.questions import chapters

BOOK = Path("book")
BEGINNING = """# Atlas of mistakes

When a check recognises what went wrong, it names an address on this page.
Here stands every mistake that the checks know, by chapter and question.
Each shows the wrong line (−) and the right line (+), what the check sees first, the cause, and the cure.
The right lines are those of the worked solutions: read on only where you have tried.

This page is made from the questions.
"""


def make(book=BOOK):
    """The whole page as text."""
    parts = [BEGINNING]
    for name, chapter in chapters().items():
        headings = headings_of(book / f"{name}.ipynb")
        title = headings.pop("title")
        parts.append(
            f"## {title}\n\nThe chapter: [{title}]({name}.ipynb). Its [exercises](../exercises/{name}.ipynb).\n"
        )
        for question in chapter.questions.values():
            heading = headings[question.see]
            taught = f"[{heading}]({name}.ipynb#{slugify(heading)})"
            parts.append(f"### {question.name}\n")
            parts += [entry(question, mistake, taught) for mistake in question.mistakes.values()]
    return "\n".join(parts)


def headings_of(path):
    """The headings of a chapter by their anchors, and its title under "title"."""
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    found = {make_id(heading): heading for heading in re.findall(r"^##+ +(.+?) *$", text, re.MULTILINE)}
    return found | {"title": re.search(r"^# +(.+?) *$", text, re.MULTILINE)[1]}


def entry(question, mistake, taught):
    """One mistake: its address, the lines, the symptom, the cause and the cure, and where it is taught."""
    return (
        f"#### {question.address(mistake.name)}\n\n"
        f"```diff\n{changed_lines(mistake)}\n```\n\n"
        f"*What the check says*: {symptom(question, mistake)}\n\n"
        f"*Cause and cure*: {code(mistake.message)}\n\n"
        f"*Explained in*: {taught}\n"
    )


def changed_lines(mistake):
    """The wrong lines and the right lines, marked as in a patch."""
    wrong, right = mistake.source.splitlines(), code_of(mistake.reference).splitlines()
    lines = difflib.unified_diff(wrong[1:], right[1:], n=0, lineterm="")  # without the first, the signature
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def symptom(question, mistake):
    """The first thing that the check says, without the numbers, which are those of one random case."""
    trials = (mistake.run(question.draw(seed), question.library, len(question.returns)) for seed in question.seeds)
    said = next(filter(None, map(question.finding, trials)))
    stopped = re.match(r"It stopped with \w+", said)
    if stopped:
        return f"{stopped[0]}."
    return re.sub(r" has wrong values.*", " has wrong values.", said)


def code(text):
    """A message as Markdown: what would be read as marks of emphasis or links is protected."""
    return re.sub(r"([*_\[\]$<>`])", r"\\\1", text)


if __name__ == "__main__":
    (BOOK / "atlas.md").write_text(make(), encoding="utf-8")
