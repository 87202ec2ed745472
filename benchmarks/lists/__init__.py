"""Lists over a million objects, and Flask-Admin's own view of the same table."""
