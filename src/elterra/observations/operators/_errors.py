"""What goes wrong when a model is compared with a record."""

from elterra.errors import InputError


class OperatorError(InputError):
    """An operator cannot predict an observation from this model output; the text says what to do."""
