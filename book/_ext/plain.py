"""The book's marks for notebooks in plain Markdown: admonitions, dropdowns, citations, captions, numbered equations.

What stands in a notebook is read by every viewer; course_rnn.pages.plain says how the two forms belong together.
"""

import json
from pathlib import Path

from docutils import nodes

from course_rnn.pages.plain import BIBLIOGRAPHY, TAG, marked, with_captions, works

#: What stands on the fold of a cell, by the first of these tags that it carries; what is folded away, and unfolded.
PROMPTS = {
    "check": ("Check it", "Hide the check"),
    "hide-cell": ("The answer", "Hide the answer"),
    "hide-output": ("The answer", "Hide the answer"),
    "hide-input": ("How it was made", "Hide how it was made"),
}


def read(app, docname, content):
    """Give a notebook its marks before it is parsed; the file, which readers download, stays as it is."""
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    notebook = json.loads(content[0])
    known = works(Path(app.srcdir) / BIBLIOGRAPHY)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = marked(cell["source"], known)
        tag = next((tag for tag in PROMPTS if tag in cell["metadata"].get("tags", ())), None)
        if tag:
            show, hide = PROMPTS[tag]
            about = cell["metadata"].setdefault("mystnb", {})
            cell["metadata"]["mystnb"] = {"code_prompt_show": show, "code_prompt_hide": hide} | about
    notebook["cells"] = with_captions(notebook["cells"])
    content[0] = json.dumps(notebook)


def keep_numbers(app, doctree):
    """An equation with a number of its own is one environment: Sphinx would put a long one into `split`, without it."""
    for equation in doctree.findall(nodes.math_block):
        text = equation.astext()
        if TAG.search(text):
            equation.children = [nodes.Text(f"\\begin{{equation}}\n{text.strip()}\n\\end{{equation}}")]
            equation["nowrap"] = True


def count_once(app, config):
    """Figures carry the numbers that stand in their notebooks: no other extension counts them again."""
    config.numfig = False


def setup(app):
    """Called by Sphinx."""
    app.connect("config-inited", count_once, priority=900)  # after those that turn it on
    app.connect("source-read", read)
    app.connect("doctree-read", keep_numbers)
    return {"parallel_read_safe": True}
