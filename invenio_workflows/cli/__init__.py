"""``flask workflows …``: the verbs and the lists at a terminal."""

from .group import workflows as workflows
