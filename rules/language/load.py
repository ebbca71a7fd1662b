"""From the text of a pack file to a checked pack, or to findings that say what to mend."""

from __future__ import annotations

from dataclasses import replace

from rules.language import keys
from rules.language.checks import check_meaning
from rules.language.dimensions import read_dimensions
from rules.language.findings import Code, Finding, PackError
from rules.language.fingerprint import pack_fingerprint, state_fingerprint
from rules.language.header import read_attributes, read_currency, read_rates, read_timezone
from rules.language.metrics import Declared, Part, read_metrics
from rules.language.model import Attribute, AttributeRef, Dimension, Metric, Pack
from rules.language.reading import Reader
from rules.language.source import Document, Mapping, Text
from rules.money import MINOR_DIGITS

_LATENESS_DEFAULT = 30
_MAX_AHEAD_DEFAULT = 1
#: Digits of a currency that is itself in error: as many as any has, so that no literal is called too fine.
_DIGITS_UNKNOWN = max(MINOR_DIGITS.values())


def load_pack(text: str, source: str) -> Pack:
    """The checked pack; raises `PackError` if it has any error. `source` names the text in messages."""
    reader = Reader(Document(text))
    pack, _ = _read(reader)
    if pack is None:
        raise PackError(_ordered(reader), source)
    return pack


def check_pack(text: str) -> tuple[Pack | None, list[Finding]]:
    """The pack, None if it has any error, and all findings, warnings too, in the order of the text."""
    reader = Reader(Document(text))
    pack, declared = _read(reader)
    if pack is not None and declared is not None:
        check_meaning(reader, pack, declared.expressions)
    return pack, _ordered(reader)


def _ordered(reader: Reader) -> list[Finding]:
    return sorted(reader.findings, key=lambda finding: (finding.line, finding.column))


def _read(reader: Reader) -> tuple[Pack | None, Declared | None]:
    """The pack, None after any error, and what it declares; other YAML is not read any further."""
    if any(finding.code is not Code.DUPLICATE_KEY for finding in reader.findings):
        return None, None
    part = reader.part(reader.document.root or Mapping((), 0), "", "a pack", keys.PACK)
    if part is None:
        return None, None
    declared, attributes = _declared(reader, part)
    metrics: list[Metric | None] = []
    dimensions: list[Dimension | None] = []
    if "metrics" in part and (node := reader.mapping(part["metrics"][1], "metrics", "`metrics`")):
        metrics = read_metrics(reader, node, declared)
    if "dimensions" in part and (node := reader.mapping(part["dimensions"][1], "dimensions", "`dimensions`")):
        dimensions = read_dimensions(reader, node, declared)
    name = reader.line(part["name"][1], "name", "`name`") if "name" in part else None
    version = reader.line(part["version"][1], "version", "`version`") if "version" in part else None
    timezone = read_timezone(reader, part["timezone"][1]) if "timezone" in part else None
    currency = declared.currency if declared.currency in MINOR_DIGITS else None
    rates = read_rates(reader, part["rates"][1], currency) if "rates" in part else {}
    days = {"lateness": _LATENESS_DEFAULT, "max_ahead": _MAX_AHEAD_DEFAULT}
    for key in days:
        if key in part:
            days[key] = reader.days(part[key][1], key, f"`{key}`") or 0
    title, description = reader.prose(part, "title", ""), reader.prose(part, "description", "")
    if any(finding.severity == "error" for finding in reader.findings):
        return None, declared
    pack = Pack(
        name or "",
        version or "",
        timezone or "",
        declared.currency,
        declared.digits,
        rates,
        days["lateness"],
        days["max_ahead"],
        tuple(attribute for attribute in attributes if attribute),
        tuple(metric for metric in metrics if metric),
        tuple(dimension for dimension in dimensions if dimension),
        "",
        "",
        title,
        description,
    )
    pack = replace(pack, fingerprint=pack_fingerprint(pack), state_fingerprint=state_fingerprint(pack))
    return pack, declared


def _declared(reader: Reader, part: Part) -> tuple[Declared, list[Attribute | None]]:
    """What metrics and conditions may name, and the attributes."""
    currency = None
    if "currency" in part and isinstance(part["currency"][1], Text):
        currency = read_currency(reader, part["currency"][1], "currency")
    elif "currency" in part:
        reader.text(part["currency"][1], "currency", "`currency`")
    listed = read_attributes(reader, part["attributes"][1]) if "attributes" in part else []
    references = {
        name: AttributeRef(attribute.kind, index, f"attr.{name}") if attribute else None
        for index, (name, attribute) in enumerate(listed)
    }
    declared = Declared(currency or "", MINOR_DIGITS.get(currency or "", _DIGITS_UNKNOWN), references)
    declared.metric_names = _names(part, "metrics")
    declared.dimension_names = _names(part, "dimensions")
    return declared, [attribute for _, attribute in listed]


def _names(part: Part, key: str) -> tuple[str, ...]:
    node = part[key][1] if key in part else None
    return tuple(name.value for name, _ in node.entries) if isinstance(node, Mapping) else ()
