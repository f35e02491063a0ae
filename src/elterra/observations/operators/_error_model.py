"""Error of an observation: a random part that averages out and a representativeness part that does not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ErrorModel:
    """sd = absolute + relative |x| of either part.

    Attributes
    ----------
    units : of the observation and of the absolute parts
    random : (absolute, relative) of the random error of one value
    representativeness : (absolute, relative) of what the measured volume differs from the model column
    source : where the numbers come from; "choice" where they are ours
    counting : the random part is that of a count, its root, beside `random`
    """

    units: str
    random: tuple[float, float]
    representativeness: tuple[float, float]
    source: str
    counting: bool = False

    def random_sd(self, value: Array) -> Array:
        """Sd of the random error of `value` (any shape)."""
        plain = self.random[0] + self.random[1] * np.abs(value)
        return np.hypot(plain, np.sqrt(np.maximum(value, 0.0))) if self.counting else plain

    def representativeness_sd(self, value: Array) -> Array:
        """Sd of the representativeness error of `value` (any shape)."""
        return self.representativeness[0] + self.representativeness[1] * np.abs(value)

    def text(self) -> str:
        """One line for the documentation: random; representativeness."""

        def part(numbers: tuple[float, float]) -> str:
            terms = [f"{numbers[0]:g}"] if numbers[0] else []
            terms += [f"{100 * numbers[1]:g} %"] if numbers[1] else []
            return " + ".join(terms) or "0"

        random = "root of the count" if self.counting else part(self.random)
        return f"{random}; {part(self.representativeness)}"
