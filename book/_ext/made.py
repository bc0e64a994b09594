"""Pages that are made from something else when the book is built, and so are not in the repository.

The atlas of mistakes comes from the questions, the claims page from claims.yml. A page is made where the table of
contents asks for it, and written only where it has changed, so that Sphinx reads again only what it must.
"""

from pathlib import Path

import yaml
from sphinx.errors import ConfigError

from course_rnn import claims
from course_rnn.pages import atlas


def claims_page(book):
    """The claims page as text, if every claim still points to what is there."""
    rows = claims.read(book)
    faults = claims.faults(rows, book)
    if faults:
        raise ConfigError("\n".join(faults))
    return claims.markdown(rows, book)


PAGES = {"book/atlas": atlas.make, "book/claims": claims_page}


def named(toc):
    """Every file that a table of contents names, at whatever depth."""
    if isinstance(toc, dict):
        return {toc.get("file")}.union(*map(named, toc.values()))
    return set().union(*map(named, toc)) if isinstance(toc, list) else set()


def make_pages(app, config):
    """Write the pages that the table of contents asks for into the source folder."""
    source = Path(app.srcdir)
    asked = named(yaml.safe_load(Path(source, config.external_toc_path).read_text()))
    for name in asked & PAGES.keys():
        page, text = source / f"{name}.md", PAGES[name](source / "book")
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def citation(path):
    """How the book is cited, as a sentence and as BibTeX, from CITATION.cff."""
    about = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    authors, year = " and ".join(author["name"] for author in about["authors"]), about["date-released"].year
    fields = {"author": f"{{{authors}}}", "title": about["title"], "year": year, "version": about["version"]}
    lines = "".join(f",\n  {name} = {{{value}}}" for name, value in fields.items())
    entry = f"@software{{course_rnn{lines}\n}}"
    return f"{authors}: *{about['title']}*, version {about['version']}, {year}.\n\n```bibtex\n{entry}\n```"


def say_how_to_cite(app, config):
    """Give every page the citation as a substitution."""
    config.myst_substitutions |= {"citation": citation(Path(app.srcdir) / "CITATION.cff")}


def setup(app):
    """Called by Sphinx."""
    app.connect("config-inited", say_how_to_cite)
    app.connect("config-inited", make_pages, priority=100)  # before the table of contents is read
    return {"parallel_read_safe": True}
