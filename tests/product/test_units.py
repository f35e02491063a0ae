"""Units change in one place, and back again."""

from __future__ import annotations

import numpy as np
import pytest

from elterra.product import units
from elterra.registry import variables


def test_known_conversions() -> None:
    assert units.convert(1e-6 * 12.011, "gC m-2 s-1", "umolCO2 m-2 s-1") == pytest.approx(1.0)
    assert units.convert(273.15, "K", "degC") == pytest.approx(0.0)
    assert units.convert(0.25, "m3 m-3", "%") == pytest.approx(25.0)
    assert units.convert(1e-5, "kg m-2 s-1", "mm d-1") == pytest.approx(0.864)


def test_every_conversion_goes_back() -> None:
    x = np.array([-3.0, 0.0, 250.0])
    for a, b in units._TABLE:
        np.testing.assert_allclose(units.convert(units.convert(x, a, b), b, a), x, atol=1e-12)


def test_a_spread_has_no_offset_and_no_sign() -> None:
    assert units.convert_spread(2.0, "K", "degC") == 2.0
    assert units.convert_spread(2.0, "degC", "K") == 2.0


def test_an_unknown_pair_is_an_error() -> None:
    with pytest.raises(units.UnitError, match="furlong"):
        units.conversion("K", "furlong")


def test_every_product_variable_can_be_displayed() -> None:
    for entry in variables().values():
        for scale in entry.output:
            units.conversion(entry.units, units.display_units(entry.units, scale))
