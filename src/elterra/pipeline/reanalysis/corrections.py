"""What the discrepancy of a tower's fluxes means for the fluxes of the land and for the parts they are made of.

The correction of a whole is shared among its parts in proportion to what the ensemble mean of the model says of them in
the same step, so that parts sum to wholes in every member of the product as they do in the model. Shares are numbers of a
step, the same for all members: corrections stay linear in the members, and so do budgets of means. Nothing is clipped.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from elterra.land.constants import HVAP
from elterra.pipeline.reanalysis.station import GRAM_C_PER_UMOL

Array = NDArray[np.float64]

#: parts of evapotranspiration; they sum to it
OF_EVAPORATION = ("TRAN", "ESOIL", "ECAN")
#: carbon fluxes that are needed to share the correction of respiration: autotrophic is GPP - NPP
OF_RESPIRATION = ("GPP", "NPP", "HR")


def land_corrections(added: Mapping[str, Array], closure: float) -> dict[str, Array]:
    """What a discrepancy of the tower's fluxes means for the land's ``[step, member]``, in the units of the registry.

    Carbon fluxes: from umol m-2 s-1. Latent heat: what the tower sees over its ``closure``; evaporation follows, and
    sensible heat gives what latent heat takes, so that the surface energy closes.
    """
    out = {n: added[n] * GRAM_C_PER_UMOL for n in ("NEE", "GPP", "ER") if n in added}
    if "LE" in added:
        out["LE"] = added["LE"] / closure
        out["H"] = -out["LE"]
        out["EVAP"] = out["LE"] / HVAP
    return out


def part_corrections(correction: Mapping[str, Array], model: Mapping[str, Array]) -> dict[str, Array]:
    """Corrections ``[step, member]`` of the parts of what is corrected, in the units of the registry.

    model: ``[step, member]`` of the model by name. With share :math:`h` of heterotrophic respiration:
    HR gets :math:`h` of the correction of ER, NPP that of GPP less :math:`1 - h` of that of ER, so that
    ER = (GPP - NPP) + HR and NEE = HR - NPP. Transpiration, evaporation of the soil and of leaves share that of EVAP.
    """
    out: dict[str, Array] = {}
    mean = {
        n: model[n].mean(axis=-1, keepdims=True) for n in (*OF_RESPIRATION, *OF_EVAPORATION) if n in model
    }
    if "ER" in correction and "GPP" in correction and all(n in mean for n in OF_RESPIRATION):
        of_soil, of_plants = shares(mean["HR"], mean["GPP"] - mean["NPP"])
        out["HR"] = of_soil * correction["ER"]
        out["NPP"] = correction["GPP"] - of_plants * correction["ER"]
    if "EVAP" in correction and all(n in mean for n in OF_EVAPORATION):
        parts = shares(*(mean[n] for n in OF_EVAPORATION))
        out |= {n: part * correction["EVAP"] for n, part in zip(OF_EVAPORATION, parts, strict=True)}
    return out


def shares(*parts: Array) -> tuple[Array, ...]:
    """Share of each of some parts by its size, whatever its sign (dew is negative); alike where all are zero. Sum 1."""
    size = np.abs(np.stack(parts))
    total = size.sum(axis=0)
    share = np.where(total > 0.0, size / np.where(total > 0.0, total, 1.0), 1.0 / len(parts))
    return tuple(share)
