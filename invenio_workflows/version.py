"""The version of this package; read from here by the build as well."""

__version__ = "8.0.0.dev0"
