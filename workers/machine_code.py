"""Where compiled machine code is kept, so that it is never older than the sources it was made of.

Numba keeps what it compiled for the next process, and compiles a function again when that function's own file
changes. It does not notice when a function of another file, or a number imported from there, has changed that
was compiled into it: after an upgrade it would answer by the old rules. So machine code is kept in a folder
named after everything that it could have been made of, and another version of anything is another folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import sys
import tempfile
from pathlib import Path

from workers.clock import unix_seconds
from workers.settings import cache_home, keep_machine_code_in, machine_code_folder

#: Folders of machine code that no process has used for so long are removed.
UNUSED_DAYS = 30

_ROOT = Path(__file__).parents[1]
_DAY_S = 86_400
_COMPILED = b"\nfrom rules.jit import"
#: The file of each package that names its version: quicker to read than the metadata of a distribution.
_COMPILERS = {"numba": "_version.py", "llvmlite": "_version.py", "numpy": "version.py"}
_IMPORT = re.compile(
    rb"^(?:from|import) ((?:rules|workers|schemas)\b[\w.]*)(?: import (\([^)]*\)|.*))?", re.MULTILINE
)
_NAME = re.compile(rb"\w+")


def prepare() -> None:
    """Choose the folder of machine code for this process and those it starts.

    To be called before the first import of a module with compiled functions. Does nothing where the user has
    set `NUMBA_CACHE_DIR`.
    """
    if machine_code_folder() is not None:
        return
    home, name = cache_home(), fingerprint()
    at_home = () if home is None else (home / "tierline" / "machine-code",)
    for kept in (*at_home, Path(tempfile.gettempdir()) / f"tierline-machine-code-{os.getuid()}"):
        folder = kept / name
        if _usable(folder):
            _remove_unused(kept, folder)
            keep_machine_code_in(folder)
            return


def fingerprint(root: Path = _ROOT) -> str:
    """What machine code could have been made of, sources below `root` and compilers, as 32 hex digits.

    Numba itself tells processors apart within a folder.
    """
    digest = hashlib.sha256()
    for name, text in sorted(compiled_sources(root).items()):
        digest.update(b"%s\0%d\0" % (name.encode(), len(text)))
        digest.update(text)
    digest.update(f"{sys.version}\0{platform.machine()}\0".encode())
    for package, file in _COMPILERS.items():
        digest.update(_version_text(package, file))
    return digest.hexdigest()[:32]


def compiled_sources(root: Path) -> dict[str, bytes]:
    """The modules with compiled functions and all modules of ours that they import, directly or not."""
    texts = {}
    for package in ("rules", "workers"):
        for folder, _, files in os.walk(root / package):
            module = folder[len(str(root)) + 1 :].replace(os.sep, ".")
            for file in files:
                if file.endswith(".py"):
                    name = f"{module}.{file[:-3]}".removesuffix(".__init__")
                    texts[name] = Path(folder, file).read_bytes()
    waiting = [name for name, text in texts.items() if _COMPILED in text]
    found: dict[str, bytes] = {}
    while waiting:
        name = waiting.pop()
        if name not in found and name in texts:
            found[name] = texts[name]
            waiting += _imported(texts[name])
    return found


def _version_text(package: str, file: str) -> bytes:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return b""
    return Path(spec.origin).with_name(file).read_bytes()


def _imported(text: bytes) -> list[str]:
    """The names of modules that a source imports at its top; names that are no modules do no harm."""
    names = []
    for module, what in _IMPORT.findall(text):
        names.append(module.decode())
        names += [f"{module.decode()}.{each.decode()}" for each in _NAME.findall(what)]
    return names


def _usable(folder: Path) -> bool:
    """Make the folder, and say whether it can be written to and nobody else could have put code into it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(folder)
    except OSError:
        return False
    return all(each.stat().st_uid == os.getuid() for each in (folder, folder.parent)) and os.access(
        folder, os.W_OK
    )


def _remove_unused(kept: Path, used: Path) -> None:
    """Remove folders of other versions that no process has used for long."""
    oldest = unix_seconds() - UNUSED_DAYS * _DAY_S
    for folder in kept.iterdir():
        try:
            unused = folder != used and folder.stat().st_mtime < oldest
        except OSError:
            continue  # another process has removed it
        if unused:
            shutil.rmtree(folder, ignore_errors=True)
