"""Our worker as a process: ``python -m benchmarks.delayed.program 2``.

Celery's own program finds ``celery`` here.
"""

from __future__ import annotations

import sys

from invenio_workflows.proxies import current_workflows

from .site import make_app, told


def __getattr__(name: str) -> object:
    """Make the site when Celery asks for it."""
    if name == "celery":
        return make_app(told()).extensions["celery"]
    raise AttributeError(name)


def main() -> None:
    """Work until SIGTERM, on so many objects at a time."""
    with make_app(told()).app_context():
        worker = current_workflows.worker
        print("ready", flush=True)
        worker.run((), int(sys.argv[1]))


if __name__ == "__main__":
    main()
