"""Maps as one SVG file: a panel a field, with colour bar or legend, drawn without a plotting library."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import numpy as np

#: anchors of viridis (CC0), from low to high
_SCALE = np.array(
    [
        (68, 1, 84),
        (72, 40, 120),
        (62, 74, 137),
        (49, 104, 142),
        (38, 130, 142),
        (31, 158, 137),
        (53, 183, 121),
        (109, 205, 89),
        (180, 222, 44),
        (253, 231, 37),
    ],
    float,
)
_MISSING = (235, 238, 242)
#: widest picture of a panel, pixels; finer fields are thinned
MAX_PIXELS = 560
_WIDTH, _TOP, _GAP, _BAR = 340, 34, 18, 46


@dataclass(frozen=True)
class Panel:
    """One map.

    Attributes
    ----------
    title : a line above it
    values : field ``[y, x]``, rows from south to north, NaN where there is nothing; class numbers with
        `classes`
    units : of the colour bar
    limits : lowest and highest colour; absent: the 2nd and 98th percentile
    classes : (number, name, (red, green, blue)) for maps of classes
    lines : polylines in fractional cells, each ``[points, 2]`` (x, y): meridians, parallels
    stretch : height of a cell over its width
    """

    title: str
    values: np.ndarray
    units: str = ""
    limits: tuple[float, float] | None = None
    classes: Sequence[tuple[int, str, tuple[int, int, int]]] = ()
    lines: Sequence[np.ndarray] = field(default=())
    stretch: float = 1.0


def png(pixels: np.ndarray) -> bytes:
    """An image ``[height, width, 3]`` of uint8 as PNG (8 bit, truecolour)."""
    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, width * 3)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def colours(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Colours ``[..., 3]`` (uint8) of numbers; missing ones are grey."""
    span = high - low if high > low else 1.0
    position = np.clip((np.nan_to_num(values, nan=low) - low) / span, 0.0, 1.0) * (len(_SCALE) - 1)
    first = np.minimum(position.astype(int), len(_SCALE) - 2)
    part = (position - first)[..., None]
    rgb = _SCALE[first] * (1.0 - part) + _SCALE[first + 1] * part
    return np.where(np.isfinite(values)[..., None], np.round(rgb), _MISSING).astype(np.uint8)


def figure(panels: Sequence[Panel], title: str = "", note: str = "", columns: int = 3) -> str:
    """All panels as the text of one SVG file."""
    columns = min(columns, len(panels))
    heights = [_WIDTH * p.stretch * p.values.shape[0] / p.values.shape[1] for p in panels]
    legends = [max(_BAR, 14 * -(-len(p.classes) // 2) + 12) for p in panels]
    rows = [range(i, min(i + columns, len(panels))) for i in range(0, len(panels), columns)]
    out, y = [], 40.0 if title else 8.0
    for row in rows:
        tallest = max(heights[i] + legends[i] for i in row)
        for j, i in enumerate(row):
            x = 12 + j * (_WIDTH + _GAP)
            out.append(_panel(panels[i], x, y, heights[i]))
        y += _TOP + tallest + _GAP
    width, height = 24 + columns * _WIDTH + (columns - 1) * _GAP, y + (28 if note else 0)
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica, Arial, DejaVu Sans, sans-serif">',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
    ]
    if title:
        head.append(
            f'<text x="12" y="26" font-size="17" font-weight="bold" fill="#222">{escape(title)}</text>'
        )
    if note:
        out.append(f'<text x="12" y="{y + 12:.0f}" font-size="11" fill="#555">{escape(note)}</text>')
    return "\n".join([*head, *out, "</svg>", ""])


def _panel(panel: Panel, x: float, y: float, height: float) -> str:
    step = max(1, -(-max(panel.values.shape) // MAX_PIXELS))
    values = panel.values[::step, ::step]
    if panel.classes:
        pixels = np.full((*values.shape, 3), _MISSING, np.uint8)
        for number, _, colour in panel.classes:
            pixels[values == number] = colour
    else:
        low, high = panel.limits or _limits(panel.values)
        pixels = colours(values, low, high)
    image = base64.b64encode(png(pixels[::-1])).decode()
    top = y + _TOP - 12
    title = panel.title + (f", {panel.units}" if panel.units else "")
    out = [
        f'<text x="{x}" y="{y + 14:.1f}" font-size="13" font-weight="bold" fill="#222">{escape(title)}</text>',
        f'<image x="{x}" y="{top:.1f}" width="{_WIDTH}" height="{height:.1f}" preserveAspectRatio="none" '
        f'image-rendering="pixelated" href="data:image/png;base64,{image}"/>',
    ]
    ny, nx = panel.values.shape
    for line in panel.lines:
        points = " ".join(f"{x + _WIDTH * px / nx:.1f},{top + height * (1 - py / ny):.1f}" for px, py in line)
        out.append(
            f'<polyline points="{points}" fill="none" stroke="#000" stroke-opacity="0.25" stroke-width="0.6"/>'
        )
    out.append(
        f'<rect x="{x}" y="{top:.1f}" width="{_WIDTH}" height="{height:.1f}" fill="none" stroke="#888" stroke-width="0.8"/>'
    )
    below = top + height + 8
    out.append(_legend(panel, x, below) if panel.classes else _bar(panel, x, below, low, high))
    return "\n".join(out)


def _limits(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(known, [2, 98]))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _bar(panel: Panel, x: float, y: float, low: float, high: float) -> str:
    ramp = base64.b64encode(png(colours(np.linspace(low, high, 128)[None, :], low, high))).decode()
    ticks = np.linspace(low, high, 5)
    out = [
        f'<image x="{x}" y="{y:.1f}" width="{_WIDTH}" height="9" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{ramp}"/>'
    ]
    for k, tick in enumerate(ticks):
        anchor = "start" if k == 0 else "end" if k == len(ticks) - 1 else "middle"
        label = f"{tick:,.0f}" if abs(tick) >= 1000.0 else f"{tick:.3g}"
        out.append(
            f'<text x="{x + _WIDTH * k / (len(ticks) - 1):.1f}" y="{y + 21:.1f}" font-size="10" fill="#333" '
            f'text-anchor="{anchor}">{escape(label)}</text>'
        )
    return "\n".join(out)


def _legend(panel: Panel, x: float, y: float) -> str:
    half = -(-len(panel.classes) // 2)
    out = []
    for k, (_, name, (r, g, b)) in enumerate(panel.classes):
        left, top = x + (k // half) * _WIDTH / 2, y + 14 * (k % half)
        out.append(f'<rect x="{left:.1f}" y="{top:.1f}" width="10" height="10" fill="rgb({r},{g},{b})"/>')
        out.append(
            f'<text x="{left + 14:.1f}" y="{top + 9:.1f}" font-size="9.5" fill="#333">{escape(name)}</text>'
        )
    return "\n".join(out)
