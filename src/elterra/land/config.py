"""Static configuration of the land model: sizes and switches that change the compiled program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NLEVGRND = 25  #: thermal layers, to 49.556 m
NLEVSOI = 20  #: hydrologic and biogeochemical layers, to 8.60 m
NPOOLS = 7  #: decomposition pools, in the order of POOLS
#: litter 1 (metabolic), 2 (cellulose), 3 (lignin), coarse woody debris, soil 1 (active),
#: 2 (slow), 3 (passive)
POOLS = ("litr1", "litr2", "litr3", "cwd", "soil1", "soil2", "soil3")
NBANDS = 2  #: visible, near infrared


@dataclass(frozen=True)
class Config:
    """Hashable: a new value means a new compilation.

    ``mode`` "bgc" has prognostic vegetation and soil C and N, "sp" takes leaf and stem area and
    canopy height from the forcing. ``stress`` "phs" is plant hydraulics, "btran" stress by soil water alone;
    ``capacity`` "luna" lets leaf nitrogen follow light, temperature and CO2, "prescribed" takes ``vcmax25top``.
    ``nitrogen`` "fun": plants buy nitrogen with carbon, tissue C:N floats
    (CLM5); "competition": uptake is free, tissue C:N is fixed, and GPP is cut where nitrogen lacks (CLM4.5).
    ``fire`` "li": open, agricultural and peat fires after Li et al. (CLM5's li2016), with states of their own; "off": none.
    ``aerosols`` "constant": soot in the snow is one constant; "deposition": black carbon and dust fall with the forcing, are
    washed down and buried (a state of its own). ``substeps`` of the soil water: "two" always, or "adaptive", as many as its
    error asks for (CLM5; no reverse derivative).
    """

    dt: float = 1800.0
    nlevsno: int = 12
    mode: Literal["bgc", "sp"] = "bgc"
    leaf_iterations: int = 8
    stress: Literal["phs", "btran"] = "phs"
    capacity: Literal["luna", "prescribed"] = "luna"
    nitrogen: Literal["fun", "competition"] = "fun"
    fire: Literal["off", "li"] = "off"
    aerosols: Literal["constant", "deposition"] = "constant"
    substeps: Literal["two", "adaptive"] = "two"

    def __post_init__(self) -> None:
        if self.fire != "off" and self.mode != "bgc":
            raise ValueError(f"fire {self.fire!r} needs pools that burn: mode 'bgc', got {self.mode!r}")

    @property
    def nlevtot(self) -> int:
        """Snow and ground layers together; the first ``nlevsno`` are snow."""
        return self.nlevsno + NLEVGRND
