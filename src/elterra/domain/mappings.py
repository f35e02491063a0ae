"""Coordinate systems of grids: latitude-longitude, rotated pole, Lambert azimuthal equal-area.

Latitudes are taken as latitudes on a sphere, as land and climate models take them, for every system but the
last, which is defined on an ellipsoid. The sphere has the area of that ellipsoid, so that totals agree:
:data:`RADIUS`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping as AbcMapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from elterra.errors import InputError

#: radius of the sphere with the surface of the GRS80 ellipsoid, m (also the sphere of MODIS land products)
RADIUS = 6371007.181
#: GRS80 ellipsoid: semi-major axis (m) and inverse flattening
GRS80 = (6378137.0, 298.257222101)


class Mapping(Protocol):
    """A coordinate system whose lines x = const and y = const bound the cells of a grid."""

    def forward(self, lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x, y of latitudes and longitudes (degrees, any equal shapes)."""

    def inverse(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Latitude and longitude (degrees, longitude -180..180) of x, y."""

    def plane(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates u(x), v(y) whose product du dv is area in m2 (on the sphere or on the ellipsoid)."""

    @property
    def periodic(self) -> float:
        """Length of one turn in x, 0 where x does not come back."""

    @property
    def spherical(self) -> bool:
        """Whether du dv is area on the sphere."""

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the CF grid mapping variable."""


def wrap(lon: np.ndarray | float, centre: float = 0.0) -> np.ndarray:
    """Longitudes (degrees) moved by whole turns into ``centre - 180 <= lon < centre + 180``."""
    moved = np.asarray(lon, float) - centre + 180.0
    return moved - 360.0 * np.floor(moved / 360.0) - 180.0 + centre


class _OnSphere:
    """x is a longitude, y a latitude, in degrees: the cylindrical equal-area plane is (x, sin y)."""

    periodic = 360.0
    spherical = True

    def plane(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u = R * x (m), v = R * sin(y) (m)."""
        return RADIUS * np.deg2rad(np.asarray(x, float)), RADIUS * np.sin(np.deg2rad(np.asarray(y, float)))


@dataclass(frozen=True)
class LatLon(_OnSphere):
    """Longitude and latitude."""

    def forward(self, lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x is the longitude, y the latitude."""
        return np.asarray(lon, float), np.asarray(lat, float)

    def inverse(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As they are; the longitude in -180..180."""
        return np.asarray(y, float), wrap(x)

    @property
    def attrs(self) -> dict[str, Any]:
        """CF: ``latitude_longitude``."""
        return {"grid_mapping_name": "latitude_longitude", "earth_radius": RADIUS}


@dataclass(frozen=True)
class RotatedPole(_OnSphere):
    """Longitude and latitude about another pole, as CF and CORDEX define them.

    `pole_lat`, `pole_lon`: the rotated north pole in true coordinates, degrees.
    """

    pole_lat: float
    pole_lon: float

    def forward(self, lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotated longitude and latitude (degrees)."""
        a, b = math.radians(self.pole_lat), np.deg2rad(np.asarray(lon, float) - self.pole_lon)
        phi = np.deg2rad(np.asarray(lat, float))
        east = -np.cos(phi) * np.sin(b)
        across = np.sin(phi) * math.cos(a) - np.cos(phi) * np.cos(b) * math.sin(a)
        up = np.sin(phi) * math.sin(a) + np.cos(phi) * np.cos(b) * math.cos(a)
        return np.rad2deg(np.arctan2(east, across)), np.rad2deg(np.arctan2(up, np.hypot(east, across)))

    def inverse(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """True latitude and longitude (degrees)."""
        a, lam = math.radians(self.pole_lat), np.deg2rad(np.asarray(x, float))
        phi = np.deg2rad(np.asarray(y, float))
        east = -np.cos(phi) * np.sin(lam)
        across = np.sin(phi) * math.cos(a) - np.cos(phi) * np.cos(lam) * math.sin(a)
        up = np.sin(phi) * math.sin(a) + np.cos(phi) * np.cos(lam) * math.cos(a)
        lat = np.rad2deg(np.arctan2(up, np.hypot(east, across)))
        return lat, wrap(np.rad2deg(np.arctan2(east, across)) + self.pole_lon)

    @property
    def attrs(self) -> dict[str, Any]:
        """CF: ``rotated_latitude_longitude``."""
        return {
            "grid_mapping_name": "rotated_latitude_longitude",
            "grid_north_pole_latitude": self.pole_lat,
            "grid_north_pole_longitude": self.pole_lon,
            "north_pole_grid_longitude": 0.0,
            "earth_radius": RADIUS,
        }


@dataclass(frozen=True)
class LambertAzimuthal:
    """Lambert azimuthal equal-area on an ellipsoid; the defaults are EPSG:3035 (ETRS89-extended / LAEA
    Europe).

    x and y in m. Equations: Snyder, J. P. (1987), Map projections: a working manual, USGS Professional Paper
    1395, pp. 187-190.
    """

    lat0: float = 52.0
    lon0: float = 10.0
    false_easting: float = 4321000.0
    false_northing: float = 3210000.0
    semi_major: float = GRS80[0]
    inverse_flattening: float = GRS80[1]

    periodic = 0.0
    spherical = False

    @property
    def _e2(self) -> float:
        f = 1.0 / self.inverse_flattening
        return f * (2.0 - f)

    def _q(self, sin_lat: np.ndarray | float) -> np.ndarray:
        """Snyder (3-12): q is proportional to the area between equator and latitude."""
        e2, e = self._e2, math.sqrt(self._e2)
        s = np.asarray(sin_lat, float)
        return (1.0 - e2) * (s / (1.0 - e2 * s**2) + np.arctanh(e * s) / e)

    def _constants(self) -> tuple[float, float, float, float, float]:
        """q at the pole, radius of the authalic sphere, sin and cos of the authalic latitude of the origin,
        D."""
        qp = float(self._q(1.0))
        rq = self.semi_major * math.sqrt(0.5 * qp)
        s0 = math.sin(math.radians(self.lat0))
        sb = float(self._q(s0)) / qp
        cb = math.sqrt(1.0 - sb * sb)
        m0 = math.cos(math.radians(self.lat0)) / math.sqrt(1.0 - self._e2 * s0 * s0)
        return qp, rq, sb, cb, self.semi_major * m0 / (rq * cb)

    def forward(self, lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x, y (m) of geodetic latitude and longitude (degrees)."""
        qp, rq, sb0, cb0, d = self._constants()
        sb = self._q(np.sin(np.deg2rad(np.asarray(lat, float)))) / qp
        cb = np.sqrt(np.clip(1.0 - sb * sb, 0.0, None))
        dl = np.deg2rad(np.asarray(lon, float) - self.lon0)
        b = rq * np.sqrt(2.0 / (1.0 + sb0 * sb + cb0 * cb * np.cos(dl)))
        x = self.false_easting + b * d * cb * np.sin(dl)
        return x, self.false_northing + b / d * (cb0 * sb - sb0 * cb * np.cos(dl))

    def inverse(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Geodetic latitude and longitude (degrees) of x, y (m)."""
        qp, rq, sb0, cb0, d = self._constants()
        xs, ys = (
            (np.asarray(x, float) - self.false_easting) / d,
            (np.asarray(y, float) - self.false_northing) * d,
        )
        rho = np.hypot(xs, ys)
        ce = 2.0 * np.arcsin(np.clip(rho / (2.0 * rq), -1.0, 1.0))
        safe = np.where(rho > 0.0, rho, 1.0)
        sb = np.cos(ce) * sb0 + np.where(rho > 0.0, ys * np.sin(ce) * cb0 / safe, 0.0)
        lon = self.lon0 + np.rad2deg(
            np.arctan2(xs * np.sin(ce), rho * cb0 * np.cos(ce) - ys * sb0 * np.sin(ce))
        )
        # geodetic from authalic latitude: Newton on q(phi) = qp sin(beta), dq/dphi = 2 (1 - e2) cos / (1 - e2
        # sin2)^2
        e2, q = self._e2, qp * sb
        phi = np.arcsin(np.clip(sb, -1.0, 1.0))
        for _ in range(4):
            s, c = np.sin(phi), np.cos(phi)
            slope = 2.0 * (1.0 - e2) * np.where(c > 1e-12, c, 1e-12) / (1.0 - e2 * s * s) ** 2
            phi = phi + (q - self._q(s)) / slope
        return np.rad2deg(phi), wrap(lon)

    def plane(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x, y: the projection is equal-area on its ellipsoid."""
        return np.asarray(x, float), np.asarray(y, float)

    def sphere_over_ellipsoid(self, lat: np.ndarray) -> np.ndarray:
        """Area on the sphere over area on the ellipsoid, of a small cell at a latitude (degrees): R2 / (M N),
        with the radii of curvature M and N. 1.0045 at the equator, 0.9911 at the poles."""
        e2 = self._e2
        w2 = 1.0 - e2 * np.sin(np.deg2rad(np.asarray(lat, float))) ** 2
        return RADIUS**2 * w2**2 / (self.semi_major**2 * (1.0 - e2))

    @property
    def attrs(self) -> dict[str, Any]:
        """CF: ``lambert_azimuthal_equal_area``."""
        return {
            "grid_mapping_name": "lambert_azimuthal_equal_area",
            "latitude_of_projection_origin": self.lat0,
            "longitude_of_projection_origin": self.lon0,
            "false_easting": self.false_easting,
            "false_northing": self.false_northing,
            "semi_major_axis": self.semi_major,
            "inverse_flattening": self.inverse_flattening,
        }


#: the rotated pole of the European CORDEX domains
CORDEX_POLE = RotatedPole(39.25, -162.0)


def mapping_from_attrs(attrs: AbcMapping[str, Any], where: str = "grid mapping") -> Mapping:
    """The coordinate system that the attributes of a CF grid mapping variable describe."""
    name = str(attrs.get("grid_mapping_name", ""))
    if name == "latitude_longitude":
        return LatLon()
    if name == "rotated_latitude_longitude":
        if float(attrs.get("north_pole_grid_longitude", 0.0)) != 0.0:
            raise InputError(
                f"{where}: north_pole_grid_longitude is not 0. Only grids without a third rotation are read."
            )
        pole_lon = float(wrap(float(attrs["grid_north_pole_longitude"])))
        return RotatedPole(float(attrs["grid_north_pole_latitude"]), pole_lon)
    if name == "lambert_azimuthal_equal_area":
        return LambertAzimuthal(
            float(attrs["latitude_of_projection_origin"]),
            float(attrs["longitude_of_projection_origin"]),
            float(attrs.get("false_easting", 0.0)),
            float(attrs.get("false_northing", 0.0)),
            float(attrs.get("semi_major_axis", GRS80[0])),
            float(attrs.get("inverse_flattening", GRS80[1])),
        )
    raise InputError(
        f"{where}: grid mapping {name!r} is not known; expected latitude_longitude, rotated_latitude_longitude or "
        "lambert_azimuthal_equal_area. Reproject the file to one of them."
    )
