"""Log lines of a worker on standard error: for people, or one JSON object a line for machines.

Every line goes through here, also those of the libraries, so that all have one form, and no line tells a
secret or, from level info up, anything of a customer. A shard's changes of state are lines; events never are.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

Format = Literal["console", "json"]

#: Never shown at any level, by the words in a name.
SECRET_WORDS: Final = ("password", "secret", "token", "credential", "private", "authorization")
#: Shown at level debug only: names of values that come from a customer's events.
CUSTOMER_WORDS: Final = frozenset(
    {"customer", "customer_id", "event_id", "key", "value", "record", "body", "event_body", "attributes"}
)
_HIDDEN: Final = "(hidden)"

#: What these say below a warning is of use to nobody. `workers`: Faust's services of ours, which tell under
#: the names of their modules that they start and stop; we ourselves speak as `tierline`.
_LIBRARIES: Final = {
    "aiokafka": "warning",
    "faust": "warning",
    "mode": "warning",
    "aiohttp": "warning",
    "alembic": "warning",
    "uvicorn": "warning",
    "workers": "warning",
}
#: Requests hold customers in their paths; asyncio at debug tells of every poll.
_QUIET_ALWAYS: Final = {
    "numba": logging.WARNING,
    "aiohttp.access": logging.CRITICAL + 1,
    "httpcore2": logging.WARNING,
    "httpx2": logging.WARNING,
    "asyncio": logging.WARNING,
}


def set_up_logs(
    form: Format, level: str, *, out: TextIO | None = None, constants: Mapping[str, object] | None = None
) -> None:
    """Let all log lines of the process take one form. To be called once, before the first line.

    `level`: debug, info, warning or error; of libraries only warnings are shown, at debug also their
    information, but never what they debug. `constants` are added to every line, such as the worker's
    instance. Lines go to standard error if `out` is None.
    """
    lowest = logging.getLevelNamesMapping()[level.upper()]
    stream = sys.stderr if out is None else out
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _adding(constants or {}),
        hide_secrets,
        hide_customers,
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    finish = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(form, stream)]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=finish))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(lowest)
    _calm_libraries(lowest)


def logger(name: str) -> FilteringBoundLogger:
    """A logger of ours: `log.info("shard is ready", shard=3, seconds=1.2)`."""
    return cast(FilteringBoundLogger, structlog.get_logger(f"tierline.{name}"))


def hide_secrets(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Put a word in the place of everything whose name says that it is a secret."""
    for name in line:
        if any(word in name.lower() for word in SECRET_WORDS):
            line[name] = _HIDDEN
    return line


def hide_customers(_logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """Leave what comes from a customer's events to level debug."""
    if method != "debug":
        for name in CUSTOMER_WORDS & line.keys():
            line[name] = _HIDDEN
    return line


def _adding(constants: Mapping[str, object]) -> Processor:
    def add(_logger: WrappedLogger, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in constants.items():
            line.setdefault(name, value)
        return line

    return add


def _rendering(form: Format, stream: TextIO) -> list[Processor]:
    """Tracebacks are shown without the values of variables, which would tell secrets and customers."""
    if form == "json":
        return [
            structlog.processors.format_exc_info,
            _heads_first,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=36, exception_formatter=plain)]


def _heads_first(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    heads = ("timestamp", "level", "logger", "event")
    return {name: line[name] for name in (*heads, *line) if name in line}


def _calm_libraries(lowest: int) -> None:
    for name, usual in _LIBRARIES.items():
        library = logging.getLogger(name)
        usual_level = logging.getLevelNamesMapping()[usual.upper()]
        library.setLevel(logging.INFO if lowest <= logging.DEBUG else max(usual_level, lowest))
        library.handlers.clear()
        library.propagate = True
    for name, quiet in _QUIET_ALWAYS.items():
        logging.getLogger(name).setLevel(quiet)
