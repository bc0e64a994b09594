"""Buttons that lead to the repository: launch on Colab, Binder or a JupyterHub, suggest an edit, open an issue.

They need the repository's address, `repository_url` in _config.yml. Without one there is no button.
"""

BUTTONS = ("use_repository_button", "use_edit_page_button", "use_issues_button")
LAUNCH = {
    "notebook_interface": "jupyterlab",
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
}


def show_buttons(app, config):
    """Turn the theme's buttons on where there is an address; a hub that has nbgitpuller gets one where it is named."""
    theme = config.html_theme_options
    if theme.get("repository_url"):
        hub = config.html_context.get("jupyterhub_url")
        launch = LAUNCH | ({"jupyterhub_url": hub} if hub else {})
        theme.update(dict.fromkeys(BUTTONS, True), launch_buttons=launch)


def setup(app):
    """Called by Sphinx."""
    app.connect("config-inited", show_buttons, priority=100)  # before the theme reads its options
    return {"parallel_read_safe": True}
