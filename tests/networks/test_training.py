"""Training: it learns, it can be killed, several devices do the same."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import train_small as small

from elterra.errors import InputError
from elterra.networks import Training, batch_indices, named_leaves, read_tensors

ROOT = Path(__file__).parents[2]


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "JAX_PLATFORMS": "cpu", **more}


def log(folder):
    lines = [json.loads(x) for x in (folder / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def same(a, b):
    a, b = named_leaves(a), named_leaves(b)
    assert a.keys() == b.keys()
    return all(a[k].tobytes() == b[k].tobytes() for k in a)


def test_it_learns_and_writes_a_log(tmp_path):
    settings = dataclasses.replace(small.SETTINGS, steps=300, rate=2e-2, checkpoint_every=1000, log_every=100)
    done = small.run(tmp_path, settings)
    lines = log(tmp_path)
    assert [line["step"] for line in lines] == [100, 200, 300]
    assert set(lines[0]) == {"step", "rate", "loss", "rmse", "gradient_norm"}
    assert lines[-1]["rate"] < lines[0]["rate"]
    assert done.steps == 300
    assert done.core_seconds > 0
    assert not same(done.model, done.last), "the running mean is not the last step"
    model, x, y = small.build()
    error = [np.mean((np.asarray(jax.vmap(m)(x)) - y) ** 2) for m in (model, done.model)]
    assert error[1] < 0.2 * error[0]


def test_a_stopped_run_goes_on_with_the_same_bits(tmp_path):
    whole = small.run(tmp_path / "whole")
    steps = iter(range(100))
    first = small.run(tmp_path / "cut", stop=lambda: next(steps) == 6)  # between two checkpoints
    assert first.steps == 7
    second = small.run(tmp_path / "cut")
    assert second.steps == 24
    assert same(whole.model, second.model)
    assert same(whole.last, second.last)
    assert log(tmp_path / "whole") == log(tmp_path / "cut")
    a, b = (read_tensors(tmp_path / f / "checkpoint.safetensors") for f in ("whole", "cut"))
    assert a[1] == b[1]
    assert all(a[0][k].tobytes() == b[0][k].tobytes() for k in a[0])
    again = small.run(tmp_path / "cut")
    assert again.steps == 24
    assert same(again.model, whole.model), "a finished run is read, not repeated"


def test_a_killed_run_goes_on_with_the_same_bits(tmp_path):
    """SIGKILL in the middle of the steps, in a process of its own."""
    program = [
        sys.executable,
        str(Path(__file__).parent / "train_small.py"),
        str(tmp_path / "killed"),
        "0.05",
    ]
    process = subprocess.Popen(program, env=environment())
    checkpoint = tmp_path / "killed" / "checkpoint.safetensors"
    until = time.monotonic() + 60
    while not checkpoint.exists() and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.1)
    assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    step = read_tensors(checkpoint)[1]["step"]
    assert 0 < step < 24
    resumed, whole = small.run(tmp_path / "killed"), small.run(tmp_path / "whole")
    assert same(resumed.model, whole.model)
    assert same(resumed.last, whole.last)
    assert log(tmp_path / "killed") == log(tmp_path / "whole")


def test_a_checkpoint_of_other_settings_or_a_damaged_one_is_refused(tmp_path):
    small.run(tmp_path, dataclasses.replace(small.SETTINGS, steps=4))
    with pytest.raises(InputError, match="other settings"):
        small.run(tmp_path, dataclasses.replace(small.SETTINGS, steps=4, rate=1e-3))
    path = tmp_path / "checkpoint.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 1
    path.write_bytes(raw)
    with pytest.raises(InputError, match="checksum"):
        small.run(tmp_path, dataclasses.replace(small.SETTINGS, steps=4))


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path):
    settings = dataclasses.replace(small.SETTINGS, rate=1e30, clip=1e30, warmup=0.0, decay=0.0)
    with pytest.raises(InputError, match="not finite at step"):
        small.run(tmp_path, settings)


def test_parts_of_a_batch_give_its_gradient():
    quiet = dataclasses.replace(small.SETTINGS, steps=1, warmup=0.0)
    model, x, y = small.build()

    def calm(model, batch, key):
        return small.loss(model, batch, jax.random.key(0))[0] * 0 + jax.numpy.mean(
            (jax.vmap(model)(batch[0]) - batch[1]) ** 2
        ), {}

    from elterra.networks import train

    one = train(model, calm, lambda step: (x[:8], y[:8]), quiet)
    two = train(model, calm, lambda step: (x[:8], y[:8]), dataclasses.replace(quiet, parts=4))
    for a, b in zip(named_leaves(one.last).values(), named_leaves(two.last).values(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)


def test_a_batch_that_cannot_be_shared_out_is_refused():
    with pytest.raises(InputError, match="7 samples cannot be shared out in 2 parts"):
        small.run(None, dataclasses.replace(small.SETTINGS, parts=2), batch=7)


def test_two_devices_share_a_batch_and_do_the_same(tmp_path):
    program = [sys.executable, str(Path(__file__).parent / "train_small.py"), str(tmp_path / "two")]
    subprocess.run(program, env=environment(XLA_FLAGS="--xla_force_host_platform_device_count=2"), check=True)
    small.run(tmp_path / "one")
    a, b = (read_tensors(tmp_path / f / "checkpoint.safetensors")[0] for f in ("one", "two"))
    for name, value in a.items():
        np.testing.assert_allclose(b[name], value, rtol=2e-3, atol=2e-5, err_msg=name)


def test_batches_take_each_sample_once_an_epoch_in_a_new_order():
    taken = np.concatenate([batch_indices(step, 10, 4, seed=3) for step in range(10)]).reshape(4, 10)
    assert all(sorted(epoch) == list(range(10)) for epoch in taken.tolist())
    assert len({tuple(epoch) for epoch in taken.tolist()}) == 4
    np.testing.assert_array_equal(batch_indices(7, 10, 4, seed=3), batch_indices(7, 10, 4, seed=3))
    assert (batch_indices(7, 10, 4, seed=3) != batch_indices(7, 10, 4, seed=4)).any()


def test_the_rate_rises_then_falls():
    rate = Training(steps=100, rate=1.0, warmup=0.1, last_rate=0.01).schedule()
    values = np.array([float(rate(i)) for i in range(100)])
    assert values[0] == 0.0
    assert values.argmax() == 10
    assert (np.diff(values[10:]) < 0).all()
    assert values[-1] < 0.02


def test_settings_without_meaning_are_refused():
    with pytest.raises(InputError, match="at least 1"):
        Training(steps=0)
    with pytest.raises(InputError, match="ema"):
        Training(steps=1, ema=1.0)
