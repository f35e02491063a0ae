"""The choices of the land model decide which parameters an ensemble perturbs."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from elterra.domain import ch_dav
from elterra.errors import InputError
from elterra.land import Config
from elterra.pipeline.reanalysis.setup import DEFAULT_PARAMETERS, Station


def station(parameters=None, **choices) -> Station:
    ensemble = SimpleNamespace(parameters=parameters, members=6, free_members=4, seed=1)
    experiment = SimpleNamespace(ensemble=ensemble)
    cfg = replace(Config(stress="btran", capacity="prescribed", nitrogen="competition"), **choices)
    return Station(experiment, ch_dav(), {}, None, None, cfg)


def test_the_default_land_model_perturbs_the_default_parameters():
    assert tuple(p.name for p in station().priors()) == DEFAULT_PARAMETERS


def test_plant_hydraulics_and_luna_bring_their_own_parameters():
    names = {p.name for p in station(stress="phs", capacity="luna").priors()}
    assert {"kmax", "psi50", "leafcn", "jmaxb1"} <= names
    assert not names & {"smpsc", "vcmax25top", "acclim_weight"}
    drifting = station(stress="phs", capacity="luna").drift().sd
    assert set(drifting) <= names
    assert "jmaxb1" in drifting


def test_a_parameter_without_effect_is_refused_with_its_name():
    with pytest.raises(InputError, match=r"smpsc without effect.*phs"):
        station(("medlynslope", "smpsc"), stress="phs").priors()


def test_runs_without_data_have_fewer_members_and_never_more_than_the_ensemble():
    few = station()
    assert few.free_members == 4
    assert few.ensemble(few.free_members).members == 4
    few.experiment.ensemble.members = 3
    assert few.free_members == 3
