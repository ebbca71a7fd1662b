"""Where compiled machine code is kept, so that it is never older than the sources it was made of.

Numba keeps what it compiled for the next process, and compiles a function again when that function's own file
changes. It does not notice when a function of another file, or a number imported from there, has changed that
was compiled into it: after an upgrade it would answer by the old rules. So numba is told what a function
could have been made of (`machine_code_locator`), and each checkout and each version of the compilers has a
folder of its own.
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
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from workers.clock import unix_seconds
from workers.settings import cache_home, keep_machine_code_in, machine_code_folder

#: Folders of machine code that no process has used for so long are removed.
UNUSED_DAYS = 30

_ROOT = Path(__file__).parents[1]
_LOCATOR = "workers.machine_code_locator.Locator"
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
    home, name = cache_home(), _folder_name()
    at_home = () if home is None else (home / "tierline" / "machine-code",)
    for kept in (*at_home, Path(tempfile.gettempdir()) / f"tierline-machine-code-{os.getuid()}"):
        folder = kept / name
        if _usable(folder):
            _remove_unused(kept, folder)
            keep_machine_code_in(folder, _LOCATOR)
            return


def fingerprint(root: Path = _ROOT) -> str:
    """What all machine code could have been made of, sources below `root` and compilers, as 32 hex digits."""
    texts = _texts(root)
    compiled = [name for name, text in texts.items() if _COMPILED in text]
    return hashlib.sha256(f"{_digest(reached(compiled, texts))}{_compilers()}".encode()).hexdigest()[:32]


@cache
def stamp(file: str) -> str | None:
    """What the functions of a file could have been compiled from, in 32 hex digits; None if not ours."""
    path = Path(file)
    if not path.is_relative_to(_ROOT):
        return None
    name = ".".join(path.relative_to(_ROOT).with_suffix("").parts).removesuffix(".__init__")
    sources = reached([name], _own_texts())
    return _digest(sources) if sources else None


def compiled_sources(root: Path) -> dict[str, bytes]:
    """The modules with compiled functions and all modules of ours that they import, directly or not."""
    texts = _texts(root)
    return reached([name for name, text in texts.items() if _COMPILED in text], texts)


def reached(names: Iterable[str], texts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Some modules and all of ours that they import, directly or not, and their sources."""
    waiting = list(names)
    found: dict[str, bytes] = {}
    while waiting:
        name = waiting.pop()
        if name not in found and name in texts:
            found[name] = texts[name]
            waiting += _imported(texts[name])
    return found


def _folder_name() -> str:
    """Numba itself tells processors apart within a folder."""
    return hashlib.sha256(f"{_ROOT}\0{_compilers()}".encode()).hexdigest()[:32]


def _compilers() -> str:
    versions = b"".join(_version_text(package, file) for package, file in _COMPILERS.items())
    return f"{sys.version}\0{platform.machine()}\0{versions.decode()}"


def _digest(sources: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, text in sorted(sources.items()):
        digest.update(b"%s\0%d\0" % (name.encode(), len(text)))
        digest.update(text)
    return digest.hexdigest()[:32]


@cache
def _imported(text: bytes) -> tuple[str, ...]:
    """The names of modules that a source imports at its top; names that are no modules do no harm."""
    names = []
    for module, what in _IMPORT.findall(text):
        names.append(module.decode())
        names += [f"{module.decode()}.{each.decode()}" for each in _NAME.findall(what)]
    return tuple(names)


@cache
def _own_texts() -> dict[str, bytes]:
    return _texts(_ROOT)


def _texts(root: Path) -> dict[str, bytes]:
    """The sources of all modules below a root by their names."""
    texts = {}
    for package in ("rules", "workers"):
        for folder, _, files in os.walk(root / package):
            module = folder[len(str(root)) + 1 :].replace(os.sep, ".")
            for file in files:
                if file.endswith(".py"):
                    name = f"{module}.{file[:-3]}".removesuffix(".__init__")
                    texts[name] = Path(folder, file).read_bytes()
    return texts


def _version_text(package: str, file: str) -> bytes:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return b""
    return Path(spec.origin).with_name(file).read_bytes()


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
