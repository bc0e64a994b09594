"""A gallery begins with small pictures of what it holds, each a link to where it stands on the page."""

import re

from docutils import nodes

GALLERY = re.compile(r"book/gallery")


def put_thumbnails(app, doctree, docname):
    """Below the title of a gallery, and of each part of it, a picture for every section that shows one."""
    if not GALLERY.match(docname) or app.builder.format != "html":
        return
    found = []
    for section in doctree.findall(nodes.section):
        if any(isinstance(child, nodes.section) for child in section.children):
            continue  # it only holds others
        image = next(section.findall(nodes.image), None)
        if image is not None:
            found.append((section["ids"][0], section[0].astext(), image))
    box = nodes.container(classes=["thumbnails"])
    for place, title, image in found:
        small = nodes.image(uri=image["uri"], candidates=image["candidates"], alt="", classes=["thumbnail"])
        text = nodes.inline("", title)
        box += nodes.paragraph("", "", nodes.reference("", "", small, text, refid=place, internal=True))
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, box)


def setup(app):
    """Called by Sphinx."""
    app.connect("doctree-resolved", put_thumbnails)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
