"""Commits in a background thread, so that the model does not wait for the disk."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping

import numpy as np

from elterra.product.store import StoreError, StoreWriter

_STOP = object()


class AsyncCommitter:
    """Wraps a `StoreWriter`; `commit` returns at once, windows are written in the order given.

    The queue is bounded: when the disk is slower than the model, `commit` waits. An error of the thread is
    raised by the next call of `commit`, `flush` or `close`; windows after the failed one are not written.
    Arrays belong to the committer once handed over.
    """

    def __init__(self, writer: StoreWriter, depth: int = 16) -> None:
        self._writer = writer
        self._queue: queue.Queue = queue.Queue(maxsize=depth)
        self._error: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="elterra-committer", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while True:
            item = self._queue.get()
            try:
                if item is _STOP:
                    return
                if self._error is None:
                    self._writer.commit(*item)
            except BaseException as error:  # handed to the caller's thread
                self._error = error
            finally:
                self._queue.task_done()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def commit(self, window: int, data: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Hands `window` over. Raises the error of an earlier window, if there was one."""
        self._check()
        if self._closed:
            raise StoreError(f"{self._writer.path}: the committer is closed")
        self._queue.put((window, data))

    def flush(self) -> None:
        """Waits until everything handed over is committed; raises what went wrong."""
        self._queue.join()
        self._check()

    def close(self) -> None:
        """Flushes and ends the thread. The writer stays open."""
        if not self._closed:
            self._closed = True
            self._queue.put(_STOP)
            self._thread.join()
        self._check()

    def __enter__(self) -> AsyncCommitter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:  # the first error is the one to see
            try:
                self.close()
            except Exception as error:
                del error
