"""The checked pack: what the language makes of a pack file, and what the engines run.

Everything here is an immutable value. Names are resolved to indexes, literals beside money are already minor
units, and every expression knows its kind, so that nobody behind this point looks at text again. The text of
each condition is kept for the reasons of a change.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal as Choice

#: Integers and money beyond this are missing as results and refused as input (S6.3).
INTEGER_LIMIT = 2**62


class Kind(StrEnum):
    """The kind of a value. Money is an integer number of minor units of the pack's currency."""

    INTEGER = "integer"
    MONEY = "money"
    NUMBER = "number"
    STRING = "string"
    BOOLEAN = "boolean"


Scalar = int | float | str | bool


# --- expressions (S6) -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant. `value` is int for INTEGER and MONEY (minor units), float for NUMBER, str, bool."""

    kind: Kind
    value: Scalar


@dataclass(frozen=True, slots=True)
class MetricRef:
    """A metric declared in the pack, by index into `Pack.metrics`."""

    kind: Kind
    index: int
    name: str


@dataclass(frozen=True, slots=True)
class AttributeRef:
    """`attr.NAME`, by index into `Pack.attributes`; `name` is `attr.NAME` as written."""

    kind: Kind
    index: int
    name: str


@dataclass(frozen=True, slots=True)
class CurrentRef:
    """`current`: the id of this dimension's category; missing at birth."""

    kind: Kind = Kind.STRING
    name: str = "current"


@dataclass(frozen=True, slots=True)
class DaysInCategoryRef:
    """`days_in_category`: periods since this dimension's category was entered; missing at birth."""

    kind: Kind = Kind.INTEGER
    name: str = "days_in_category"


@dataclass(frozen=True, slots=True)
class DimensionRef:
    """The category id of an earlier dimension, after this evaluation; index into `Pack.dimensions`."""

    index: int
    name: str
    kind: Kind = Kind.STRING


Name = MetricRef | AttributeRef | CurrentRef | DaysInCategoryRef | DimensionRef


@dataclass(frozen=True, slots=True)
class Negate:
    """Unary minus; keeps the kind of its operand."""

    kind: Kind
    operand: Expression


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left op right`.

    `kind` is the kind of the result by S6.3. Integer operands of a MONEY `+` or `-` are whole major units
    (a literal there is already MONEY). For kind NUMBER both operands are turned into doubles first (money by
    one division to major units), except money / money, which divides the minor units as doubles.
    """

    kind: Kind
    op: Choice["+", "-", "*", "/"]
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Extreme:
    """`min(a, b)` or `max(a, b)`. Operands of different kinds make a NUMBER of major units."""

    kind: Kind
    op: Choice["min", "max"]
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison; false if an operand is missing. Chained ones are an `And` of these.

    Operands are two numbers (exact between INTEGER and MONEY in any mix, an INTEGER beside MONEY counting
    whole major units; as doubles when one of them is NUMBER), two strings or two booleans (`==`, `!=` only).
    """

    op: Choice["==", "!=", "<", "<=", ">", ">="]
    left: Expression
    right: Expression
    kind: Kind = Kind.BOOLEAN


@dataclass(frozen=True, slots=True)
class Membership:
    """`operand in [..]` or `not in`; false if the operand is missing; each item compared as by `==`."""

    operand: Expression
    items: tuple[Literal, ...]
    negated: bool
    kind: Kind = Kind.BOOLEAN


@dataclass(frozen=True, slots=True)
class Truth:
    """A boolean value (attribute, derived metric or literal) used as a condition: missing counts as false."""

    operand: Expression
    kind: Kind = Kind.BOOLEAN


@dataclass(frozen=True, slots=True)
class Not:
    """True where the operand, itself a condition, is false."""

    operand: Expression
    kind: Kind = Kind.BOOLEAN


@dataclass(frozen=True, slots=True)
class And:
    """True where all operands, themselves conditions, are true."""

    operands: tuple[Expression, ...]
    kind: Kind = Kind.BOOLEAN


@dataclass(frozen=True, slots=True)
class Or:
    """True where any operand, themselves conditions, is true."""

    operands: tuple[Expression, ...]
    kind: Kind = Kind.BOOLEAN


@dataclass(frozen=True, slots=True)
class Presence:
    """`missing(x)` (`negated` false) or `present(x)` (`negated` true) of a value that is not a condition."""

    operand: Expression
    negated: bool
    kind: Kind = Kind.BOOLEAN


Expression = (
    Literal
    | MetricRef
    | AttributeRef
    | CurrentRef
    | DaysInCategoryRef
    | DimensionRef
    | Negate
    | Arithmetic
    | Extreme
    | Compare
    | Membership
    | Truth
    | Not
    | And
    | Or
    | Presence
)

#: Nodes that are true or false and never missing.
CONDITIONS = (Compare, Membership, Truth, Not, And, Or, Presence)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as written, its tree (always one of `CONDITIONS`), and the names it uses.

    `names` are in the order of their first appearance in the text, each once; they are what `values` of a
    change's reason shows (S9.3).
    """

    text: str
    tree: Expression
    names: tuple[Name, ...]


# --- metrics (S5) -----------------------------------------------------------------------------------------

Aggregate = Choice["count", "sum", "avg", "min", "max", "days", "first", "last", "recency", "tenure"]
Field = Choice["amount", "discount", "items", "score", "severity"]
WindowUnit = Choice[
    "lifetime", "days", "this_month", "last_month", "this_quarter", "last_quarter", "this_year", "last_year"
]


@dataclass(frozen=True, slots=True)
class Window:
    """The periods a metric looks at. `days` counts periods for unit `days` and is 0 otherwise."""

    unit: WindowUnit = "lifetime"
    days: int = 0


@dataclass(frozen=True, slots=True)
class AggregateMetric:
    """A metric over facts.

    `of` and `minus` are event types; `labels` are the values allowed for the one label that the types carry
    (None: any, also an absent one). `kind` follows S5.1: INTEGER for count, days, recency, tenure; NUMBER for
    avg; else the kind of the field (MONEY or INTEGER).
    """

    name: str
    kind: Kind
    agg: Aggregate
    of: tuple[str, ...]
    field: Field | None
    minus: tuple[str, ...]
    labels: tuple[str, ...] | None
    window: Window
    title: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class DerivedMetric:
    """A metric computed from earlier metrics and attributes. A tree of `CONDITIONS` has kind BOOLEAN."""

    name: str
    kind: Kind
    text: str
    tree: Expression
    title: str | None = None
    description: str | None = None


Metric = AggregateMetric | DerivedMetric


@dataclass(frozen=True, slots=True)
class Attribute:
    """A declared attribute; kind STRING, INTEGER, NUMBER or BOOLEAN."""

    name: str
    kind: Kind


# --- dimensions (S7) --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Policy:
    """When a move may happen (S7.3). `hold` and `min_dwell` in periods."""

    hold: int = 0
    min_dwell: int = 0
    at: Choice["month_start", "quarter_start", "year_start"] | None = None
    step_one: bool = False


@dataclass(frozen=True, slots=True)
class Category:
    """One class of a dimension.

    A ladder's categories but the lowest have `enter`, and `keep` where it differs (None: `enter` serves as
    `keep`). A first_match's categories but the last have `when`. `strategy_json` is the mapping as canonical
    compact JSON, or None.
    """

    id: str
    code: str | None
    enter: Condition | None
    keep: Condition | None
    when: Condition | None
    strategy_json: str | None
    title: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Dimension:
    """One way to classify. A first_match has one `change` policy, found in both `upgrade` and `downgrade`.

    `publish` are indexes into `Pack.metrics`, in the order listed.
    """

    id: str
    kind: Choice["ladder", "first_match"]
    categories: tuple[Category, ...]
    upgrade: Policy
    downgrade: Policy
    publish: tuple[int, ...]
    title: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """From period `start` on, one unit of the other currency is `numerator / 10**scale` of the pack's."""

    start: int
    numerator: int
    scale: int


@dataclass(frozen=True, slots=True)
class Pack:
    """A checked pack. `lateness` and `max_ahead` in days; `digits` are the minor digits of `currency`.

    `rates` maps a currency to its rates by rising `start`. `fingerprint` is the SHA-256 of the whole pack and
    `state_fingerprint` of what shapes the state (S11.1), both in hex.
    """

    name: str
    version: str
    timezone: str
    currency: str
    digits: int
    rates: dict[str, tuple[Rate, ...]]
    lateness: int
    max_ahead: int
    attributes: tuple[Attribute, ...]
    metrics: tuple[Metric, ...]
    dimensions: tuple[Dimension, ...]
    fingerprint: str
    state_fingerprint: str
    title: str | None = None
    description: str | None = None
