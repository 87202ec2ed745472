"""The document's door to what a delayed verb returns."""

from .results import AsynchronousResultWrapper, uuid_to_workflow

__all__ = ["AsynchronousResultWrapper", "uuid_to_workflow"]
