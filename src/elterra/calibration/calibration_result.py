"""What a calibration found, in physical units, with what is needed to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.calibration.validation import Validation

Array = NDArray[np.float64]

#: limits of the diagnostics (Vehtari et al. 2021)
RHAT, ESS_PER_CHAIN = 1.01, 100.0


@dataclass(frozen=True)
class CalibrationResult:
    """Posterior samples ``z``, ``physical [chain, draw, p]`` (``z`` may have one more: the amplitude of a discrepancy).

    ``doubt``: emulator variance averaged over the posterior before each round, in units of the noise. ``leave_one_out``,
    ``held_out``: scores of the emulator, the second on the runs of each round before it saw them. ``outside``: share of
    the samples outside of the training runs. ``informed``: input directions about which the data say something.
    ``weak``: parameters with hardly an effect. ``coverage``: by probability, share of the data within the central interval
    of the posterior prediction, noise included.
    """

    names: tuple[str, ...]
    z: Array
    physical: Array
    rhat: Array
    bulk_ess: Array
    tail_ess: Array
    divergences: int
    outside: float
    model_runs: int
    failed_runs: int
    doubt: tuple[float, ...]
    leave_one_out: Validation
    held_out: tuple[Validation, ...]
    informed: int
    weak: tuple[str, ...]
    coverage: dict[float, float]

    @property
    def samples(self) -> Array:
        """All draws in physical units, ``[draw, p]``."""
        return self.physical.reshape(-1, len(self.names))

    @property
    def standard(self) -> Array:
        """All draws in units of the prior, ``[draw, p]``."""
        return self.z[..., : len(self.names)].reshape(-1, len(self.names))

    @property
    def converged(self) -> bool:
        """R-hat, effective sizes and divergences within their limits."""
        enough = ESS_PER_CHAIN * len(self.z)
        return bool(
            (self.rhat < RHAT).all()
            and (self.bulk_ess > enough).all()
            and (self.tail_ess > enough).all()
            and self.divergences == 0
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        draws = self.samples
        quantiles = np.quantile(draws, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
        return {
            "parameters": {
                name: {
                    "mean": float(draws[:, i].mean()),
                    "sd": float(draws[:, i].std(ddof=1)),
                    **{f"q{q:02d}": float(quantiles[k, i]) for k, q in enumerate((5, 25, 50, 75, 95))},
                    "shift_in_prior_sd": float(self.standard[:, i].mean()),
                    "sd_over_prior": float(self.standard[:, i].std(ddof=1)),
                    "rhat": float(self.rhat[i]),
                    "bulk_ess": float(self.bulk_ess[i]),
                    "tail_ess": float(self.tail_ess[i]),
                }
                for i, name in enumerate(self.names)
            },
            "model_runs": self.model_runs,
            "failed_runs": self.failed_runs,
            "divergences": self.divergences,
            "outside": self.outside,
            "doubt": list(self.doubt),
            "informed": self.informed,
            "weak": list(self.weak),
            "coverage": {f"{100 * level:.0f}": share for level, share in self.coverage.items()},
            "emulator": {
                "leave_one_out": self.leave_one_out.summary(),
                "held_out": [one.summary() for one in self.held_out],
            },
            "converged": self.converged,
        }

    def to_text(self) -> str:
        """A table for people."""
        told = self.to_dict()
        lines = [
            f"{'parameter':<24}{'median':>12}{'5 %':>12}{'95 %':>12}{'sd/prior':>10}{'R-hat':>8}{'ESS':>8}"
        ]
        for name, one in told["parameters"].items():
            lines.append(
                f"{name:<24}{one['q50']:>12.5g}{one['q05']:>12.5g}{one['q95']:>12.5g}"
                f"{one['sd_over_prior']:>10.3f}{one['rhat']:>8.3f}{one['bulk_ess']:>8.0f}"
            )
        lines.append(
            f"{self.model_runs} model runs, {self.failed_runs} failed; {self.divergences} divergences; "
            f"{self.outside:.2%} of the samples outside of the training runs; emulator variance {self.doubt[-1]:.3g} of "
            f"the noise; 90 % intervals hold {self.coverage[0.9]:.0%} of the data"
        )
        lines.append(
            "converged" if self.converged else "NOT converged: look at R-hat, effective sizes, divergences"
        )
        return "\n".join(lines)
