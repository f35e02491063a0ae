"""elterra: an ecosystem reanalysis of Europe's water, energy, carbon and nitrogen.

Importing the package is cheap on purpose (budget 0.5 s, tested): rooms are imported where they
are used.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
