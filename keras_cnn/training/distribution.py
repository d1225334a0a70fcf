"""Train on several GPUs of one machine, or on several machines.

- "mirrored": TensorFlow's `MirroredStrategy`, for the GPUs of one machine.
- "data-parallel": JAX with `keras.distribution.DataParallel`, for the devices of all processes.
  Every process runs the same command; they connect to an address.

The devices divide a batch among them. Its size stays the same for any number of devices, and so do
the learning rate and the number of steps.
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
from keras_cnn.i18n import N_
from keras_cnn.recipe import TrainingRecipe
from keras_cnn.training.sharding import Share

PATIENCE = 30  # seconds without a heartbeat after which a process counts as dead
_LOST = N_(
    "a process of this training was lost, so that the others end too: start all with --resume"
)


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices that a training runs on.

    Attributes:
        share: The share of every batch that this process reads.
        engine: TensorFlow's strategy or Keras' distribution; None for one device.
    """

    share: Share = Share()
    engine: Any = None

    @property
    def is_first(self) -> bool:
        """Whether this process writes, tests and reports."""
        return self.share.process == 0

    def scope(self) -> contextlib.AbstractContextManager:
        """Return the context that a model must be built and trained in."""
        return self.engine.scope() if self.engine else contextlib.nullcontext()

    def to_dict(self) -> dict:
        """Return the entries of the report."""
        kind = type(self.engine).__name__ if self.engine else "none"
        return {
            "engine": kind,
            "devices": self.share.devices,
            "processes": self.share.processes,
        }


def set_up(recipe: TrainingRecipe) -> Devices:
    """Find the devices of a recipe, and connect to the other processes.

    Args:
        recipe: The choices `distribute`, `coordinator`, `processes`, `process` and `batch_size`.

    Raises:
        InputError: The backend lacks this kind of distribution, the processes cannot connect, or
            the devices cannot divide a batch evenly.
    """
    backend, wanted = keras.backend.backend(), recipe.distribute
    place = processes(recipe)
    if backend == "tensorflow" and wanted != "none" and _workers(os.environ) > 1:
        raise InputError(
            "Keras 3 cannot train under TensorFlow's MultiWorkerMirroredStrategy (keras issue "
            "20585), which TF_CONFIG or --processes select: set KERAS_BACKEND=jax and "
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
    recipe: TrainingRecipe, environment: Mapping[str, str] = os.environ
) -> tuple[str, int, int] | None:
    """Return the address of the first process, the number of processes, and that of this one.

    The options count first, then Keras' own variables (``KERAS_DISTRIBUTION_JOB_ADDRESSES``,
    ``…_NUM_PROCESSES``, ``…_PROCESS_ID``), then those of SLURM, then the index that Kubernetes
    gives the pods of an indexed job (``JOB_COMPLETION_INDEX``).

    Args:
        recipe: The choices `coordinator`, `processes` and `process`.
        environment: Environment variables.

    Returns:
        The first process' "host:port", the number of processes, and the number of this one, from
        0; None if there is only one process.

    Raises:
        InputError: Address or number of this process is missing or out of range.
    """
    prefix = "KERAS_DISTRIBUTION_"
    # A job of one task has the variables of SLURM and Kubernetes, too.
    several = recipe.distribute == "data-parallel"
    address = recipe.coordinator or environment.get(prefix + "JOB_ADDRESSES", "").split(",")[0]
    number = recipe.processes or environment.get(prefix + "NUM_PROCESSES")
    process = recipe.process
    if process is None:
        process = environment.get(prefix + "PROCESS_ID")
    if several and "SLURM_PROCID" in environment:
        number = number or environment.get("SLURM_STEP_NUM_TASKS", environment.get("SLURM_NTASKS"))
        process = environment["SLURM_PROCID"] if process is None else process
        host = _first_host(environment.get("SLURM_STEP_NODELIST", ""))
        # JAX derives the port from the job, so that jobs on one machine do not collide.
        port = int(environment.get("SLURM_JOB_ID", "0")) % 4096 + 61440
        address = address or (f"{host}:{port}" if host else "")
    elif several and process is None:
        process = environment.get("JOB_COMPLETION_INDEX")
    if not number and (recipe.coordinator or recipe.process is not None):
        raise InputError(
            "--coordinator and --process need --processes, the number of all processes: add it, or "
            "leave them out"
        )
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
    """Wait until all processes have called this; JAX ends all if one ends much earlier.

    Raises:
        InputError: A process was lost.
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
def refuse_if_lost(devices: Devices):
    """Raise an `InputError` if another process was lost.

    Args:
        devices: The devices of the training.

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
    if not devices and forced:  # virtual devices of a CPU, for tests
        devices = tf.config.list_logical_devices("CPU")
    if len(devices) < 2 and not forced:
        return Devices()
    strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    return Devices(Share(strategy.num_replicas_in_sync), strategy)


def _data_parallel(place, *, forced):
    import jax

    if place and not jax.distributed.is_initialized():
        _connect(*place)
    count = jax.device_count()
    if count < 2 or not (forced or place or jax.default_backend() != "cpu"):
        return Devices()
    engine = keras.distribution.DataParallel(auto_shard_dataset=False)  # `Feed` shards
    return Devices(Share(count, jax.process_count(), jax.process_index()), engine)


def _connect(address, number, process):
    """Connect as `keras.distribution.initialize` does, but detect lost processes sooner."""
    import jax

    jax.config.update("jax_enable_preemption_service", False)  # it swallows SIGTERM
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
            f"process {process} of {number} cannot connect to the others at {address} "
            f"({str(error).splitlines()[0]}): start all of them, with the same --coordinator"
        ) from error


def _checked(devices, recipe):
    share = devices.share
    if recipe.batch_size % share.devices:
        raise InputError(
            f"--batch-size must be a multiple of the {share.devices} devices that divide a batch; "
            f"received {recipe.batch_size}: choose another, or --distribute none"
        )
    return devices


def _workers(environment):
    """Return the number of workers in TensorFlow's variable TF_CONFIG."""
    try:
        return len(json.loads(environment["TF_CONFIG"])["cluster"]["worker"])
    except (KeyError, TypeError, ValueError):
        return 1


def _first_host(nodes):
    """Return the first node of SLURM's list: "gpu[03-05,9],login1" -> "gpu03"."""
    head = re.match(r"([^,\[]*)(?:\[(\d+))?", nodes)
    return head[1] + (head[2] or "")
