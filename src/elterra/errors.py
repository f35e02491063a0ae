"""Errors that a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class ElterraError(Exception):
    """Base of all errors that elterra raises on purpose."""


class InputError(ElterraError, ValueError):
    """An input is unusable; the text says what, where, and what to do."""


class InputErrors(InputError):
    """Several faults of an input, told at once: one line each."""

    def __init__(self, errors: tuple[InputError, ...]) -> None:
        self.errors = errors
        super().__init__("\n".join(str(e) for e in errors))


class Faults:
    """Collects the faults of an input, so that a person mends all of them in one go."""

    def __init__(self) -> None:
        self.errors: list[InputError] = []

    def add(self, error: InputError) -> None:
        """Keeps `error`; a group of errors is kept as its members, one that is there already is not kept twice."""
        known = {str(e) for e in self.errors}
        new = error.errors if isinstance(error, InputErrors) else (error,)
        self.errors += [e for e in new if str(e) not in known]

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Keeps an `InputError` of the block and goes on behind it."""
        try:
            yield
        except InputError as error:
            self.add(error)

    def raise_any(self) -> None:
        """Raises what was kept: a single fault as it is, several as `InputErrors`."""
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            raise InputErrors(tuple(self.errors))
