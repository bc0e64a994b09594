"""What a published book knows of its place: where it stands, which version it is, and where its sources are.

The environment says it, and where it is silent _config.yml:

- ``COURSE_RNN_REPOSITORY``  the repository's address: buttons that launch, edit and report
- ``COURSE_RNN_REF``         the branch or tag that these buttons lead to
- ``COURSE_RNN_HUB``         a JupyterHub with nbgitpuller, for a launch button of its own
- ``COURSE_RNN_ADDRESS``     where the book is published: canonical addresses, preview pictures, sitemap, 404
- ``COURSE_RNN_VERSION``     the folder below that address: a version, or ``dev``

Without a repository there is no button, and without an address no page names one. A published site has a folder for
each version, and ``stable/`` with the newest; that is the one that search engines are sent to
(course_rnn/pages/site.py).
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from course_rnn.notebooks import COLAB_BRANCH

BUTTONS = ("use_repository_button", "use_edit_page_button", "use_issues_button")
LAUNCH = {
    "notebook_interface": "jupyterlab",
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
}
STABLE = "stable"  # the folder of the newest version


def read(app, config):
    """Take over what the environment says, and turn on what depends on it."""
    theme, context = config.html_theme_options, config.html_context
    repository = os.environ.get("COURSE_RNN_REPOSITORY") or theme.get("repository_url")
    if repository:
        hub = os.environ.get("COURSE_RNN_HUB") or context.get("jupyterhub_url")
        launch = LAUNCH | ({"jupyterhub_url": hub} if hub else {})
        branch = os.environ.get("COURSE_RNN_REF") or theme.get("repository_branch")
        theme.update(dict.fromkeys(BUTTONS, True), launch_buttons=launch)
        theme.update(repository_url=repository.rstrip("/"), repository_branch=branch)
    address = os.environ.get("COURSE_RNN_ADDRESS", "").rstrip("/")
    config.course_address = address
    config.version = config.release = os.environ.get("COURSE_RNN_VERSION", "")
    config.notfound_urls_prefix = f"{urlsplit(address).path}/{STABLE}/" if address else "/"
    if address:
        config.html_baseurl = config.ogp_canonical_url = f"{address}/{STABLE}/"
        config.ogp_site_url = f"{address}/{config.version or STABLE}/"
        app.add_js_file("versions.js", loading_method="defer")


def to_the_branch_that_installs(app, pagename, templatename, context, doctree):
    """Colab opens a notebook alone; those of one branch begin with a cell that installs the course."""
    for group in context.get("header_buttons", ()):
        for button in group.get("buttons", ()):
            if button.get("url", "").startswith(LAUNCH["colab_url"]):
                branch = app.config.html_theme_options["repository_branch"]
                button["url"] = button["url"].replace(f"/blob/{branch}/", f"/blob/{COLAB_BRANCH}/")


def list_pages(app, exception):
    """Write the sitemap of a published book: sphinx-sitemap would list only the pages that this build wrote."""
    address = app.config.course_address
    if exception or not address or app.builder.format != "html":
        return
    pages = sorted(app.builder.get_target_uri(name) for name in app.env.found_docs)
    entries = "".join(f"<url><loc>{address}/{STABLE}/{page}</loc></url>\n" for page in pages)
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n'
    Path(app.outdir, "sitemap.xml").write_text(text, encoding="utf-8")


def setup(app):
    """Called by Sphinx."""
    app.add_config_value("course_address", "", "html", [str])
    app.connect("config-inited", read, priority=100)  # before the theme reads its options
    app.connect("html-page-context", to_the_branch_that_installs, priority=600)  # when the theme has made its buttons
    app.connect("build-finished", list_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
