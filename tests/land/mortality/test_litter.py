"""Profiles and the split of dead matter."""

import jax.numpy as jnp
import numpy as np

from bgc_setup import CFG, make_p
from elterra.land.mortality import litter_to_soil, mortality_fraction, root_profile, surface_profile

P = make_p(((1, 7), (13, 0)), wt=np.array([[0.6, 0.3], [0.4, 0.7]]))
DZ = P.dzsoi[:20]


def test_profiles_integrate_to_one():
    np.testing.assert_allclose((surface_profile(P) * DZ).sum(0), 1.0, rtol=1e-14)
    np.testing.assert_allclose((root_profile(P) * DZ[:, None]).sum(0), 1.0, rtol=1e-14)
    assert float(surface_profile(P)[8:].max()) == 0.0
    # bare ground has no roots: all in the top layer
    assert float(root_profile(P)[1:, 1, 1].max()) == 0.0


def test_all_dead_matter_arrives():
    rng = np.random.default_rng(0)
    names = ("leaf", "froot", "stem", "croot", "labile_above", "labile_below")
    planted = jnp.asarray(P.pft > 0, float)
    dead = {n: jnp.asarray(rng.uniform(0, 1, (2, 2))) * planted for n in names}
    soil = litter_to_soil(P, surface_profile(P), root_profile(P), **dead)
    total = sum((dead[n] * P.wt).sum(0) for n in names)
    np.testing.assert_allclose((soil * DZ).sum((0, 1)), total, rtol=1e-13)
    wood = ((dead["stem"] + dead["croot"]) * P.wt).sum(0)
    np.testing.assert_allclose((soil[3] * DZ).sum(0), wood, rtol=1e-13)
    lignin = (0.25 * (dead["leaf"] + dead["froot"]) * P.wt).sum(0)
    np.testing.assert_allclose((soil[2] * DZ).sum(0), lignin, rtol=1e-13)


def test_two_percent_die_in_a_year():
    np.testing.assert_allclose(mortality_fraction(P, CFG) * 17520, 0.02, rtol=1e-12)
