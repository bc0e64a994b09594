"""One path through the book: how long a chapter takes, and at the end of each page where to go from there.

The path is the table of contents: a chapter, what goes deeper, its exercises, its solutions, the next chapter. Times
come from course_rnn.pages.reading; {{ reading_minutes }} and {{ exercise_hours }} stand for their spans on any page.
"""

import json
from pathlib import Path

import yaml

from course_rnn import questions
from course_rnn.pages import reading


def steps(toc):
    """Where each page of the first part leads: file -> list of (kind, file)."""
    chapters = toc["parts"][0]["chapters"] if "parts" in toc else []
    found = {}
    for chapter, after in zip(chapters, [*chapters, None][1:], strict=True):
        pages = [(None, chapter["file"])] + [(kind_of(s["file"]), s["file"]) for s in chapter.get("sections", [])]
        following = [("Next chapter", after["file"])] if after else []
        for place, (_, file) in enumerate(pages):
            rest = pages[place + 1 :]
            if place == 0:  # solutions are for those who have tried
                rest = [step for step in rest if step[0] != "Solutions"]
            found[file] = [*rest, *following]
    return found


def kind_of(file):
    """What a page below a chapter is."""
    return {"exercises": "Exercises", "solutions": "Solutions"}.get(file.partition("/")[0], "In depth")


def card(kind, file, page, source):
    """The card that leads to a page, as Markdown."""
    title, time = title_of(source / f"{file}.ipynb"), ""
    name = file.rpartition("/")[2]
    if kind == "Exercises":
        asked = questions.chapters()[name].questions
        points = sum(question.points for question in asked.values())
        hours = reading.hours(reading.of_chapters(source / "book")[name][1])
        title, time = f"{len(asked)} questions, {points:g} points", f"about {hours} hours"
    elif kind == "Solutions":
        title, time = "Worked solutions", "when you have tried"
    else:
        cells = json.loads((source / f"{file}.ipynb").read_text())["cells"]
        time = f"{reading.minutes(cells)} minutes to read"
    link = "../" * page.count("/") + file
    footer = f":::{{card-footer}}\n{time}\n:::"
    return f"::::{{grid-item-card}} {kind}\n:link: {link}\n:link-type: doc\n{title}\n{footer}\n::::"


def title_of(path):
    """The title of a notebook."""
    first = "".join(json.loads(path.read_text())["cells"][0]["source"])
    return first.splitlines()[0].removeprefix("# ")


def time_of(file, cells, source):
    """The sentence below the title of a chapter, or of a page that goes deeper; "" for others."""
    folder, _, name = file.partition("/")
    if folder != "book":
        return ""
    text = f"*{reading.minutes(cells)} minutes to read"
    if name in questions.chapters():
        text += f"; the exercises take about {reading.hours(reading.of_chapters(source / 'book')[name][1])} hours"
    return f"{text}.*"


def walk(app, docname, content):
    """Put the time below the title and the cards at the end; the file itself stays as it is."""
    following = steps(yaml.safe_load(Path(app.srcdir, app.config.external_toc_path).read_text()))
    if docname not in following:
        return
    notebook, source = json.loads(content[0]), Path(app.srcdir)
    first = notebook["cells"][0]
    title, _, rest = "".join(first["source"]).partition("\n")
    first["source"] = f"{title}\n\n{time_of(docname, notebook['cells'], source)}\n{rest}"
    cards = [card(kind, file, docname, source) for kind, file in following[docname]]
    if cards:
        text = f":::::{{grid}} 1 1 {len(cards)} {len(cards)}\n:gutter: 3\n:class-container: path\n\n" + "\n".join(cards)
        notebook["cells"].append({"id": "path", "cell_type": "markdown", "metadata": {}, "source": f"{text}\n:::::"})
    content[0] = json.dumps(notebook)


def say_times(app, config):
    """Give every page the spans of the times as substitutions."""
    read, solve = reading.spans(Path(app.srcdir) / "book")
    config.myst_substitutions |= {"reading_minutes": read, "exercise_hours": solve}


def setup(app):
    """Called by Sphinx."""
    app.connect("config-inited", say_times)
    app.connect("source-read", walk)
    return {"parallel_read_safe": True}
