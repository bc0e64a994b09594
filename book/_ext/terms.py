"""The first use of each word of the glossary in a chapter leads to its entry; nothing of it stands in the notebook."""

import re
from pathlib import Path

from docutils import nodes

GLOSSARY = "book/glossary"
CHAPTER = re.compile(r"book/\d\d_")
ENTRY = re.compile(r"^(\S.*)\n  \S", re.MULTILINE)
ELSEWHERE = (nodes.reference, nodes.literal, nodes.title, nodes.caption, nodes.Admonition)


def entries(path):
    """The words of the glossary."""
    return ENTRY.findall(Path(path).read_text(encoding="utf-8").partition(":sorted:\n")[2])


def pattern(word):
    """A word where it stands for itself, in the singular or the plural."""
    return re.compile(rf"\b{re.escape(word)}s?\b", 0 if word.isupper() else re.IGNORECASE)


def link_first_uses(app, doctree, docname):
    """Put the links into the text of a chapter."""
    if not CHAPTER.match(docname) or GLOSSARY not in app.env.found_docs:
        return
    terms = app.env.get_domain("std").objects
    waiting = {word: pattern(word) for word in entries(Path(app.srcdir) / f"{GLOSSARY}.md")}
    for text in list(doctree.findall(nodes.Text)):
        if not isinstance(text.parent, nodes.paragraph | nodes.list_item) or _inside(text, ELSEWHERE):
            continue
        found = min(
            ((match.start(), -len(word), word, match) for word, p in waiting.items() if (match := p.search(text))),
            default=None,
        )  # one a piece of text is enough, and of two that begin together the longer
        if found:
            *_, word, match = found
            del waiting[word]
            _, place = terms["term", word]
            address = app.builder.get_relative_uri(docname, GLOSSARY) + f"#{place}"
            link = nodes.reference("", match[0], refuri=address, internal=True, classes=["term"])
            before, after = text[: match.start()], text[match.end() :]
            text.parent.replace(text, [nodes.Text(before), link, nodes.Text(after)])


def _inside(node, kinds):
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


def setup(app):
    """Called by Sphinx."""
    app.connect("doctree-resolved", link_first_uses)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
