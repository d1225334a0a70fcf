"""Ctrl-C and SIGTERM during a training: it ends between two steps, and is then tested and saved."""

import contextlib
import signal
import threading

import keras


@contextlib.contextmanager
def ended_by_sigterm():
    """Let SIGTERM do what Ctrl-C does, and end the process with its code once that is done."""
    ended = threading.Event()

    def end(*_):
        ended.set()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends at once
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # no signals come here
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        if not ended.is_set():
            raise
    finally:
        signal.signal(signal.SIGTERM, before)
    if ended.is_set():
        raise SystemExit(128 + signal.SIGTERM)


@contextlib.contextmanager
def ended_between_steps():
    """Let a first Ctrl-C or SIGTERM wait until a step is done; a second one is heard at once.

    TensorFlow calls Python in the middle of its own work, and an exception that comes up there may
    leave its memory spoilt: 2 of 100 trainings that were told to end while an epoch began ended in
    an abort. NumPy loses one altogether while it reads an array of JAX.

    Yields:
        Callback of Keras that raises what has waited, before a step of training or validation.
    """
    waiting = []

    def wait(number, frame):
        signal.signal(number, before[number])
        waiting.append(number)
        with contextlib.suppress(RuntimeError):  # came in the middle of another line
            print("\nEnding after this step; a second time, and it ends at once.", flush=True)

    def end(*_, **__):
        if waiting:
            number = max(waiting)  # SIGTERM, where both have come: the exit code is its
            waiting.clear()
            before[number](number, None)

    before = {}
    if threading.current_thread() is threading.main_thread():  # signals come nowhere else
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        before = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in before:
        signal.signal(number, wait)
    try:
        yield keras.callbacks.LambdaCallback(on_train_batch_begin=end, on_test_batch_begin=end)
        end()
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is wait:
                signal.signal(number, handler)
