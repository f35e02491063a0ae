import numpy as np

from elterra.calibration import Data, InverseProblem, langevin_sampler, start_ensemble

from .problems import COVARIANCE, MEAN, STANDARD, VARIANCE, Y, in_units, linear, linear_problem


def test_aldi_samples_the_exact_posterior_of_a_linear_problem():
    means, covariances = [], []
    for seed in range(6):
        found = langevin_sampler(linear_problem(), start_ensemble(2, 40, seed), 300, burn_in=100, seed=seed)
        flat = found.samples.reshape(-1, 2)
        mean, covariance = in_units(flat.mean(axis=0), np.cov(flat.T))
        means.append(mean)
        covariances.append(np.diag(covariance))
    for found, true in ((means, MEAN), (covariances, np.diag(COVARIANCE))):
        standard_error = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
        # 3.7: Student's t with five degrees of freedom where a normal error has 3
        assert (np.abs(np.mean(found, axis=0) - true) < 3.7 * standard_error + 0.02 * np.abs(true)).all()


def test_failed_members_do_not_stop_it():
    def forward(x):
        out = linear(x)
        out[x[:, 0] > 1.0] = np.nan
        return out

    problem = InverseProblem(forward, STANDARD, Data(Y, VARIANCE), minimum_success=0.3)
    found = langevin_sampler(problem, start_ensemble(2, 30, 0), 20, burn_in=10)
    assert problem.failed > 0
    assert np.isfinite(found.samples).all()
    assert (np.diff(found.time) > 0).all()
