"""Errors that a person can act on."""


class ElterraError(Exception):
    """Base of all errors that elterra raises on purpose."""


class InputError(ElterraError, ValueError):
    """An input is unusable; the text says what, where, and what to do."""
