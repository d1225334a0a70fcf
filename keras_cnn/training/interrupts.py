"""End a training between two steps at Ctrl-C or SIGTERM, so that it can be tested and saved."""

import contextlib
import signal
import threading

import keras

from keras_cnn.i18n import say


@contextlib.contextmanager
def ended_by_sigterm():
    """Treat SIGTERM like Ctrl-C, and end the process with code 143 after the block."""
    ended = threading.Event()

    def end(*_):
        ended.set()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second SIGTERM ends at once
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only it receives signals
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
    """Delay a first Ctrl-C or SIGTERM until the current step ends; a second one acts at once.

    TensorFlow calls Python in the middle of its own work, and an exception raised there may corrupt
    its memory: 2 of 100 trainings aborted that received a signal at the start of an epoch. NumPy
    swallows an exception that is raised while it reads an array of JAX.

    Yields:
        Keras callback that handles a delayed signal before the next step of training or validation.
    """
    delayed = []

    def delay(number, frame):
        signal.signal(number, before[number])
        delayed.append(number)
        with contextlib.suppress(RuntimeError):  # the signal interrupted another print
            say("\nEnding after this step; a second signal ends at once.", flush=True)

    def end(*_, **__):
        if delayed:
            number = max(delayed)  # SIGTERM if both arrived, for its exit code
            delayed.clear()
            before[number](number, None)

    before = {}
    if threading.current_thread() is threading.main_thread():  # only it receives signals
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        before = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in before:
        signal.signal(number, delay)
    try:
        yield keras.callbacks.LambdaCallback(on_train_batch_begin=end, on_test_batch_begin=end)
        end()
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is delay:
                signal.signal(number, handler)
