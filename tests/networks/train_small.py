"""A small training run as a program of its own, to be killed: ``python train_small.py FOLDER STEPS [PAUSE]``."""

import sys
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import elterra.land  # noqa: F401  (settings of JAX as in the other tests: they are part of the bits)
from elterra.networks import Training, batch_indices, generator, train

SETTINGS = Training(steps=24, rate=3e-3, seed=5, checkpoint_every=4, log_every=2, ema=0.9)


def build():
    """A network of two layers in float32 that learns a wave."""
    model = eqx.nn.MLP(2, 1, 16, 1, key=jax.random.key(1), dtype=jnp.float32)
    rng = generator(0, 9, 0)
    x = rng.standard_normal((40, 2)).astype(np.float32)
    return model, x, np.sin(2 * x[:, :1] + x[:, 1:]).astype(np.float32)


def loss(model, batch, key):
    """Squared error of inputs with a little noise."""
    x, y = batch
    x = x + 0.01 * jax.random.normal(key, x.shape, x.dtype)
    error = jnp.mean((jax.vmap(model)(x) - y) ** 2)
    return error, {"rmse": jnp.sqrt(error)}


def run(folder, settings=SETTINGS, pause=0.0, stop=None, batch=8):
    """The run; with a pause in each step, so that it can be killed in between."""
    model, x, y = build()

    def batches(step):
        time.sleep(pause)
        rows = batch_indices(step, len(x), batch, settings.seed)
        return x[rows], y[rows]

    return train(model, loss, batches, settings, folder, stop=stop)


if __name__ == "__main__":
    run(Path(sys.argv[1]), pause=float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
