"""How the data of a window act on the members: the filter that the experiment chooses, its localisation, its relaxation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation import (
    ETKF,
    DeterministicFilter,
    Filter,
    FiniteSizeFilter,
    ObservationBatch,
    PerturbedFilter,
    Relaxation,
    SerialFilter,
    apply_transform,
    correlation_taper,
    group_taper,
    relaxed,
)
from elterra.pipeline.reanalysis.windows import CORRELATED, KINDS

Array = NDArray[np.float64]

CONTROL_GROUPS = ("parameters", "sensor", "water", "carbon")
#: control groups whose transform the smoother applies to the past: to fluxes, and to soil water as the sensor reports it
SMOOTHED_GROUPS = ("parameters", "sensor")

#: weight of an observation kind on a control group (1 where not listed)
LOCALISATION: Mapping[tuple[str, str], float] = {
    # a soil water sensor is precise and lasting: through chance correlations it would rule the fluxes
    ("parameters", "SWC"): 0.0,
    ("sensor", "NEE_night"): 0.0,
    ("sensor", "NEE_day"): 0.0,
    ("sensor", "LE"): 0.0,
    ("carbon", "SWC"): 0.0,
    ("carbon", "LE"): 0.0,
    # a stock of decades remembers every datum: for it, as for a calibration, data with a common error count less
    ("carbon", "NEE_night"): 1.0 / CORRELATED["NEE_night"],
    ("carbon", "NEE_day"): 1.0 / CORRELATED["NEE_day"],
    ("water", "NEE_night"): 0.0,
    ("water", "NEE_day"): 0.0,
}

#: filters by their name in the experiment file; `letkf` is an ETKF for every element of the control vector. No rotations:
#: what is not analysed (snow, plant pools) would lose its relation to what is.
FILTERS: Mapping[str, type[Filter]] = {
    "etkf": ETKF,
    "denkf": DeterministicFilter,
    "esrf": SerialFilter,
    "enkf": PerturbedFilter,
    "enkf_n": FiniteSizeFilter,
    "letkf": ETKF,
}


def filter_of(name: str, seed: int) -> Filter:
    """The filter of that name; draws, where it makes some, follow from the seed."""
    kind = FILTERS[name]
    return ETKF() if kind is ETKF else kind(seed=seed)  # type: ignore[call-arg]


class Controlled(Protocol):
    """What the analysis needs of a forecast model."""

    def controls(self) -> dict[str, Array]:
        """What the analysis moves, ``[element, member]``, by control group; weather errors as ``weather``."""


@dataclass(frozen=True)
class Analysed:
    """The transforms of a window: ``smoothed [smoothed group, member, member]`` for what is published, ``state`` by control
    group for what the next window begins with, analysed ``drift [parameter, member]``.

    A transform of ``state`` is one matrix for its group, or one for each of its elements, ``[element, member, member]``;
    the key ``weather`` (errors of the weather) is there where they do not go with the parameters.
    """

    smoothed: Array
    state: Mapping[str, Array]
    drift: Array


@dataclass(frozen=True)
class WindowAnalysis:
    """Filter, localisation and relaxation of a run.

    localisation: weights by (control group, kind of datum).
    by_element: every element of the control vector has a transform of its own, in which a datum has the weight of its
    group times that of its correlation with the element.
    relaxation: what is carried on is drawn back to the forecast; what is published is not.
    emulated: emulated members beside the true ones (`EmulatedMembers`).
    """

    filter: Filter = field(default_factory=ETKF)
    localisation: Mapping[tuple[str, str], float] = field(default_factory=lambda: LOCALISATION)
    by_element: bool = False
    relaxation: Relaxation = field(default_factory=Relaxation)
    emulated: int = 0

    def taper(self, used: ObservationBatch) -> Array:
        """Weights ``[control group, observation]``."""
        return group_taper(CONTROL_GROUPS, KINDS, used.group, self.localisation)

    def analyse(
        self,
        window: int,
        predicted: Array,
        used: ObservationBatch,
        drift: Array,
        of_sensor: NDArray[np.bool_],
        model: Controlled,
    ) -> Analysed:
        """Analyse ``drift [parameter, member]`` from data ``used`` and their predictions ``[observation, member]``.

        of_sensor ``[parameter]``: which parameters belong to the group ``sensor``. The model is asked for its controls only
        where the scheme looks at single elements; it is not changed.
        """
        method = self.filter.at(window)
        taper = self.taper(used)
        transforms = method.analyse(predicted, used, taper).transform
        state: dict[str, Array] = dict(zip(CONTROL_GROUPS, transforms, strict=True))
        smoothed = np.stack([state[g] for g in SMOOTHED_GROUPS])
        moved = of_sensor[:, None]
        if not (self.by_element or self.relaxation.by_element):
            state = {g: relaxed(t, self.relaxation) for g, t in state.items()}
            drift = np.where(moved, drift @ state["sensor"], drift @ state["parameters"])
            return Analysed(smoothed, state, drift)
        for name, values in {"drift": drift, **model.controls()}.items():
            group = _groups(name, len(values), of_sensor)
            own = transforms[group]
            if self.by_element and len(values):
                weights = taper[group] * correlation_taper(values, predicted)
                own = method.analyse(predicted, used, weights).transform
            state[name] = relaxed(own, self.relaxation, values)
        drift = apply_transform(drift, state.pop("drift"))
        return Analysed(smoothed, state, drift)


def _groups(name: str, elements: int, of_sensor: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Index in `CONTROL_GROUPS` of each element of a block of controls; errors of the weather go with the parameters."""
    if name == "drift":
        return np.where(of_sensor, CONTROL_GROUPS.index("sensor"), CONTROL_GROUPS.index("parameters"))
    return np.full(elements, CONTROL_GROUPS.index("parameters" if name == "weather" else name))
