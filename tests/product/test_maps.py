"""Maps without a plotting library: pictures that decode, colours that mean something."""

import struct
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np

from elterra.product.maps import MAX_PIXELS, Panel, colours, figure, png


def decode(data):
    """Pixels of an 8 bit truecolour PNG without filters."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body, size = 8, b"", (0, 0)
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, part = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + part)
        if kind == b"IHDR":
            size = struct.unpack(">II", part[:8])
        if kind == b"IDAT":
            body += part
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(size[1], 1 + 3 * size[0])
    assert (rows[:, 0] == 0).all()
    return rows[:, 1:].reshape(size[1], size[0], 3)


def test_a_picture_comes_back():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 11, 3)).astype(np.uint8)
    np.testing.assert_array_equal(decode(png(pixels)), pixels)


def test_colours_go_from_dark_to_light_and_missing_is_grey():
    shades = colours(np.array([0.0, 0.25, 0.5, 0.75, 1.0, np.nan]), 0.0, 1.0).astype(int)
    assert (np.diff(shades[:5] @ [299, 587, 114]) > 0).all()
    assert shades[5].tolist() == [235, 238, 242]
    np.testing.assert_array_equal(
        colours(np.array([-5.0, 9.0]), 0.0, 1.0), colours(np.array([0.0, 1.0]), 0.0, 1.0)
    )


def test_a_figure_is_xml_and_escapes_what_people_write():
    field = np.arange(12.0).reshape(3, 4)
    classes = [(0, "a < b", (1, 2, 3)), (1, "c & d", (4, 5, 6))]
    text = figure([Panel("<one>", field, "K"), Panel("two", field % 2, classes=classes)], "T & t", "n < m")
    words = [t.text for t in ElementTree.fromstring(text).iter() if t.text]
    assert {"<one>, K", "two", "a < b", "c & d", "T & t", "n < m"} <= set(words)


def test_fine_fields_are_thinned_and_empty_ones_drawn():
    big = np.zeros((3 * MAX_PIXELS, 10))
    assert len(figure([Panel("big", big)])) < 30_000
    assert "<image" in figure([Panel("none", np.full((3, 3), np.nan))])
