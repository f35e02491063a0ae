"""Namelists are read as Fortran reads them, and what the model does not have is told."""

from __future__ import annotations

from elterra.clm.namelist import check_switches, flat, namelist_parameters, parse_namelist

TEXT = """
&clm_inparm
 albice = 0.50,0.30   ! two numbers
 finidat = ' '
 fsurdat = 'a!b/surfdata.nc'
 nlevsno = 12
 use_luna = .true.
 zetamaxstable = 0.5d00
 hist_fincl2 = 'FPSN:I','TSA=x',
   'TG'
/
&empty
/
&luna
 jmaxb1 = 0.093563
/
"""


def test_values_have_their_types():
    groups = parse_namelist(TEXT)
    assert groups["clm_inparm"] == {
        "albice": [0.5, 0.3],
        "finidat": " ",
        "fsurdat": "a!b/surfdata.nc",
        "nlevsno": 12,
        "use_luna": True,
        "zetamaxstable": 0.5,
        "hist_fincl2": ["FPSN:I", "TSA=x", "TG"],
    }
    assert groups["empty"] == {}
    assert flat(groups)["jmaxb1"] == 0.093563


def test_a_switch_the_model_does_not_have_is_reported_and_one_it_has_is_used():
    entries = {"irrigate": True, "use_bedrock": True, "use_hydrstress": True, "use_luna": True}
    report = check_switches(entries, known={"vcmx25"})
    assert set(report.unsupported) == {"irrigate", "use_hydrstress"}
    assert set(report.used) == {"use_bedrock", "use_luna"}
    assert any(line.startswith("NOT MODELLED irrigate") for line in report.lines())


def test_numbers_of_the_namelist_become_parameters_of_the_registry():
    entries = {"zetamaxstable": 0.1, "baseflow_scalar": 0.002, "jmaxb1": 0.09, "initial_cstocks_depth": "x"}
    got = namelist_parameters(entries, {"zeta_max_stable", "baseflow_scalar"})
    assert got == {"zeta_max_stable": 0.1, "baseflow_scalar": 0.002}


def test_a_list_of_the_namelist_becomes_a_parameter_each():
    entries = {"cmb_cmplt_fact": [0.5, 0.28], "lfuel": 105.0, "bt_min": 0.85}
    got = namelist_parameters(entries, {"cmb_cmplt_fact_litter", "cmb_cmplt_fact_cwd", "lfuel"})
    assert got == {"cmb_cmplt_fact_litter": 0.5, "cmb_cmplt_fact_cwd": 0.28, "lfuel": 105.0}


def test_fires_of_an_older_scheme_are_reported():
    assert set(check_switches({"fire_method": "li2016crufrc"}, set()).used) == {"fire_method"}
    assert set(check_switches({"fire_method": "nofire"}, set()).used) == {"fire_method"}
    assert set(check_switches({"fire_method": "li2014qianfrc"}, set()).unsupported) == {"fire_method"}
