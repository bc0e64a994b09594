"""A page loads what a reader needs to read it, and nothing twice.

- One style sheet instead of a dozen: esbuild joins those of the theme and its extensions, and PurgeCSS takes out the
  rules that no page and no script uses (nine of ten). Both come from npm, by the lock file in ``style/``.
- No script draws icons: the theme's style has them in a font, and course.css names a font of those that the book uses.
- Code is coloured where the style has a colour for it; names and commas have that of the text.
- What a search needs is loaded by the page of searches alone, and scripts wait until the text is there.
"""

import hashlib
import json
import re
from pathlib import Path

from course_rnn.pages import npm

SHEET = re.compile(r'<link\b[^>]*href="[^"?]*?(_static/[^"?]*\.css)(?:\?[^"]*)?"[^>]*>\s*')
ICONS = re.compile(r'<script defer src="[^"]*fontawesome\.js[^"]*"></script>')
EARLY = re.compile(r'<link rel="preload" as="script"[^>]*>\s*')
PLAIN = re.compile(r'<span class="(?:n|nn|p|w)">([^<]*)</span>')
AT_ONCE = "documentation_options.js"  # which scripts that stand in the page speak of
JOINED = "_static/book.css"
LISTS = Path(__file__).parent / "style"
LOADERS = (
    "--loader:.woff2=file",
    "--loader:.ttf=file",
    "--loader:.svg=dataurl",
    "--loader:.png=dataurl",
    "--asset-names=fonts/[name]",
)


def lean_page(app, pagename, templatename, context, doctree):
    """Change what the head of a page asks for."""

    def lean(head):
        app.course_sheets.update(dict.fromkeys(SHEET.findall(head)))
        version = hashlib.sha256("".join(app.course_sheets).encode()).hexdigest()[:8]
        sheet = f'<link rel="stylesheet" href="{context["pathto"](JOINED, True)}?v={version}">\n'
        return sheet + EARLY.sub("", ICONS.sub("", SHEET.sub("", head)))

    context["lean"] = lean
    context["body"] = PLAIN.sub(r"\1", context.get("body", ""))
    context.setdefault("head", "")
    if pagename != "search":  # whose scripts speak of each other while they are read
        context["script_files"] = [waiting(script) for script in context["script_files"]]


def waiting(script):
    """A script as it is, but read when the text is there; a new one, as all pages share the others."""
    if not script.filename or AT_ONCE in str(script.filename):
        return script
    attributes = script.attributes | {"defer": "defer"}
    return type(script)(script.filename, priority=script.priority, **attributes)


def known(app):
    """Where the names of the sheets are kept from build to build, as a build writes only the pages that changed."""
    return Path(app.doctreedir) / "sheets.json"


def begin(app):
    """Know the sheets of earlier builds."""
    app.course_sheets = dict.fromkeys(json.loads(known(app).read_text()) if known(app).exists() else ())


def join(app, exception):
    """Write the one style sheet, once all pages are there."""
    if exception or app.builder.format != "html":
        return
    out, node, tools = Path(app.outdir), npm.tool("node"), npm.beside_python(LISTS, "style") / ".bin"
    known(app).write_text(json.dumps(list(app.course_sheets)))
    everything = out / "_static" / "every-sheet.css"
    everything.write_text("".join(f'@import "../{sheet}";\n' for sheet in app.course_sheets))
    npm.call([node, tools / "esbuild", everything, "--bundle", "--minify", *LOADERS, f"--outfile={out / JOINED}"], out)
    everything.unlink()
    (out / "_static" / "scripts" / "fontawesome.js").unlink(missing_ok=True)  # nothing asks for it; it names every icon
    content = ["--content", "**/*.html", "_static/**/*.js", "_static/**/*.mjs"]
    npm.call([node, tools / "purgecss", "--css", JOINED, *content, "--output", JOINED], out)


def setup(app):
    """Called by Sphinx."""
    app.connect("builder-inited", begin)
    app.connect("html-page-context", lean_page, priority=900)  # when all scripts are known
    app.connect("build-finished", join, priority=900)  # when static files are there
    return {"parallel_read_safe": True, "parallel_write_safe": True}
