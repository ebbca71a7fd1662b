"""Large files written past the page cache of the system, by a thread that waits for the disk meanwhile.

The copy into the page cache, and the memory that it takes from everything else, cost a large replay a quarter
of its time. Where a file system does not take direct writes (open(2), `O_DIRECT`), ordinary ones are used.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Final, Self

#: Addresses, sizes and offsets of direct writes are multiples of the largest block that disks have.
_BLOCK: Final = 4096
_BUFFER_BYTES: Final = 4 << 20
_BUFFERS: Final = 3

_Filled = tuple[mmap.mmap, int] | None


class StraightFile:
    """A new file that is written from its begin to its end. Not for several threads at once.

    What goes wrong with the disk is raised by a later `write`, at the latest by `close`.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        self._path = path
        self._direct = _go_direct(self._file, direct=True)
        self._free: SimpleQueue[mmap.mmap] = SimpleQueue()
        self._filled: SimpleQueue[_Filled] = SimpleQueue()
        for _ in range(_BUFFERS):
            self._free.put(mmap.mmap(-1, _BUFFER_BYTES))
        self._buffer, self._used = self._free.get(), 0
        self._error: OSError | None = None
        self._closed = False
        self._thread = Thread(target=self._write_all, name=f"writing {path.name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, data: bytes | memoryview) -> int:
        """Take bytes; raises OSError if earlier ones could not be written."""
        rest = memoryview(data)
        while rest:
            if self._used == _BUFFER_BYTES:
                self._hand_over()
            taken = min(rest.nbytes, _BUFFER_BYTES - self._used)
            self._buffer[self._used : self._used + taken] = rest[:taken]
            self._used += taken
            rest = rest[taken:]
        return memoryview(data).nbytes

    def close(self) -> None:
        """Write what is left and close the file; raises OSError if not all is written."""
        if self._closed:
            return
        self._closed = True
        self._filled.put((self._buffer, self._used))
        self._filled.put(None)
        self._thread.join()
        os.close(self._file)
        if self._error is not None:
            raise self._error

    def _hand_over(self) -> None:
        self._filled.put((self._buffer, self._used))
        self._buffer, self._used = self._free.get(), 0
        if self._error is not None:
            raise self._error

    def _write_all(self) -> None:
        while (filled := self._filled.get()) is not None:
            buffer, used = filled
            if self._error is None:
                try:
                    self._put(buffer, used)
                except OSError as error:
                    error.filename = str(self._path)
                    self._error = error
            self._free.put(buffer)

    def _put(self, buffer: mmap.mmap, used: int) -> None:
        """Whole blocks directly; from a part of one on, which only the end has, as usual."""
        done, whole = 0, used - used % _BLOCK
        with memoryview(buffer) as view:
            while done < used:
                if self._direct and (done >= whole or done % _BLOCK):
                    self._direct = _go_direct(self._file, direct=False)
                end = whole if self._direct else used
                try:
                    done += os.write(self._file, view[done:end])
                except OSError as error:
                    if not self._direct or error.errno != errno.EINVAL:
                        raise
                    self._direct = _go_direct(self._file, direct=False)


def _go_direct(file: int, *, direct: bool) -> bool:
    """Let the writes of a file go directly or not; whether they do now."""
    if sys.platform != "linux":
        return False
    import fcntl

    flags = fcntl.fcntl(file, fcntl.F_GETFL)
    try:
        fcntl.fcntl(file, fcntl.F_SETFL, flags | os.O_DIRECT if direct else flags & ~os.O_DIRECT)
    except OSError:
        return False
    return direct
