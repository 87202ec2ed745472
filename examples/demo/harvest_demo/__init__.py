"""A small site: it harvests arXiv, and a person decides about what is unclear."""
