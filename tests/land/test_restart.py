import numpy as np
import pytest

from elterra.land.restart import RestartError, read_restart, write_restart


def _write(path, value=1.0):
    write_restart(path, {"a": np.full((3, 2), value), "n": np.arange(4, dtype=np.int32)}, {"step": 17})


def test_comes_back_to_the_bit(tmp_path):
    _write(tmp_path / "r", 1 / 3)
    arrays, header = read_restart(tmp_path / "r")
    assert header == {"step": 17}
    assert arrays["a"].tobytes() == np.full((3, 2), 1 / 3).tobytes()
    assert arrays["n"].dtype == np.int32


@pytest.mark.parametrize("fraction", np.linspace(0.0, 0.999, 25))
def test_every_flipped_bit_is_found(tmp_path, fraction):
    path = tmp_path / "r"
    _write(path)
    content = bytearray(path.read_bytes())
    content[int(fraction * len(content))] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(RestartError, match="r:"):
        read_restart(path)


def test_a_truncated_file_is_found(tmp_path):
    path = tmp_path / "r"
    _write(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(RestartError, match="truncated or damaged"):
        read_restart(path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "r"
    _write(path, 1.0)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("elterra.land.restart.os.fsync", full)
    with pytest.raises(RestartError, match="No space left"):
        _write(path, 2.0)
    assert read_restart(path)[0]["a"][0, 0] == 1.0
    assert list(tmp_path.iterdir()) == [path]
