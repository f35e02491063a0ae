"""CH-Dav (Davos Seehornwald), as far as public facts go; what is approximate is said to be."""

from elterra.domain.site import Patch, Site, annual_co2


def ch_dav() -> Site:
    """Facts of the Davos Seehornwald forest station.

    Vegetation is CLM5 PFT 2 (needleleaf evergreen boreal tree), not 1 (temperate): CLM separates the two
    by the coldest-month mean temperature of -19 degC, by which every Alpine stand is 'temperate', but the
    stand is Picea abies at the subalpine treeline fringe with a mean near 4 degC and the CalLMIP protocol,
    whose results can so be compared, also assigns PFT 2.
    """
    return Site(
        name="CH-Dav",
        latitude=46.81533,
        longitude=9.85591,
        elevation_m=1639.0,
        utc_offset_h=1.0,
        # tower sensors at 35 m; displacement of a 25 m stand about 0.67 h = 17 m
        reference_height_m=18.0,
        patches=(Patch(pft=2, weight=1.0, canopy_height_m=25.0),),
        soil_depth_m=(0.10, 0.24, 0.60),
        # 0-24 cm 58/32/10 % from the CalLMIP table; the deeper layer is assumed alike
        sand_pct=(58.0, 58.0, 58.0),
        clay_pct=(10.0, 10.0, 10.0),
        # podzol with a mor layer: approximate, falling with depth
        organic_kg_m3=(80.0, 35.0, 12.0),
        soil_color=15,
        topo_slope_deg=5.0,
        zbedrock_m=2.0,
        stand_age_years=240.0,
        ndep_gn_m2_yr=1.0,
        co2_ppm=annual_co2(),
        notes=(
            "Approximate: organic matter, soil colour, slope of the footprint, depth to bedrock, nitrogen "
            "deposition (order of 10 kg ha-1 yr-1, subalpine Switzerland), maximum stand age. Stand height "
            "about 25 m, leaf area index about 3.9, sensors at 35 m (site descriptions of ICOS CH-Dav)."
        ),
    )
