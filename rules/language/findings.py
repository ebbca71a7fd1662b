"""Findings: what is wrong with a pack, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Literal

Severity = Literal["error", "warning"]


class Code(StrEnum):
    """Why a finding is made. The first group are errors, the second warnings."""

    YAML_SYNTAX = "yaml_syntax"
    YAML_FEATURE = "yaml_feature"
    DUPLICATE_KEY = "duplicate_key"
    UNKNOWN_KEY = "unknown_key"
    MISSING_KEY = "missing_key"
    WRONG_SHAPE = "wrong_shape"
    UNQUOTED = "unquoted"
    BAD_VALUE = "bad_value"
    BAD_ID = "bad_id"
    NAME_TAKEN = "name_taken"
    LIMIT = "limit"
    UNKNOWN_TIMEZONE = "unknown_timezone"
    UNKNOWN_CURRENCY = "unknown_currency"
    BAD_RATE = "bad_rate"
    UNKNOWN_TYPE = "unknown_type"
    WRONG_FIELD = "wrong_field"
    WRONG_LABEL = "wrong_label"
    NOT_ALLOWED_HERE = "not_allowed_here"
    CODE_COLLISION = "code_collision"
    EXPRESSION_SYNTAX = "expression_syntax"
    UNKNOWN_NAME = "unknown_name"
    DECLARED_LATER = "declared_later"
    CYCLE = "cycle"
    WRONG_KIND = "wrong_kind"
    NOT_A_CONDITION = "not_a_condition"
    UNKNOWN_CATEGORY = "unknown_category"
    LITERAL_RANGE = "literal_range"
    LITERAL_TOO_FINE = "literal_too_fine"

    NEVER_TRUE = "never_true"
    ALWAYS_TRUE = "always_true"
    UNREACHABLE = "unreachable"
    KEEP_STRICTER = "keep_stricter"
    NOT_RISING = "not_rising"
    INEXACT_EQUALITY = "inexact_equality"
    NO_EFFECT = "no_effect"
    UNUSED_METRIC = "unused_metric"
    LISTED_TWICE = "listed_twice"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. `line` and `column` count characters from 1; `path` names the place in the pack."""

    code: Code
    severity: Severity
    line: int
    column: int
    message: str
    path: str

    def located(self, source: str) -> str:
        """The finding on one line, as compilers write it: `source:line:column: error[code]: message`."""
        return f"{source}:{self.line}:{self.column}: {self.severity}[{self.code}]: {self.message}"


class PackError(Exception):
    """A pack with errors. `findings` are in the order of the text and may hold warnings too."""

    def __init__(self, findings: Sequence[Finding], source: str) -> None:
        self.findings = tuple(findings)
        self.source = source
        super().__init__("\n".join(finding.located(source) for finding in self.findings))


def suggestion(word: str, known: Iterable[str]) -> str:
    """`, did you mean `x`?` where one of the known words is close, else the empty string."""
    names = sorted(set(known))
    lowered = {name.lower(): name for name in names}
    close = get_close_matches(word.lower()[:100], lowered, n=1, cutoff=0.6)
    return f", did you mean `{lowered[close[0]]}`?" if close else ""


def listed(words: Iterable[str], joint: str = "or") -> str:
    """Words in backticks as a list in a sentence: `a`, `b` or `c`."""
    quoted = [f"`{word}`" for word in words]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} {joint} {quoted[-1]}"
