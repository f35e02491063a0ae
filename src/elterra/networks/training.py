"""The training loop, for any Equinox model: it can be killed at any moment and goes on with the same bits.

What a step does depends on the settings, the seed and the number of the step only. A checkpoint holds the weights, their
running mean, the optimiser and the step; the log of a resumed run is cut back to its checkpoint.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from elterra.errors import InputError
from elterra.files import digest_of
from elterra.networks.weights import fill, named_leaves, read_tensors, write_tensors

Model = TypeVar("Model")
#: loss of a batch: (model, batch, key) to the loss and numbers for the log
Loss = Callable[[Any, Any, jax.Array], tuple[jax.Array, Mapping[str, jax.Array]]]
CHECKPOINT, LOG = "checkpoint.safetensors", "log.jsonl"


@dataclass(frozen=True)
class Training:
    """Settings. ``steps`` in all; the rate rises linearly over ``warmup`` (a share of the steps) to ``rate``, then falls
    along a cosine to ``last_rate`` times it. AdamW with ``betas`` and ``decay`` (on matrices only). Gradients are cut to the
    norm ``clip``. ``ema``: memory of the running mean of the weights, shorter in the first steps. A checkpoint every
    ``checkpoint_every`` steps and at the end; a line of the log every ``log_every``. ``parts``: a batch is computed in that
    many parts, one after another, whose gradients are averaged: less memory."""

    steps: int
    rate: float = 5e-4
    warmup: float = 0.05
    last_rate: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    decay: float = 1e-2
    clip: float = 1.0
    ema: float = 0.999
    seed: int = 0
    checkpoint_every: int = 200
    log_every: int = 20
    parts: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1 or self.parts < 1 or self.log_every < 1 or self.checkpoint_every < 1:
            raise InputError("Training: steps, parts, log_every and checkpoint_every must be at least 1")
        if not 0.0 <= self.ema < 1.0 or not 0.0 <= self.warmup < 1.0:
            raise InputError(
                f"Training: ema and warmup lie in [0, 1); got ema {self.ema}, warmup {self.warmup}"
            )

    def schedule(self) -> optax.Schedule:
        """The learning rate by step."""
        rise = max(1, round(self.warmup * self.steps))
        return optax.warmup_cosine_decay_schedule(
            0.0, self.rate, rise, max(self.steps, rise + 1), self.rate * self.last_rate
        )

    def optimiser(self) -> optax.GradientTransformation:
        """Clipping, then AdamW."""
        return optax.chain(
            optax.clip_by_global_norm(self.clip),
            optax.adamw(
                self.schedule(),
                *self.betas,
                weight_decay=self.decay,
                mask=lambda tree: jax.tree.map(_matrix, tree),
            ),
        )


class State(eqx.Module, Generic[Model]):
    """All that a step changes."""

    model: Model
    ema: Any  #: the running mean of the trained leaves, else None
    optimiser: Any
    step: jax.Array


@dataclass(frozen=True)
class Trained(Generic[Model]):
    """``model``: with the running mean of the weights, the one to use. ``last``: with those of the last step. ``steps``
    done; fewer than asked for where the run was stopped."""

    model: Model
    last: Model
    steps: int
    seconds: float
    core_seconds: float


def train(
    model: Model,
    loss: Loss,
    batches: Callable[[int], Any],
    settings: Training,
    folder: Path | None = None,
    *,
    stop: Callable[[], bool] | None = None,
) -> Trained[Model]:
    """Trains ``model``.

    ``batches`` gives the batch of a step, a pytree of arrays with the sample as first axis: always the same for one step.
    With a ``folder``, checkpoints and the log go there and a run of the same settings and sizes found there is continued;
    one of others is an error. ``stop`` is asked after each step; a stopped run writes its checkpoint. Several devices
    share the samples of a batch, whose number must be a multiple of theirs.

    Raises InputError for a checkpoint of other settings and for a loss that is not finite (the checkpoint before it stands).
    """
    optimiser = settings.optimiser()
    trained = eqx.filter(model, eqx.is_inexact_array)
    state = State(model, trained, optimiser.init(trained), jnp.asarray(0, jnp.int32))
    # the network is float32, the schedule of the rate is not: JAX's precision is part of the bits
    precision = bool(jax.config.read("jax_enable_x64"))
    header = {"settings": digest_of({**asdict(settings), "x64": precision}), "step": 0}
    begin = 0
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        state, begin = _resume(folder, state, header)
    place, check = _placement()
    state = place(state, False)
    step_of = _step_function(loss, optimiser, settings)
    start, cpu = time.perf_counter(), time.process_time()
    done = begin
    lines: list[str] = []
    for step in range(begin, settings.steps):
        batch = batches(step)
        check(batch, settings.parts)
        state, told = step_of(state, place(batch, True))
        done = step + 1
        if done % settings.log_every == 0 or done == settings.steps:
            lines.append(_line(done, told, time.perf_counter() - start, settings))
        stopped = stop is not None and stop()
        if folder is not None and (
            done % settings.checkpoint_every == 0 or done == settings.steps or stopped
        ):
            _append(folder / LOG, lines)
            lines = []
            _write(folder, state, {**header, "step": done})
        if stopped:
            break
    jax.block_until_ready(state)
    used = time.perf_counter() - start, time.process_time() - cpu
    last = state.model
    return Trained(eqx.combine(state.ema, last), last, done, *used)


def _matrix(leaf: Any) -> bool:
    return bool(leaf.ndim >= 2)


def _step_function(
    loss: Loss, optimiser: optax.GradientTransformation, settings: Training
) -> Callable[[State, Any], tuple[State, dict[str, jax.Array]]]:
    """The compiled step: gradient, clipping, update, running mean."""
    seed = jax.random.key(settings.seed)

    def gradient(model: Any, batch: Any, key: jax.Array) -> tuple[dict[str, jax.Array], Any]:
        value_and_grad = eqx.filter_value_and_grad(lambda m: loss(m, batch, key), has_aux=True)
        (value, told), grad = value_and_grad(model)
        return {"loss": value, **told}, grad

    def in_parts(model: Any, batch: Any, key: jax.Array) -> tuple[dict[str, jax.Array], Any]:
        if settings.parts == 1:
            return gradient(model, batch, key)
        split = jax.tree.map(lambda x: x.reshape(settings.parts, -1, *x.shape[1:]), batch)

        def one(_: None, part: tuple[Any, jax.Array]) -> tuple[None, Any]:
            return None, gradient(model, part[0], part[1])

        every = jax.lax.scan(one, None, (split, jax.random.split(key, settings.parts)))[1]
        mean: tuple[dict[str, jax.Array], Any] = jax.tree.map(lambda x: x.mean(axis=0), every)
        return mean

    def step(state: State, batch: Any) -> tuple[State, dict[str, jax.Array]]:
        told, grad = in_parts(state.model, batch, jax.random.fold_in(seed, state.step))
        norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(grad)))
        params = eqx.filter(state.model, eqx.is_inexact_array)
        updates, optimiser_state = optimiser.update(grad, state.optimiser, params)
        model = eqx.apply_updates(state.model, updates)
        count = state.step + 1
        keep = jnp.minimum(settings.ema, (1.0 + count) / (10.0 + count)).astype(jnp.float32)
        fresh = eqx.filter(model, eqx.is_inexact_array)
        ema = jax.tree.map(
            lambda old, new: (keep * old + (1 - keep) * new).astype(new.dtype), state.ema, fresh
        )
        return State(model, ema, optimiser_state, count), {**told, "gradient_norm": norm}

    compiled: Callable[[State, Any], tuple[State, dict[str, jax.Array]]] = eqx.filter_jit(step)
    return compiled


def _placement() -> tuple[Callable[[Any, bool], Any], Callable[[Any, int], None]]:
    """How arrays get to the devices: samples shared out, all else on each; and the check of a batch's size."""
    devices = jax.devices()

    def check(batch: Any, parts: int) -> None:
        sizes = {x.shape[0] for x in jax.tree.leaves(batch)}
        if len(sizes) != 1:
            raise InputError(
                f"training: arrays of a batch differ in their number of samples: {sorted(sizes)}"
            )
        (size,) = sizes
        if size % (parts * len(devices)):
            raise InputError(
                f"training: a batch of {size} samples cannot be shared out in {parts} parts on {len(devices)} devices"
            )

    if len(devices) == 1:
        return lambda tree, _: tree, check
    mesh = jax.make_mesh((len(devices),), ("sample",))
    spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("sample"))
    everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())

    def place(tree: Any, samples: bool) -> Any:
        arrays, rest = eqx.partition(tree, lambda x: isinstance(x, np.ndarray | jax.Array))
        return eqx.combine(jax.device_put(arrays, spread if samples else everywhere), rest)

    return place, check


def _resume(folder: Path, state: State, header: Mapping[str, Any]) -> tuple[State, int]:
    path = folder / CHECKPOINT
    if not path.exists():
        (folder / LOG).unlink(missing_ok=True)  # of a run killed before its first checkpoint
        return state, 0
    arrays, found = read_tensors(path)
    if found["settings"] != header["settings"]:
        raise InputError(
            f"{path}: made with other settings of training or another precision of JAX (jax_enable_x64). Use "
            "those it was made with, or another folder."
        )
    step = int(found["step"])
    log = folder / LOG
    if log.exists():
        lines = log.read_text(encoding="utf-8").splitlines()
        whole = [x for x in lines if x.endswith("}") and json.loads(x)["step"] <= step]
        log.write_text("".join(f"{x}\n" for x in whole), encoding="utf-8")
    return fill(state, arrays, str(path)), step


def _write(folder: Path, state: State, header: Mapping[str, Any]) -> None:
    write_tensors(folder / CHECKPOINT, named_leaves(state), header)


def _line(step: int, told: Mapping[str, jax.Array], seconds: float, settings: Training) -> str:
    values = {name: float(np.asarray(value)) for name, value in told.items()}
    wrong = [name for name, value in values.items() if not np.isfinite(value)]
    if wrong:
        raise InputError(
            f"training: {', '.join(wrong)} not finite at step {step}. Lower the rate ({settings.rate}) or look for data "
            "that are not finite; the last checkpoint stands."
        )
    rate = float(np.asarray(settings.schedule()(step - 1)))
    return json.dumps({"step": step, "rate": rate, **values, "seconds": round(seconds, 3)})


def _append(path: Path, lines: list[str]) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(f"{x}\n" for x in lines)
