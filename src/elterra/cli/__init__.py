"""The command line: one file a verb. Heavy libraries are imported by the verb that needs them."""

from elterra.cli._app import main

__all__ = ["main"]
