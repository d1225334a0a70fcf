"""Training on several GPUs of one machine, or on several machines, by engines that exist.

- "mirrored": TensorFlow's `MirroredStrategy`, for the GPUs of one machine.
- "data-parallel": JAX with `keras.distribution.DataParallel`, for the devices of all processes.
  Every process runs the same command; they find one another by an address.

A batch has the same size on any number of devices, which divide it, so that neither the learning
rate nor the number of steps changes.
"""

import contextlib
import dataclasses
import json
import os
import re
from collections.abc import Mapping
from typing import Any

import keras

from keras_cnn.errors import InputError
from keras_cnn.recipe import Recipe
from keras_cnn.training.sharding import Share

PATIENCE = 30  # seconds without a sign of life after which a process counts as dead
_LOST = "a process of this training was lost, so that the others end too: start all with --resume"


@dataclasses.dataclass(frozen=True)
class Devices:
    """On what a training runs.

    Attributes:
        share: This process' part of every batch.
        engine: TensorFlow's strategy or Keras' distribution; None for one device.
    """

    share: Share = Share()
    engine: Any = None

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes, tests and reports."""
        return self.share.process == 0

    def scope(self) -> contextlib.AbstractContextManager:
        """Return what a model must be built and trained in."""
        return self.engine.scope() if self.engine else contextlib.nullcontext()

    def to_dict(self) -> dict:
        """Return what the report tells."""
        kind = type(self.engine).__name__ if self.engine else "none"
        return {
            "engine": kind,
            "devices": self.share.devices,
            "processes": self.share.processes,
        }


def set_up(recipe: Recipe) -> Devices:
    """Find the devices that a recipe asks for, and the other processes.

    Args:
        recipe: The choices `distribute`, `coordinator`, `processes`, `process` and `batch_size`.

    Raises:
        InputError: The backend cannot do it, the processes do not find one another, or the devices
            cannot divide a batch evenly.
    """
    backend, wanted = keras.backend.backend(), recipe.distribute
    place = processes(recipe)
    if backend == "tensorflow" and wanted != "none" and _workers(os.environ) > 1:
        raise InputError(
            "Keras 3 cannot train under TensorFlow's MultiWorkerMirroredStrategy (keras issue "
            "20585), for which TF_CONFIG or --processes ask: set KERAS_BACKEND=jax and give "
            "--distribute data-parallel, or --distribute none to train on this machine alone"
        )
    needed = {"mirrored": "tensorflow", "data-parallel": "jax"}.get(wanted, backend)
    if needed != backend:
        raise InputError(
            f"--distribute {wanted} needs the backend {needed}; this is {backend}: set "
            f"KERAS_BACKEND={needed}"
        )
    if place and wanted == "none" or backend == "torch":
        place = None
    if backend == "tensorflow" and wanted != "none":
        if place:
            raise InputError(
                "--processes needs the backend jax, since Keras 3 cannot train under TensorFlow's "
                "MultiWorkerMirroredStrategy (keras issue 20585): set KERAS_BACKEND=jax"
            )
        return _checked(_mirrored(forced=wanted == "mirrored"), recipe)
    if backend == "jax" and wanted != "none":
        return _checked(_data_parallel(place, forced=wanted == "data-parallel"), recipe)
    return Devices()


def processes(
    recipe: Recipe, environment: Mapping[str, str] = os.environ
) -> tuple[str, int, int] | None:
    """Find out which of how many processes this is.

    The options count first, then Keras' own variables (``KERAS_DISTRIBUTION_JOB_ADDRESSES``,
    ``…_NUM_PROCESSES``, ``…_PROCESS_ID``), then those of SLURM, then the index that Kubernetes
    gives the pods of an indexed job (``JOB_COMPLETION_INDEX``).

    Args:
        recipe: The choices `coordinator`, `processes` and `process`.
        environment: Environment variables.

    Returns:
        The first process' "host:port", the number of processes and that of this one, from 0; None
        where there is only one process.

    Raises:
        InputError: One of the three is missing.
    """
    own = "KERAS_DISTRIBUTION_"
    several = recipe.distribute == "data-parallel"  # a job of one task has these variables too
    address = recipe.coordinator or environment.get(own + "JOB_ADDRESSES", "").split(",")[0]
    number = recipe.processes or environment.get(own + "NUM_PROCESSES")
    process = recipe.process
    if process is None:
        process = environment.get(own + "PROCESS_ID")
    if several and "SLURM_PROCID" in environment:
        number = number or environment.get("SLURM_STEP_NUM_TASKS", environment.get("SLURM_NTASKS"))
        process = environment["SLURM_PROCID"] if process is None else process
        host = _first_host(environment.get("SLURM_STEP_NODELIST", ""))
        # The port that JAX takes: another for every job that may run on the same machine.
        port = int(environment.get("SLURM_JOB_ID", "0")) % 4096 + 61440
        address = address or (f"{host}:{port}" if host else "")
    elif several and process is None:
        process = environment.get("JOB_COMPLETION_INDEX")
    if not number or int(number) == 1:
        return None
    if not address or process is None:
        raise InputError(
            f"{number} processes need --coordinator host:port of the first of them, and each its "
            f"--process number; received --coordinator {address or None} --process {process}"
        )
    if not 0 <= int(process) < int(number):
        raise InputError(
            f"--process must lie between 0 and {int(number) - 1}, since --processes is {number}; "
            f"received {process}"
        )
    return address, int(number), int(process)


def wait() -> None:
    """Wait for the other processes to come here; JAX ends them all when one ends much earlier.

    Raises:
        InputError: One of them was lost.
    """
    if keras.backend.backend() != "jax":
        return
    import jax
    from jax.experimental import multihost_utils

    if jax.process_count() == 1:
        return
    try:
        multihost_utils.sync_global_devices("keras_cnn")
    except Exception as error:
        raise InputError(_LOST) from error


@contextlib.contextmanager
def told_if_lost(devices: Devices):
    """Tell in a sentence that another process was lost.

    Args:
        devices: On what the training runs.

    Raises:
        InputError: An operation over all processes failed.
    """
    try:
        yield
    except (InputError, KeyboardInterrupt, SystemExit):
        raise
    except Exception as error:
        signs = r"gloo|nccl|coordination|heartbeat|connection|peer|unavailable|deadline"
        if devices.share.processes > 1 and re.search(signs, str(error), re.IGNORECASE):
            raise InputError(_LOST) from error
        raise


def _mirrored(*, forced):
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU")
    if not devices and forced:  # virtual devices of a CPU, to try it out
        devices = tf.config.list_logical_devices("CPU")
    if len(devices) < 2 and not forced:
        return Devices()
    strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    return Devices(Share(strategy.num_replicas_in_sync), strategy)


def _data_parallel(place, *, forced):
    import jax

    if place and not jax.distributed.is_initialized():
        _meet(*place)
    count = jax.device_count()
    if count < 2 or not (forced or place or jax.default_backend() != "cpu"):
        return Devices()
    engine = keras.distribution.DataParallel(auto_shard_dataset=False)  # `Feed` does
    return Devices(Share(count, jax.process_count(), jax.process_index()), engine)


def _meet(address, number, process):
    """Find the other processes, as `keras.distribution.initialize` does, but miss them sooner."""
    import jax

    jax.config.update("jax_enable_preemption_service", False)  # it would swallow SIGTERM
    try:
        jax.distributed.initialize(
            address,
            num_processes=number,
            process_id=process,
            initialization_timeout=10 * PATIENCE,
            heartbeat_timeout_seconds=PATIENCE,
            shutdown_timeout_seconds=PATIENCE,
        )
    except RuntimeError as error:
        raise InputError(
            f"process {process} of {number} does not find the others at {address} "
            f"({str(error).splitlines()[0]}): start all of them, with the same --coordinator"
        ) from error


def _checked(devices, recipe):
    share = devices.share
    if recipe.batch_size % share.devices:
        raise InputError(
            f"--batch-size must be a multiple of the {share.devices} devices that divide a batch; "
            f"received {recipe.batch_size}: give another, or --distribute none"
        )
    return devices


def _workers(environment):
    """Number of workers of which TensorFlow's own variable tells."""
    try:
        return len(json.loads(environment["TF_CONFIG"])["cluster"]["worker"])
    except (KeyError, TypeError, ValueError):
        return 1


def _first_host(nodes):
    """First of SLURM's list of nodes: "gpu[03-05,9],login1" -> "gpu03"."""
    head = re.match(r"([^,\[]*)(?:\[(\d+))?", nodes)
    return head[1] + (head[2] or "")
