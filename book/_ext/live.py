"""Live pages: makes the cells of exercises, and those of chapters that carry the tag ``live``, run in the browser.

It needs what `make live` gathers; without it pages are built as ever, and those of exercises say what would make them
live. Scripts and styles are in book/live, the work is done in course_rnn.pages.
"""

import ast
import json
from pathlib import Path

from docutils import nodes

from course_rnn import questions
from course_rnn.pages import live
from course_rnn.pages.slices import live_cells

HOW = (
    "This page can be solved right here, in the browser, once the book was built for it: run make live, then make "
    "serve. Until then, make lab opens the exercises in JupyterLab."
)


def begin(app, config):
    """See what the cache holds; pages are written anew when that changes."""
    about = live.read(app.srcdir)
    if about:
        app.tags.add("live")
        about |= live.put(Path(app.outdir) / "_static" / "live", app.srcdir)
        app.add_css_file("live/live.css")
    config.live_pages = json.dumps(about)


def cells_of(app, docname):
    """What the page needs to know of its live cells, each with its place in the notebook; [] where there is none."""
    path = Path(app.env.doc2path(docname))
    folder, _, chapter = docname.partition("/")
    if path.suffix != ".ipynb" or folder not in ("exercises", "book"):
        return []
    if folder == "exercises" and chapter not in questions.chapters():
        return []  # a project: it wants torch, a minute of training, and a file beside it
    cells = json.loads(path.read_text())["cells"]
    for place, cell in enumerate(cells):
        cell["source"], cell["place"] = "".join(cell["source"]), place
    if folder == "exercises":
        every = questions.chapters()
        if chapter not in every:  # a project: an assignment of its own, that trains for minutes
            return []
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        return list(exercise_cells(code, every[chapter].questions))
    found = [
        {"id": cell["id"], "place": cell["place"], "setup": setup, "first": True} for cell, setup in live_cells(cells)
    ]
    if found:
        found.append({"id": f"own-{chapter}", "place": found[-1]["place"]})
    return found


def exercise_cells(cells, asked):
    """The cells of an exercise: which question each asks, whether it needs torch, and whether it stands before all."""
    first = True
    for cell in cells:
        if "install" in cell["metadata"].get("tags", ()):  # for Colab
            continue
        source = cell["source"]
        named = [name for name in asked if f"q.{name}.check(" in source]
        first = first and not named
        uses_torch = any(isinstance(node, ast.Name) and node.id == "torch" for node in ast.walk(ast.parse(source)))
        yield {
            "id": cell["id"],
            "place": cell["place"],
            "question": next((name for name in named if f"def {name}(" in source), None),
            "torch": uses_torch or "import torch" in source or any(asked[name].library == "torch" for name in named),
            "first": first,
        }


def mark(app, doctree, docname):
    """Give the live cells of a page their addresses, or say how the page would become live."""
    cells = cells_of(app, docname)
    if not cells:
        return
    if docname.startswith("exercises/"):
        place = nodes.container(classes=["live-place"])  # the script puts the page's buttons there
        if not app.tags.has("live"):
            place = nodes.note("", nodes.paragraph("", HOW))
        title = next(doctree.findall(nodes.title))
        title.parent.insert(title.parent.index(title) + 1, place)
    if not app.tags.has("live"):
        return
    boxes = {box["cell_index"]: box for box in doctree.findall(nodes.container) if box.get("nb_element") == "cell_code"}
    for cell in cells:
        box = boxes[cell["place"]]
        if cell["id"].startswith("own-"):
            empty = nodes.container("", nodes.container(classes=["cell_input"]), classes=["cell"])
            box.parent.insert(box.parent.index(box) + 1, empty)
            box = empty
        box["classes"].append("live")
        box["ids"].append(f"live-{cell['id']}")


def tell(app, pagename, templatename, context, doctree):
    """Tell each page of the book what its script needs to know."""
    about = json.loads(app.config.live_pages)
    if not about:
        return
    cells = cells_of(app, pagename) if doctree is not None else []
    folder, _, chapter = pagename.partition("/")
    page = {
        "name": pagename,
        "kind": "exercise" if folder == "exercises" else "chapter",
        "chapter": chapter,
        "notebook": f"_sources/{pagename}.ipynb",
        "cells": cells,
    }
    every = questions.chapters()
    exercises = [f"exercises/{name}" for name in every if f"exercises/{name}" in app.env.titles]
    book = {
        "root": "../" * pagename.count("/") or "./",
        "python": about["python"],
        "lock": f"{about['lock']}?{about['version']}",
        "version": about["version"],
        "size": f"about {about['megabytes']:.0f} MB",
        "stand_in": about["stand_in"],
        "questions": {name: {q.name: q.points for q in chapter.questions.values()} for name, chapter in every.items()},
        "pages": {name: app.env.titles[name].astext() for name in exercises},
        "page": page if cells else None,
    }
    app.add_js_file(None, body=json.dumps(book).replace("<", "\\u003c"), type="application/json", id="live-book")
    app.add_js_file("live/live.js", loading_method="defer")


def setup(app):
    """Called by Sphinx."""
    app.add_config_value("live_pages", "null", "html", [str])
    app.connect("config-inited", begin)
    app.connect("doctree-resolved", mark)
    app.connect("html-page-context", tell)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
