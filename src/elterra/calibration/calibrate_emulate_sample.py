"""Calibrate, emulate, sample (Cleary, Garbuno-Inigo, Lan, Schneider and Stuart 2021): a posterior from hundreds of runs.

1. a design as wide as the prior, and an ensemble inversion whose path leads to the posterior;
2. a design twice as wide as the posterior the inversion sees, on purpose: an ensemble that has collapsed to the optimum
   would leave the emulator without knowledge of the rest;
3. Gaussian processes on whitened, reduced outputs; parameters without effect are refused;
4. NUTS on the emulated posterior; rounds of new runs where it is unsure, each of them a test of the emulator first;
5. samples outside of the training runs are counted and beyond a limit refused.

Everything follows from the seed, and model runs are kept in the problem's ledger: run again, it gives the same bits
and repeats no finished run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.calibration._jax import jax
from elterra.calibration.calibration_result import CalibrationResult
from elterra.calibration.chain_diagnostics import bulk_ess, split_rhat, tail_ess
from elterra.calibration.coverage import predictive_coverage
from elterra.calibration.design import prior_design
from elterra.calibration.emulator import Emulator, train
from elterra.calibration.gaussian_process import Kernel
from elterra.calibration.hamiltonian import Chains, sample_hamiltonian
from elterra.calibration.hull import LIMIT
from elterra.calibration.inversion import Inversion, Method, invert
from elterra.calibration.posterior import ModelDiscrepancy, Target, log_posterior, target_of
from elterra.calibration.problem import InverseProblem, Runs
from elterra.calibration.reduction import informed_subspace, reduce_outputs
from elterra.calibration.refinement import choose_runs, emulator_doubt
from elterra.calibration.screening import morris_effects, refuse_without_effect
from elterra.calibration.transform_inversion import CalibrationError
from elterra.calibration.validation import Validation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """How much of everything. Model runs: about ``design + members * 5 + wide + rounds * refine``, at most ``budget``.

    ``training``: at most so many runs train the emulator, those nearest to the posterior (None: all). ``components``:
    a fixed number of output components (None: as many as rise above the noise). ``doubt``: emulator variance averaged
    over the posterior, summed over components in units of the noise, at which refinement ends. ``widen``: width of the
    second design in posterior sd. ``fit_rounds``, ``refit_rounds``: evaluations of the hyperparameter search, first and
    after a refinement.
    """

    design: int = 128
    members: int | None = None
    method: Method = "etki"
    iterations: int = 12
    wide: int = 128
    widen: float = 2.0
    rounds: int = 4
    refine: int = 64
    doubt: float = 0.02
    budget: int = 1000
    training: int | None = None
    components: int | None = None
    kernel: Kernel = "matern52"
    restarts: int = 2
    fit_rounds: int = 60
    refit_rounds: int = 25
    chains: int = 4
    draws: int = 1000
    warm_up: int = 400
    hull_limit: float = LIMIT
    screen: bool = True


class CalibrateEmulateSample:
    """One calibration. `run` does all of it; the parts can be looked at afterwards."""

    def __init__(
        self,
        problem: InverseProblem,
        settings: Settings | None = None,
        *,
        discrepancy: ModelDiscrepancy | None = None,
        hyperparameters: Array | None = None,
        seed: int = 0,
    ) -> None:
        """``hyperparameters [p + 4]`` or ``[r, p + 4]`` of a similar emulator: where the search for them begins."""
        self.problem, self.settings = problem, settings or Settings()
        self.discrepancy, self.seed = discrepancy, seed
        self.hyperparameters = hyperparameters
        self.inversion: Inversion | None = None
        self.emulator: Emulator | None = None
        self.weak: tuple[str, ...] = ()

    def run(self) -> CalibrationResult:
        """The posterior. Raises `CalibrationError` where it could not be trusted."""
        s, problem = self.settings, self.problem
        p = len(problem.maps)
        wide = problem.evaluate(prior_design(p, s.design, self.seed))
        inversion = self.inversion = invert(
            problem, s.method, members=s.members, iterations=s.iterations, seed=self.seed
        )
        around = problem.evaluate(self._around(inversion, p))
        runs = Runs.join([wide, inversion.runs, around])
        emulator = self._train(runs, inversion.mean, inversion.covariance, None)
        if s.screen:
            self._screen(wide)
        held_out: list[Validation] = []
        mean, covariance = inversion.mean, self._guess(inversion.covariance)
        doubts = []
        for number in range(s.rounds + 1):
            chains = self._sample(emulator, mean, covariance, number)
            flat = chains.samples.reshape(-1, chains.samples.shape[2])[:, :p]
            doubts.append(float(emulator_doubt(emulator, flat[:: max(len(flat) // 500, 1)]).mean()))
            spent = problem.runs + s.refine > s.budget
            if number == s.rounds or doubts[-1] < s.doubt or spent:
                break
            mean, covariance = flat.mean(axis=0), self._guess(np.cov(flat.T))
            new = problem.evaluate(choose_runs(emulator, flat, s.refine, self.seed + 31 * number))
            held_out.append(emulator.held_out(new))
            runs = Runs.join([runs, new])
            emulator = self._train(runs, mean, covariance, emulator)
        return self._result(emulator, chains, runs, held_out, doubts)

    def _around(self, inversion: Inversion, p: int) -> Array:
        s = self.settings
        root = np.linalg.cholesky(self._guess(inversion.covariance))
        return inversion.mean + s.widen * prior_design(p, s.wide, self.seed + 1) @ root.T

    @staticmethod
    def _guess(covariance: Array) -> Array:
        """A covariance with a floor: an ensemble that has collapsed in a direction has not learned it exactly."""
        covariance = np.atleast_2d(covariance)
        return np.asarray(covariance + 1e-4 * np.eye(len(covariance)))

    def _train(self, runs: Runs, mean: Array, covariance: Array, before: Emulator | None) -> Emulator:
        s = self.settings
        alive = runs.survivors()
        if s.training is not None and len(alive.z) > s.training:
            away = np.linalg.solve(np.linalg.cholesky(self._guess(covariance)), (alive.z - mean).T)
            keep = np.sort(np.argsort((away**2).sum(axis=0), kind="stable")[: s.training])
            alive = Runs(alive.z[keep], alive.white[keep], alive.good[keep])
        if before is not None:
            reduction, start = before.reduction, np.asarray(before.gp.theta)
        else:
            start = self.hyperparameters
            reduction = (
                reduce_outputs(alive.white)
                if s.components is None
                else reduce_outputs(alive.white, least=-1.0, at_most=s.components)
            )
        if start is not None and start.ndim == 1:
            start = np.tile(start, (reduction.basis.shape[1], 1))
        self.emulator = train(
            alive, kernel=s.kernel, restarts=s.restarts, rounds=s.refit_rounds if before else s.fit_rounds,
            seed=self.seed, reduction=reduction, start=start,
        )  # fmt: skip
        return self.emulator

    def _screen(self, wide: Runs) -> None:
        """Refuse parameters without effect; an emulator of the prior-wide runs says which are suspect."""
        alive = wide.survivors()
        emulator = train(alive, kernel=self.settings.kernel, restarts=1, rounds=self.settings.refit_rounds)
        effects = morris_effects(lambda z: emulator.predict(z)[0], alive.z.shape[1], seed=self.seed)
        self.weak = refuse_without_effect(self.problem, effects.strength.max(axis=1))

    def _sample(self, emulator: Emulator, mean: Array, covariance: Array, number: int) -> Chains:
        s, p = self.settings, len(mean)
        target = target_of(emulator, self.problem.data, self.discrepancy)
        rng = np.random.default_rng([self.seed, 77, number])
        start = mean + rng.standard_normal((s.chains, p)) @ np.linalg.cholesky(covariance).T
        if self.discrepancy is not None:
            start = np.concatenate([start, 0.5 * rng.standard_normal((s.chains, 1))], axis=1)
            wider = np.eye(p + 1)
            wider[:p, :p] = covariance
            covariance = wider
        return sample_hamiltonian(
            _DENSITIES[s.kernel], start, arguments=(target,), draws=s.draws, warm_up=s.warm_up,
            covariance=covariance, seed=self.seed * 1009 + number,
        )  # fmt: skip

    def _result(
        self, emulator: Emulator, chains: Chains, runs: Runs, held_out: list[Validation], doubts: list[float]
    ) -> CalibrationResult:
        problem, p = self.problem, len(self.problem.maps)
        samples = chains.samples
        if not np.isfinite(samples).all():
            raise CalibrationError("the chains are not finite; look at the emulator's validation")
        flat = samples.reshape(-1, samples.shape[2])
        outside = emulator.hull.refuse(flat[:, :p], problem.names, self.settings.hull_limit)
        return CalibrationResult(
            names=problem.names,
            z=samples,
            physical=problem.maps.to_physical(samples[..., :p]),
            rhat=split_rhat(samples),
            bulk_ess=bulk_ess(samples),
            tail_ess=tail_ess(samples),
            divergences=chains.divergences,
            outside=outside,
            model_runs=problem.runs,
            failed_runs=int((~runs.good).sum()),
            doubt=tuple(doubts),
            leave_one_out=emulator.validation,
            held_out=tuple(held_out),
            informed=informed_subspace(runs.survivors().z, runs.survivors().white).informed,
            weak=self.weak,
            coverage=predictive_coverage(
                self._predictions(emulator, flat), np.ones(problem.data.size), problem.data.white, self.seed
            ),
        )

    def _predictions(self, emulator: Emulator, flat: Array, most: int = 1000) -> Array:
        """Posterior predictions of the whitened data ``[k, n]`` without their noise: emulator and its error, discrepancy."""
        p = len(self.problem.maps)
        some = flat[:: max(len(flat) // most, 1)]
        rng = np.random.default_rng([self.seed, 55])
        mean, variance = emulator.predict(some[:, :p])
        drawn = emulator.reduction.expand(mean + np.sqrt(variance) * rng.standard_normal(mean.shape))
        if self.discrepancy is not None:
            wrong = self.problem.data.whiten(self.discrepancy.basis.T)
            tau = self.discrepancy.amplitude * np.exp(self.discrepancy.spread * some[:, p])
            drawn = drawn + tau[:, None] * (rng.standard_normal((len(some), len(wrong))) @ wrong)
        return drawn


def _density_matern(z: jax.Array, target: Target) -> jax.Array:
    return log_posterior(z, target, "matern52")


def _density_rbf(z: jax.Array, target: Target) -> jax.Array:
    return log_posterior(z, target, "rbf")


#: one object a kernel, so that all calibrations share a compiled sampler
_DENSITIES = {"matern52": _density_matern, "rbf": _density_rbf}


def density_of(kernel: Kernel) -> Callable[[jax.Array, Target], jax.Array]:
    """The logarithm of the posterior ``(z, target)`` as an object that compiled samplers are found by."""
    return _DENSITIES[kernel]
