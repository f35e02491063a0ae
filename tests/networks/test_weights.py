"""Weights in files: names, types, checksum."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elterra.errors import InputError
from elterra.networks import SwinShape, SwinUNet, fill, named_leaves, read_tensors, write_tensors

SHAPE = SwinShape(2, 2, 1, 1, 1, channels=4, heads=1, depths=(1, 1), window=(2, 2, 2), condition=3, cell=4)


def test_every_leaf_has_a_name_and_comes_back(tmp_path):
    model = SwinUNet(SHAPE, jax.random.key(0))
    arrays = named_leaves(model)
    assert arrays["down.0.blocks.0.attention.project.weight"].shape == (4, 12)
    assert len(arrays) == len(jax.tree.leaves(eqx.filter(model, eqx.is_array)))
    write_tensors(tmp_path / "w.safetensors", arrays, {"shape": "small", "step": 3})
    back, header = read_tensors(tmp_path / "w.safetensors")
    assert header == {"shape": "small", "step": 3}
    other = fill(SwinUNet(SHAPE, jax.random.key(1)), back)
    for name, value in named_leaves(other).items():
        assert value.tobytes() == arrays[name].tobytes()
    from safetensors.numpy import load_file

    assert load_file(tmp_path / "w.safetensors").keys() == arrays.keys(), "other programs read it too"


def test_the_same_weights_are_the_same_file(tmp_path):
    arrays = named_leaves(SwinUNet(SHAPE, jax.random.key(0)))
    for name in "ab":
        write_tensors(tmp_path / name, arrays, {"x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_weights_of_another_network_are_refused():
    model, arrays = SwinUNet(SHAPE, jax.random.key(0)), named_leaves(SwinUNet(SHAPE, jax.random.key(0)))
    name = "surface_patch.weight"
    with pytest.raises(InputError, match=rf"missing .*{name}"):
        fill(model, {k: v for k, v in arrays.items() if k != name})
    with pytest.raises(InputError, match=r"not known .*more"):
        fill(model, {**arrays, "more": np.zeros(1)})
    with pytest.raises(InputError, match=r"must be float32\[12, 4\]; got float64\[12, 4\]"):
        fill(model, {**arrays, name: arrays[name].astype(np.float64)})


@pytest.mark.parametrize("where", [20, -1])
def test_a_damaged_file_is_refused(tmp_path, where):
    path = tmp_path / "w.safetensors"
    write_tensors(path, {"a": np.arange(6.0), "b": np.asarray(jnp.ones((2, 2)))}, {"n": 1})
    raw = bytearray(path.read_bytes())
    raw[where] ^= 1
    path.write_bytes(raw)
    with pytest.raises(InputError, match="damaged"):
        read_tensors(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_tensors(tmp_path / "absent")
