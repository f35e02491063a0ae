"""THE list of variables and of parameters.

Restart files, output, documentation and scores are derived from the two TOML tables beside this
file; nothing else in the package lists variables.
"""

from elterra.registry._reader import (
    Parameter,
    RegistryError,
    Variable,
    parameter,
    parameters,
    variable,
    variables,
)

__all__ = [
    "Parameter",
    "RegistryError",
    "Variable",
    "parameter",
    "parameters",
    "variable",
    "variables",
]
