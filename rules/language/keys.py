"""The keys of each part of a pack file (S13): what the loader accepts and the published schema describes."""

from __future__ import annotations

from dataclasses import dataclass

from rules.engine.event import TYPES

#: `title` and `description` are for people and may stand in every part.
FOR_PEOPLE = ("title", "description")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one part: those that must be there, and those that may."""

    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every key the part knows."""
        return self.required + self.optional


PACK = Keys(
    ("name", "version", "timezone", "currency", "metrics", "dimensions"),
    ("rates", "lateness", "max_ahead", "attributes", *FOR_PEOPLE),
)
AGGREGATE = Keys(("agg", "of"), ("field", "minus", "where", "window", *FOR_PEOPLE))
DERIVED = Keys(("expr",), FOR_PEOPLE)
DIMENSION = Keys(("kind", "categories"), ("upgrade", "downgrade", "change", "publish", *FOR_PEOPLE))
CATEGORY = Keys((), ("code", "enter", "keep", "when", "strategy", *FOR_PEOPLE))
POLICY = Keys((), ("hold", "min_dwell", "at", "step", *FOR_PEOPLE))

AGGREGATES = ("count", "sum", "avg", "min", "max", "days", "first", "last", "recency", "tenure")
#: Aggregates that look at a field; the others may name one to count only facts that have it.
FIELD_AGGREGATES = frozenset({"sum", "avg", "min", "max", "first", "last"})
LIFETIME_AGGREGATES = frozenset({"first", "last", "recency", "tenure"})
CALENDAR_WINDOWS = (
    "lifetime",
    "this_month",
    "last_month",
    "this_quarter",
    "last_quarter",
    "this_year",
    "last_year",
)
REVIEWS = ("month_start", "quarter_start", "year_start")
STEPS = ("full", "one")
DIMENSION_KINDS = ("ladder", "first_match")
ATTRIBUTE_KINDS = ("string", "integer", "number", "boolean")

#: Event types that are facts (S1).
FACT_TYPES = tuple(name for name, topic in TYPES.items() if topic != "customers")

#: The numeric fields (S5.4) and the fact types that have them (S2.1).
FIELDS: dict[str, frozenset[str]] = {
    "amount": frozenset(name for name in FACT_TYPES if TYPES[name] in ("orders", "payments")),
    "discount": frozenset(name for name in FACT_TYPES if TYPES[name] == "orders"),
    "items": frozenset(name for name in FACT_TYPES if TYPES[name] == "orders"),
    "score": frozenset({"feedback.rating", "feedback.nps"}),
    "severity": frozenset({"feedback.complaint"}),
}
MONEY_FIELDS = frozenset({"amount", "discount"})

#: The words of the expression language (S6.1), which metrics and dimensions may not be called.
WORDS = (
    "and",
    "or",
    "not",
    "in",
    "true",
    "false",
    "missing",
    "present",
    "min",
    "max",
    "attr",
    "current",
    "days_in_category",
)
#: Words of the language and names of columns beside those of metrics and dimensions in tables of customers.
RESERVED_NAMES = frozenset((*WORDS, "customer_id"))

ID_LENGTH_MAX = 64
TEXT_LENGTH_MAX = 128
CODE_LENGTH_MAX = 64
LABEL_LENGTH_MAX = 64
ATTRIBUTES_MAX = 60
METRICS_MAX = 250
DIMENSIONS_MAX = 60
CATEGORIES_MAX = 250
#: Different label values named in all `where` of a pack, so that a fact's label is a small number.
LABELS_MAX = 64
