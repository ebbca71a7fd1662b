"""Large files written past the page cache of the system, by a thread that waits for the disk meanwhile.

The copy into the page cache, and the memory that it takes from everything else, cost a large replay a quarter
of its time. Where a file system does not take direct writes (open(2), `O_DIRECT`), ordinary ones are used.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

#: Addresses, sizes and offsets of direct writes are multiples of the largest block that disks have.
_BLOCK: Final = 4096
_BUFFER_BYTES: Final = 4 << 20
_BUFFERS: Final = 3

U8 = NDArray[np.uint8]
_Filled = tuple[U8, int] | None


class StraightFile:
    """A new file that is written from its begin to its end. Not for several threads at once.

    What goes wrong with the disk is raised by a later `write`, at the latest by `close`.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        self._path = path
        self._direct = _go_direct(self._file, direct=True)
        self._free: SimpleQueue[U8] = SimpleQueue()
        self._filled: SimpleQueue[_Filled] = SimpleQueue()
        for _ in range(_BUFFERS):
            self._free.put(_aligned(_BUFFER_BYTES))
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

    def room(self, least: int) -> U8:
        """An array of at least so many bytes to write to; it is good until the next call of a method.

        Raises OSError if earlier bytes could not be written.
        """
        if self._buffer.size - self._used < least:
            self._hand_over(least)
        return self._buffer[self._used :]

    def took(self, size: int) -> None:
        """So many bytes at the beginning of the room are part of the file now."""
        self._used += size

    def write(self, data: bytes | memoryview) -> int:
        """Take bytes; raises OSError if earlier ones could not be written."""
        rest = np.frombuffer(data, np.uint8)
        while rest.size:
            room = self.room(1)
            taken = min(rest.size, room.size)
            room[:taken] = rest[:taken]
            self.took(taken)
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

    def _hand_over(self, least: int) -> None:
        """Have the whole blocks written; the rest of a block goes on in a buffer with so much room."""
        filled, used = self._buffer, self._used
        whole = used - used % _BLOCK
        self._filled.put((filled, whole))
        self._buffer, self._used = self._free.get(), used - whole
        if self._buffer.size < self._used + least:
            self._buffer = _aligned(self._used + least)
        self._buffer[: self._used] = filled[whole:used]
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

    def _put(self, buffer: U8, used: int) -> None:
        """Whole blocks directly; from a part of one on, which only the end has, as usual."""
        done, whole = 0, used - used % _BLOCK
        while done < used:
            if self._direct and (done >= whole or done % _BLOCK):
                self._direct = _go_direct(self._file, direct=False)
            end = whole if self._direct else used
            try:
                done += os.write(self._file, buffer[done:end].data)
            except OSError as error:
                if not self._direct or error.errno != errno.EINVAL:
                    raise
                self._direct = _go_direct(self._file, direct=False)


def _aligned(size: int) -> U8:
    """An array that begins with a page of memory, made of large ones where the system has them: the fewer
    there are, the less there is to do for a direct write.
    """
    memory = mmap.mmap(-1, size)
    if sys.platform == "linux":
        with suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8)


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
