"""A Sphinx extension: formulas are typeset while the book is built, as MathML, which browsers draw without a script.

Temml, from npm, turns TeX into MathML. The font beside it is STIX Two Math, cut down to what a course can use.
"""

import html
import json
import re
import subprocess
from functools import cache, lru_cache
from pathlib import Path

from docutils import nodes
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from course_rnn.pages import npm

HERE = Path(__file__).parent
STYLE = "Temml-STIX2.css"
ENVIRONMENT = re.compile(r"\\begin\{")
WIDE = re.compile(r"\\q?quad(?![a-zA-Z])")
logger = logging.getLogger(__name__)


def distribution():
    """The folder of Temml."""
    return npm.beside_python(HERE, "formulas") / "temml" / "dist"


@cache
def temml():
    """The process that typesets; it ends with ours."""
    return subprocess.Popen(
        [npm.tool("node"), HERE / "typeset.cjs", distribution() / "temml.cjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


@lru_cache(maxsize=4096)
def mathml(tex, display=False):
    r"""A formula in TeX as MathML.

    Parameters
    ----------
    tex : str
        Lines that end in ``\\`` need no environment of their own.
    display : bool
        Whether the formula stands alone, with its sums and fractions at full size.

    Raises
    ------
    ValueError
        It is no TeX that Temml understands.
    """
    if r"\\" in tex and not ENVIRONMENT.search(tex):
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    process = temml()
    process.stdin.write(json.dumps({"tex": tex, "display": display}) + "\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    if "error" in answer:
        raise ValueError(f"not a formula: {answer['error'].splitlines()[0]}")
    return answer["mathml"]


def parts(tex):
    r"""A display cut at its wide spaces, where it may go on on the next line of a narrow screen.

    Examples
    --------
    >>> parts(r"a = b, \qquad c = d")
    ['a = b,', 'c = d']
    >>> parts(r"\begin{aligned} a &= b, \qquad c = d \end{aligned}")
    ['\\begin{aligned} a &= b, \\qquad c = d \\end{aligned}']
    """
    if r"\\" in tex or ENVIRONMENT.search(tex):
        return [tex]
    found = [part.strip() for part in WIDE.split(tex) if part.strip()]
    return found if all(part.count("{") == part.count("}") for part in found) else [tex]


def typeset(node, display):
    """The formula of a node; a faulty one is warned of, and stands as it was written."""
    try:
        tex = node.astext().strip()
        return "".join(mathml(part, display) for part in (parts(tex) if display else [tex]))
    except ValueError as error:
        logger.warning("%s", error, location=node)
        return html.escape(node.astext())


def visit_inline(self, node):
    """A formula in a line of text."""
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append(typeset(node, display=False) + "</span>")
    raise nodes.SkipNode


def visit_block(self, node):
    """A formula on lines of its own, with its number where it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append(f'<div class="formula">{typeset(node, display=True)}</div></div>\n')
    raise nodes.SkipNode


def begin(app):
    """Put the font and the style of formulas beside the pages."""
    app.config.html_static_path += [str(HERE / "static"), str(distribution() / STYLE)]
    app.add_css_file(STYLE)
    app.add_css_file("formulas.css")


def setup(app):
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", inline_renderers=(visit_inline, None), block_renderers=(visit_block, None))
    app.connect("builder-inited", begin)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
