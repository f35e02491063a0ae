"""Every figure that the documentation quotes: one file a bench, run by ``elterra bench NAME``."""

from elterra.bench._registry import contract, machine, names, run

__all__ = ["contract", "machine", "names", "run"]
