"""Tells numba whether machine code that it kept is still that of the sources: numba asks for it by name.

Unlike numba's own, it also looks at every module of ours that the function's module imports, directly or not,
since their functions and numbers are compiled into it.
"""

from __future__ import annotations

from numba.core.caching import UserProvidedCacheLocator

from workers.machine_code import stamp


class Locator(UserProvidedCacheLocator):
    """Keeps machine code in the folder that was chosen, for as long as no source has changed."""

    def get_source_stamp(self) -> str:
        """What the function was compiled from."""
        return stamp(self._py_file) or str(super().get_source_stamp())  # type: ignore[no-untyped-call]
