"""Slides from a chapter: its headings, its formulas and its figures, for a talk in front of a class.

sphinx-revealjs turns them into a page that needs no other host. What is said to a slide stands in the chapter.
"""

import base64
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

FORMULA = re.compile(r"\$\$\n.*?\n\$\$", re.DOTALL)
HEADING = re.compile(r"^#{2,3} +(.+?) *$", re.MULTILINE)
#: Questions, answers, errors to spot: quoted lines and what is folded away.
BOX = re.compile(r"^<details>.*?^</details>$|^>[^\n]*$", re.DOTALL | re.MULTILINE)
PICTURES = {"image/svg+xml": ".svg", "image/png": ".png"}
CONFIGURATION = """
project = {title!r}
extensions = ["myst_parser", "sphinx_revealjs", "course_rnn.pages.formulas"]
html_math_renderer = "mathml"
myst_enable_extensions = ["amsmath", "dollarmath"]
revealjs_style_theme = "white"
revealjs_script_conf = {{"hash": True, "slideNumber": True, "width": 1100, "height": 700}}
revealjs_css_files = ["slides.css"]
revealjs_static_path = ["_static"]
"""
STYLE = """
.reveal img { max-height: 480px; background: white; }
.reveal h1, .reveal h2, .reveal h3 { text-transform: none; }
.reveal h2, .reveal h3 { font-size: 1.2em; }
.reveal div.math { font-size: 0.65em; }
"""


def picture(output):
    """The picture of an output of a cell as (ending, bytes); None where it has none."""
    data = output.get("data", {})
    for kind, ending in PICTURES.items():
        if kind in data:
            return ending, data[kind].encode() if ending == ".svg" else base64.b64decode(data[kind])
    return None


def slides(notebook):
    """A chapter as slides.

    Parameters
    ----------
    notebook : NotebookNode

    Returns
    -------
    title : str
    sections : list of (heading, contents)
        The contents of a heading: formulas as Markdown, and pictures as (ending, bytes, alt text).
    """
    title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
    sections = [(title, [])]
    for cell in notebook.cells[1:]:
        if cell.cell_type == "markdown":
            for heading, text in _split(BOX.sub("", cell.source)):
                if heading:
                    sections.append((heading, []))
                sections[-1][1].extend(FORMULA.findall(text))
        elif cell.cell_type == "code":
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            sections[-1][1].extend((*found, alt) for found in map(picture, cell.outputs) if found)
    return title, [(heading, contents) for heading, contents in sections if contents]


def _split(text):
    """A text cut at its headings: (heading, what follows it), "" for what comes before the first."""
    first, *rest = HEADING.split(text)
    return [("", first), *zip(rest[::2], rest[1::2], strict=True)]


def write(notebook, folder):
    """Write the slides of a chapter into a folder, as a page that works from there.

    Parameters
    ----------
    notebook : path
        A chapter of the book.
    folder : path
        Made if it is not there.

    Returns
    -------
    Path
        The page to open.

    Raises
    ------
    ValueError
        The notebook has neither formulas nor figures, or sphinx-revealjs found a fault in them.
    """
    title, sections = slides(nbformat.read(notebook, as_version=4))
    if not sections:
        raise ValueError(f"{notebook} has no formulas and no figures to make slides of.")
    with tempfile.TemporaryDirectory() as source:
        source = Path(source)
        (source / "_static").mkdir()
        (source / "_static" / "slides.css").write_text(STYLE)
        (source / "conf.py").write_text(CONFIGURATION.format(title=title))
        (source / "index.md").write_text(_markdown(title, sections, source), encoding="utf-8")
        command = [sys.executable, "-m", "sphinx", "-b", "revealjs", "-W", "-q", source, folder]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise ValueError(f"The slides of {notebook} cannot be made. {run.stderr.strip()[-300:]}")
    return Path(folder) / "index.html"


def _markdown(title, sections, folder):
    """The slides as MyST Markdown, a slide for each formula and picture; the pictures go into the folder."""
    parts, pictures = [f"# {title}"], 0
    for heading, contents in sections:
        parts.append(f"## {heading}")
        for content in contents:
            if not isinstance(content, str):
                ending, data, alt = content
                pictures += 1
                name = f"figure-{pictures}{ending}"
                (folder / name).write_bytes(data)
                content = f"```{{image}} {name}\n:alt: {json.dumps(alt, ensure_ascii=False)}\n```"
            parts.append(f"### {heading}\n\n{content}")
    return "\n\n".join(parts) + "\n"
