"""Small charts as SVG text: lines, points, bars and a diagonal, on linear or logarithmic axes. No library."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Kind = Literal["line", "points", "bars"]

#: colours that differ in lightness too (Okabe and Ito)
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
WIDTH, HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 34, 46


@dataclass(frozen=True)
class Series:
    """``x``, ``y`` of one length; values that are not finite are gaps. ``low``, ``high``: bars of uncertainty of points."""

    x: Array
    y: Array
    label: str = ""
    kind: Kind = "line"
    low: Array | None = None
    high: Array | None = None


@dataclass
class Panel:
    """One chart: a title, axes with their names, series. ``names``: labels of x = 0, 1, 2 ... instead of numbers."""

    title: str
    x_label: str = ""
    y_label: str = ""
    log: tuple[bool, bool] = (False, False)
    diagonal: bool = False
    level: float | None = None
    names: Sequence[str] = ()
    series: list[Series] = field(default_factory=list)

    def add(
        self,
        x: ArrayLike,
        y: ArrayLike,
        label: str = "",
        kind: Kind = "line",
        low: ArrayLike | None = None,
        high: ArrayLike | None = None,
    ) -> Panel:
        """Add a series; the panel itself comes back. Raises `ValueError` where lengths differ."""
        xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        if xs.shape != ys.shape or xs.ndim != 1:
            raise ValueError(
                f"chart {self.title!r}: x and y must be vectors of one length; got {xs.shape} and {ys.shape}"
            )
        bars = [None if b is None else np.asarray(b, dtype=float) for b in (low, high)]
        self.series.append(Series(xs, ys, label, kind, *bars))
        return self


def page(panels: Sequence[Panel], columns: int = 2, title: str = "") -> str:
    """Panels side by side in rows of ``columns`` as one SVG document."""
    rows = -(-len(panels) // columns)
    head = 34 if title else 0
    width, height = WIDTH * min(columns, max(len(panels), 1)), HEIGHT * rows + head
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    if title:
        parts.append(_text(width / 2, 22, title, size=15, anchor="middle"))
    for k, panel in enumerate(panels):
        left, top = (k % columns) * WIDTH, (k // columns) * HEIGHT + head
        parts.append(f'<g transform="translate({left} {top})">{_panel(panel)}</g>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel) -> str:
    x_range, y_range = _ranges(panel)
    inner_w, inner_h = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def px(x: Array | float) -> Array:
        return _LEFT + inner_w * _place(np.asarray(x, dtype=float), x_range, panel.log[0])

    def py(y: Array | float) -> Array:
        return _TOP + inner_h * (1.0 - _place(np.asarray(y, dtype=float), y_range, panel.log[1]))

    parts = [_text(WIDTH / 2, 18, panel.title, size=13, anchor="middle")]
    for value in _ticks(y_range, panel.log[1]):
        y = float(py(value))
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" stroke="#e4e4e4"/>')
        parts.append(_text(_LEFT - 6, y + 4, _number(value), anchor="end"))
    if panel.names:
        for k, name in enumerate(panel.names):
            x = float(px(float(k)))
            parts.append(_text(x, HEIGHT - _BOTTOM + 12, name, anchor="end", turn=-35))
    else:
        for value in _ticks(x_range, panel.log[0]):
            x = float(px(value))
            parts.append(f'<path d="M{x:.1f} {_TOP}V{HEIGHT - _BOTTOM}" stroke="#f0f0f0"/>')
            parts.append(_text(x, HEIGHT - _BOTTOM + 14, _number(value), anchor="middle"))
    if panel.level is not None:
        y = float(py(panel.level))
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" stroke="#555555" stroke-dasharray="4 3"/>')
    if panel.diagonal:
        low, high = max(x_range[0], y_range[0]), min(x_range[1], y_range[1])
        ends = [float(v) for v in (px(low), py(low), px(high), py(high))]
        parts.append(
            "<path d='M{:.1f} {:.1f}L{:.1f} {:.1f}' stroke='#555555' stroke-dasharray='4 3'/>".format(*ends)
        )
    for k, series in enumerate(panel.series):
        parts += _drawn(series, COLOURS[k % len(COLOURS)], px, py, float(py(max(y_range[0], 0.0))), panel)
    parts.append(
        f'<rect x="{_LEFT}" y="{_TOP}" width="{inner_w}" height="{inner_h}" fill="none" stroke="#888888"/>'
    )
    if not panel.names:
        parts.append(_text(_LEFT + inner_w / 2, HEIGHT - 12, panel.x_label, anchor="middle"))
    parts.append(_text(14, _TOP + inner_h / 2, panel.y_label, anchor="middle", turn=-90))
    labelled = [(s.label, COLOURS[k % len(COLOURS)]) for k, s in enumerate(panel.series) if s.label]
    if labelled:
        wide, tall = 26 + 6.2 * max(len(label) for label, _ in labelled), 8 + 14 * len(labelled)
        parts.append(
            f'<rect x="{_LEFT + 4}" y="{_TOP + 2}" width="{wide:.0f}" height="{tall}" fill="#ffffff" fill-opacity="0.8"/>'
        )
    for k, (label, colour) in enumerate(labelled):
        y = _TOP + 14 + 14 * k
        parts.append(f'<rect x="{_LEFT + 8}" y="{y - 8}" width="9" height="9" fill="{colour}"/>')
        parts.append(_text(_LEFT + 22, y, label))
    return "".join(parts)


def _drawn(series: Series, colour: str, px, py, base: float, panel: Panel) -> list[str]:  # type: ignore[no-untyped-def]
    fine = np.isfinite(series.x) & np.isfinite(series.y)
    x, y = px(series.x), py(series.y)
    parts = []
    if series.kind == "line":
        path, pen = [], "M"
        for good, a, b in zip(fine, x, y, strict=True):
            if good:
                path.append(f"{pen}{a:.1f} {b:.1f}")
            pen = "L" if good else "M"
        parts.append(f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        return parts
    if series.low is not None and series.high is not None:
        for a, low, high in zip(x[fine], py(series.low)[fine], py(series.high)[fine], strict=True):
            parts.append(f'<path d="M{a:.1f} {low:.1f}V{high:.1f}" stroke="{colour}" stroke-width="1.2"/>')
    if series.kind == "points":
        parts += [
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>'
            for a, b in zip(x[fine], y[fine], strict=True)
        ]
        return parts
    bars = [k for k, s in enumerate(panel.series) if s.kind == "bars"]
    number = next(i for i, k in enumerate(bars) if panel.series[k] is series)
    step = float(np.min(np.diff(np.sort(x)))) if len(x) > 1 else 40.0
    width = 0.8 * step / len(bars)
    for a, b in zip(x[fine], y[fine], strict=True):
        left = a - 0.4 * step + number * width
        parts.append(
            f'<rect x="{left:.1f}" y="{min(b, base):.1f}" width="{width:.1f}" height="{abs(b - base):.1f}" fill="{colour}"/>'
        )
    return parts


def _ranges(panel: Panel) -> tuple[tuple[float, float], tuple[float, float]]:
    out = []
    for axis, log in enumerate(panel.log):
        values = [s.x if axis == 0 else s.y for s in panel.series]
        if axis == 1:
            values += [b for s in panel.series for b in (s.low, s.high) if b is not None]
            values += [np.zeros(1) for s in panel.series if s.kind == "bars" and not log]
            values += [np.array([panel.level])] if panel.level is not None else []
        flat = np.concatenate([np.ravel(v) for v in values]) if values else np.zeros(0)
        flat = flat[np.isfinite(flat) & ((flat > 0) | (not log))]
        low, high = (float(flat.min()), float(flat.max())) if len(flat) else (0.0, 1.0)
        if log:
            out.append((low / 1.3, high * 1.3))
            continue
        margin = 0.06 * (high - low) or 0.5
        if axis == 0 and (panel.names or any(s.kind == "bars" for s in panel.series)):
            xs = np.unique(flat)
            margin = 0.6 * float(np.min(np.diff(xs))) if len(xs) > 1 else 0.6
        bars_on_zero = axis == 1 and low == 0.0 and any(s.kind == "bars" for s in panel.series)
        out.append((low if bars_on_zero else low - margin, high + margin))
    if panel.diagonal:
        both = (min(out[0][0], out[1][0]), max(out[0][1], out[1][1]))
        return both, both
    return out[0], out[1]


def _place(values: Array, limits: tuple[float, float], log: bool) -> Array:
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(values / limits[0]) / np.log(limits[1] / limits[0]))
    return np.asarray((values - limits[0]) / (limits[1] - limits[0]))


def _ticks(limits: tuple[float, float], log: bool) -> list[float]:
    low, high = limits
    if log:
        first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
        steps = (1.0,) if last - first > 3 else (1.0, 2.0, 5.0)
        found = [m * 10.0**e for e in range(first, last + 1) for m in steps]
    else:
        raw = (high - low) / 5
        step = 10.0 ** np.floor(np.log10(raw))
        step *= next(m for m in (1, 2, 5, 10) if m * step >= raw * 0.999)
        found = [float(v) for v in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step]
    return [v for v in found if low <= v <= high]


def _number(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-12 else value:.4g}"


def _text(x: float, y: float, words: str, size: int = 11, anchor: str = "start", turn: int = 0) -> str:
    turned = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{turned}>{html.escape(words)}</text>'
