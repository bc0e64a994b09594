"""Pictures of a page: each says its size, so that the text does not jump, and is loaded when a reader comes near.

The pictures of an explorer stand in its notebook, as text; on the page they become files, of which a reader loads the
first, and the others when the slider moves.
"""

import base64
import hashlib
import html
import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from docutils import nodes
from PIL import Image

EMBEDDED = re.compile(r"data:image/(svg\+xml|webp|png);base64,([A-Za-z0-9+/=]+)")
IMAGE = re.compile(r"<img\b[^>]*>")
SOURCE = re.compile(r'\bsrc="([^"]+)"')
PIXELS = {"": 1, "px": 1, "pt": 4 / 3, "in": 96, "cm": 96 / 2.54, "mm": 9.6 / 2.54}
EAGER = 1  # so many pictures of a page are loaded at once


def to_files(app, doctree, docname):
    """Write the pictures of explorers into files, and name these in the page."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_images"
    above = "../" * app.builder.get_target_uri(docname).count("/")

    def file(found):
        content = base64.b64decode(found[2])
        name = f"frame-{hashlib.sha256(content).hexdigest()[:16]}.{found[1].partition('+')[0]}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        return f"{above}_images/{name}"

    for raw in doctree.findall(nodes.raw):
        if '<figure class="explore">' in raw.astext():
            text = EMBEDDED.sub(file, raw.astext())
            raw.replace_self(nodes.raw("", text, format="html"))


@cache
def size_of(path):
    """The width and the height of a picture in pixels of a page; None where it does not say."""
    if path.suffix != ".svg":
        with Image.open(path) as image:
            return image.size
    root = ElementTree.parse(path).getroot()
    sides = [re.fullmatch(r"([\d.]+)([a-z]*)", root.get(side, "")) for side in ("width", "height")]
    if all(sides):
        return tuple(round(float(number) * PIXELS[unit]) for number, unit in (side.groups() for side in sides))
    box = root.get("viewBox")
    return tuple(round(float(number)) for number in box.split()[2:]) if box else None


def say_sizes(app, pagename, templatename, context, doctree):
    """Write into each picture of the page its width and its height, and that those further down may wait."""
    if doctree is None:
        return
    files = {name: Path(app.srcdir) / source for source, name in app.builder.images.items()}
    count = 0

    def sized(found):
        nonlocal count
        tag, count = found[0], count + 1
        name = Path(html.unescape(SOURCE.search(tag)[1])).name
        size = size_of(files.get(name) or Path(app.outdir) / "_images" / name)
        more = "" if count <= EAGER else ' loading="lazy"'
        if size and " height=" not in tag:
            shown = re.search(r'\bwidth="(\d+)"', tag)  # an explorer says how wide it is to stand
            width, height = (int(shown[1]), round(int(shown[1]) * size[1] / size[0])) if shown else size
            more += f' height="{height}"' if shown else f' width="{width}" height="{height}"'
        return tag.removesuffix(">").removesuffix("/").rstrip() + more + ">"

    context["body"] = IMAGE.sub(sized, context["body"])


def setup(app):
    """Called by Sphinx."""
    app.connect("doctree-resolved", to_files)
    app.connect("html-page-context", say_sizes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
