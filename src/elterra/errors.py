"""Base classes of the errors that a person can act on."""


class ElterraError(Exception):
    """Base of every error that elterra raises on purpose."""


class InputError(ElterraError, ValueError):
    """An input (file, setting, site fact) is wrong; the message says where and what to do."""
