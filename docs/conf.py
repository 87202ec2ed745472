"""Sphinx's configuration. Build with `scripts/docs`; a warning is an error."""

from __future__ import annotations

from invenio_workflows import __version__

project = "invenio_workflows"
author = "The invenio_workflows authors"
copyright = f"2026, {author}"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
nitpick_ignore_regex = [("py:.*", ".*")]

#: Links to headings are written as GitHub makes them, and so work there too.
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"

html_theme = "alabaster"
html_title = f"invenio_workflows {release}"
html_theme_options = {
    "description": "Work on data that a program starts and a person finishes.",
    "fixed_sidebar": True,
    "page_width": "1000px",
}
html_sidebars = {"**": ["about.html", "searchbox.html", "navigation.html"]}
html_show_sourcelink = False
