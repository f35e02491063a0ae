"""Areas that the cells of two grids share.

Both grids are bounded by coordinate lines, and in the right plane these lines are straight and area is area
(`Mapping.plane`). So the cells of one grid are exact rectangles of a plane, and only the edges of the other
need thought: they are drawn as chains of short chords. The area of a polygon inside a rectangle is an
integral along its boundary (Green),

    A = sum over chords of (min(max(x, x_k), x_k+1) - x_k) dy, within the row of the rectangle,

so each chord is cut where it crosses lines of the rectangles, and each piece adds to its own rectangle and to
those on its left. No polygon is built and none is clipped; a chord shared by two cells is computed once and
counted with both signs, therefore the parts of a rectangle sum to it to round-off, whatever the length of the
chords.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from elterra.domain.grid import Grid
from elterra.domain.mappings import LambertAzimuthal
from elterra.errors import InputError

#: overlaps below this part of a cell of the plane are round-off of the sums along the boundary
_TINY = 1e-11


def overlap_areas(source: Grid, target: Grid, pieces: int = 8) -> sparse.csr_matrix:
    """Shared areas, m2 on the sphere: sparse matrix [target.size, source.size].

    `pieces`: chords an edge is drawn with, where the grids have different coordinate systems; the error of an
    edge falls with its square. Grids of one system are treated exactly and cell by cell along each axis.
    """
    if source.mapping == target.mapping:
        if isinstance(source.mapping, LambertAzimuthal):
            return _projected(source, target)
        return _separable(source, target)
    if not source.mapping.spherical and not target.mapping.spherical:
        raise InputError(
            f"grids {source.name!r} and {target.name!r} have different LAEA projections; this is not supported. "
            "Bring one of them to a latitude-longitude grid first."
        )
    # rectangles from the finer grid: fewer edges to draw; a LAEA grid is drawn, so that areas are those on
    # the sphere
    mean = lambda g: float(g.area.sum()) / g.size  # noqa: E731
    if not target.mapping.spherical:
        draw_target = True
    elif not source.mapping.spherical:
        draw_target = False
    else:
        draw_target = mean(target) >= mean(source)
    if draw_target:
        return _drawn(target, source, pieces)
    return sparse.csr_matrix(_drawn(source, target, pieces).T)


def _separable(source: Grid, target: Grid) -> sparse.csr_matrix:
    """Overlaps of grids of one coordinate system: products of the overlaps along the axes."""
    su, sv = source.mapping.plane(source.x_edges, source.y_edges)
    tu, tv = target.mapping.plane(target.x_edges, target.y_edges)
    turn = source.mapping.periodic
    along_x = _overlap_1d(su, tu)
    if turn:
        length = float(source.mapping.plane(np.array(turn), np.array(0.0))[0])
        for turns in (-2, -1, 1, 2):
            along_x = along_x + _overlap_1d(su + turns * length, tu)
    return sparse.csr_matrix(sparse.kron(_overlap_1d(sv, tv), along_x, format="csr"))


def _projected(source: Grid, target: Grid) -> sparse.csr_matrix:
    """Overlaps of two LAEA grids: areas on the sphere of the rectangles that all their lines make."""
    edges = []
    for a, b in ((source.x_edges, target.x_edges), (source.y_edges, target.y_edges)):
        both = np.unique(np.concatenate([a, b]))
        both = both[(both >= max(a[0], b[0])) & (both <= min(a[-1], b[-1]))]
        tiny = 1e-9 * (a[-1] - a[0]) / a.size
        both = both[np.append(True, np.diff(both) > tiny)] if both.size else both
        if both.size < 2:
            return sparse.csr_matrix((target.size, source.size))
        edges.append(both)
    pieces = Grid(source.mapping, edges[0], edges[1])
    number = []
    for grid in (target, source):
        column = np.searchsorted(grid.x_edges, pieces.x, "right") - 1
        row = np.searchsorted(grid.y_edges, pieces.y, "right") - 1
        number.append((row[:, None] * grid.shape[1] + column[None, :]).ravel())
    return sparse.csr_matrix((pieces.area.ravel(), (number[0], number[1])), shape=(target.size, source.size))


def _overlap_1d(source: np.ndarray, target: np.ndarray) -> sparse.csr_matrix:
    """Lengths that intervals share: sparse [target intervals, source intervals]."""
    first = np.clip(np.searchsorted(source, target[:-1], "right") - 1, 0, source.size - 2)
    last = np.clip(np.searchsorted(source, target[1:], "left") - 1, 0, source.size - 2)
    row, column = _ranges(first, last)
    length = np.minimum(target[row + 1], source[column + 1]) - np.maximum(target[row], source[column])
    # a sliver thinner than round-off of the edges is no overlap
    keep = length > 1e-12 * (np.diff(source)[column] + np.diff(target)[row])
    shape = (target.size - 1, source.size - 1)
    return sparse.csr_matrix((length[keep], (row[keep], column[keep])), shape=shape)


def _ranges(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each entry its number and every integer ``first..last`` (none where last < first)."""
    count = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(count.size), count)
    start = np.cumsum(count) - count
    return owner, first[owner] + np.arange(owner.size) - start[owner]


def _drawn(drawn: Grid, plane: Grid, pieces: int) -> sparse.csr_matrix:
    """Overlaps [drawn.size, plane.size] of the cells of `drawn` with the rectangles of `plane`, by blocks of
    rows."""
    nx = drawn.shape[1]
    rows = max(1, 400_000 // (nx * pieces))
    blocks = []
    for start in range(0, drawn.shape[0], rows):
        blocks.append(_block(drawn.window(slice(start, start + rows), slice(0, nx)), plane, pieces))
    return sparse.csr_matrix(sparse.vstack(blocks, format="csr"))


def _plane_edges(plane: Grid, middle: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """u and v of the lines of `plane`, and which column lies between each pair of u. A grid that goes round
    the earth is cut opposite `middle` (x)."""
    x, column = plane.x_edges, np.arange(plane.shape[1])
    if plane.is_global:
        turn = plane.mapping.periodic
        cut = int(np.argmin(np.abs(np.mod(x[:-1] - (middle - 0.5 * turn) + 0.5 * turn, turn) - 0.5 * turn)))
        x = np.concatenate([x[cut:-1], x[: cut + 1] + turn])
        column = np.roll(column, -cut)
        x = x + turn * np.round((middle - 0.5 * (x[0] + x[-1])) / turn)
    u, v = plane.mapping.plane(x, plane.y_edges)
    return u, v, column


def _divide(edges: np.ndarray, pieces: int) -> np.ndarray:
    """Edges with `pieces - 1` points between each pair."""
    inner = edges[:-1, None] + np.diff(edges)[:, None] * np.arange(pieces) / pieces
    return np.append(inner.ravel(), edges[-1])


def _block(drawn: Grid, plane: Grid, pieces: int) -> sparse.csr_matrix:
    ny, nx = drawn.shape
    # nodes along the horizontal lines [ny + 1, nx * pieces + 1] and the vertical lines [nx + 1, ny * pieces +
    # 1]
    chains = []
    for x, y in (
        np.meshgrid(_divide(drawn.x_edges, pieces), drawn.y_edges),
        np.meshgrid(drawn.x_edges, _divide(drawn.y_edges, pieces), indexing="ij"),
    ):
        chains.append(plane.mapping.forward(*drawn.mapping.inverse(x, y)))
    turn = plane.mapping.periodic
    if turn:
        # degrees of x are moved to lie about the middle of what both grids cover
        middle_lat, middle_lon = drawn.mapping.inverse(np.array([drawn.x.mean()]), np.array([drawn.y.mean()]))
        middle = float(plane.mapping.forward(middle_lat, middle_lon)[0][0])
        if not plane.is_global:
            own = 0.5 * float(plane.x_edges[0] + plane.x_edges[-1])
            middle = own
        chains = [(x - turn * np.round((x - middle) / turn), y) for x, y in chains]
    else:
        middle = 0.0
    u_lines, v_lines, column_of = _plane_edges(plane, middle)

    # cells above (+) and below (-) a horizontal line, left (+) and right (-) of a vertical one; -1 is none
    cell = np.arange(ny * nx).reshape(ny, nx)
    padded_y = np.concatenate([np.full((1, nx), -1), cell, np.full((1, nx), -1)])
    padded_x = np.concatenate([np.full((ny, 1), -1), cell, np.full((ny, 1), -1)], axis=1)
    owners = (
        (np.repeat(padded_y[1:], pieces, axis=1), np.repeat(padded_y[:-1], pieces, axis=1)),
        (np.repeat(padded_x[:, :-1].T, pieces, axis=1), np.repeat(padded_x[:, 1:].T, pieces, axis=1)),
    )
    parts = []
    for (x, y), (plus, minus) in zip(chains, owners, strict=True):
        u, v = plane.mapping.plane(x, y)
        ends = [a.ravel() for a in (u[:, :-1], u[:, 1:], v[:, :-1], v[:, 1:], plus, minus)]
        if turn:
            jump = np.abs(x[:, 1:] - x[:, :-1]).ravel() > 0.5 * turn
            parts.append((*ends, jump))
        else:
            parts.append((*ends, np.zeros(ends[0].size, bool)))
    u0, u1, v0, v1, plus, minus, jump = (np.concatenate(p) for p in zip(*parts, strict=True))
    # cells across the cut of the plane, or around its pole; the last entry serves -1
    torn = np.zeros(cell.size + 1, bool)
    torn[plus[jump]] = torn[minus[jump]] = True
    torn[-1] = False
    near_cut = plane.mapping.periodic - (plane.x_edges[-1] - plane.x_edges[0]) < 5.0
    near_pole = plane.y_edges[-1] > 85.0 or plane.y_edges[0] < -85.0
    if torn.any() and (near_cut or near_pole):
        raise InputError(
            f"grids {drawn.name!r} and {plane.name!r}: cells of the first lie across the cut or around "
            "the pole of the second. Take a part of the grids that does not."
        )
    return _accumulate(u0, u1, v0, v1, plus, minus, torn, u_lines, v_lines, column_of, cell.size, plane.shape)


def _accumulate(
    u0: np.ndarray,
    u1: np.ndarray,
    v0: np.ndarray,
    v1: np.ndarray,
    plus: np.ndarray,
    minus: np.ndarray,
    torn: np.ndarray,
    u_lines: np.ndarray,
    v_lines: np.ndarray,
    column_of: np.ndarray,
    cells: int,
    shape: tuple[int, int],
) -> sparse.csr_matrix:
    """Sums the boundary integral of chords (u0, v0) -> (u1, v1) into [cells, rectangles]."""
    ny, nx = v_lines.size - 1, u_lines.size - 1
    # chords above or below the plane grid, or of torn cells alone, say nothing
    use = (np.maximum(v0, v1) > v_lines[0]) & (np.minimum(v0, v1) < v_lines[-1]) & ~(torn[plus] & torn[minus])
    u0, u1, v0, v1, plus, minus = (a[use] for a in (u0, u1, v0, v1, plus, minus))
    # leftmost column that each cell touches: further left the sums over its boundary vanish
    left = np.full(cells + 1, nx)
    low = np.clip(np.searchsorted(u_lines, np.minimum(u0, u1), "right") - 1, 0, nx)
    for owner in (plus, minus):
        np.minimum.at(left, owner, low)

    a, b = _cuts(u0, u1, v0, v1, u_lines, v_lines)
    chord, t0, t1 = a, b[:-1], b[1:]
    same = chord[1:] == chord[:-1]
    chord, t0, t1 = chord[:-1][same], t0[same], t1[same]
    du, dv = (u1 - u0)[chord], (v1 - v0)[chord]
    middle_u, middle_v = u0[chord] + 0.5 * (t0 + t1) * du, v0[chord] + 0.5 * (t0 + t1) * dv
    column = np.searchsorted(u_lines, middle_u, "right") - 1
    row = np.searchsorted(v_lines, middle_v, "right") - 1
    rise = (t1 - t0) * dv
    inside = (row >= 0) & (row < ny) & (column >= 0) & (rise != 0.0)
    chord, column, row, rise, middle_u = (q[inside] for q in (chord, column, row, rise, middle_u))

    width = np.diff(u_lines)
    who, where, area = [], [], []
    for owner, sign in ((plus[chord], 1.0), (minus[chord], -1.0)):
        mine = (owner >= 0) & ~torn[owner]
        o, c, r, h, m = owner[mine], column[mine], row[mine], sign * rise[mine], middle_u[mine]
        own = c < nx
        who.append(o[own])
        where.append(r[own] * nx + column_of[c[own]])
        area.append((m[own] - u_lines[c[own]]) * h[own])
        piece, col = _ranges(left[o], np.minimum(c, nx) - 1)
        who.append(o[piece])
        where.append(r[piece] * nx + column_of[col])
        area.append(width[col] * h[piece])
    entries = (np.concatenate(area), (np.concatenate(who), np.concatenate(where)))
    out = sparse.coo_matrix(entries, shape=(cells, shape[0] * shape[1])).tocsr()
    out.sum_duplicates()
    full = (np.diff(v_lines)[:, None] * np.diff(u_lines)[np.argsort(column_of)][None, :]).ravel()
    out.data[out.data < _TINY * full[out.indices]] = 0.0
    out.eliminate_zeros()
    return out


def _cuts(
    u0: np.ndarray, u1: np.ndarray, v0: np.ndarray, v1: np.ndarray, u_lines: np.ndarray, v_lines: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Chord numbers and positions (0..1) of all ends and crossings, sorted along each chord."""
    n = u0.size
    chord, at = [np.arange(n), np.arange(n)], [np.zeros(n), np.ones(n)]
    for p0, p1, lines in ((u0, u1, u_lines), (v0, v1, v_lines)):
        first = np.searchsorted(lines, np.minimum(p0, p1), "right")
        last = np.searchsorted(lines, np.maximum(p0, p1), "left") - 1
        which, line = _ranges(first, last)
        chord.append(which)
        at.append(np.clip((lines[line] - p0[which]) / (p1 - p0)[which], 0.0, 1.0))
    chords, ats = np.concatenate(chord), np.concatenate(at)
    order = np.lexsort((ats, chords))
    return chords[order], ats[order]
