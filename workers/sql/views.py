"""Views for people who ask the database themselves."""

from __future__ import annotations

from typing import Final

_TEXT: Final = {
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%SZ', {us} / 1000000, 'unixepoch')",
    "postgresql": "to_timestamp({us} / 1000000.0)",
}

#: Who is where now.
DISTRIBUTION: Final = """
CREATE VIEW distribution AS
SELECT now.dimension, now.category, known.code, known.title, now.customers,
       1.0 * now.customers / sum(now.customers) OVER (PARTITION BY now.dimension) AS share
FROM (SELECT dimension, category, count(*) AS customers
      FROM current_categories GROUP BY dimension, category) AS now
LEFT JOIN categories AS known ON known.dimension = now.dimension AND known.category = now.category
"""

#: How many moved from where to where, by day; null for a first category and for an erasure.
FLOWS: Final = """
CREATE VIEW flows AS
SELECT day, dimension, nullif(from_category, '') AS from_category, nullif(to_category, '') AS to_category,
       cause, moves
FROM moves_by_day
"""


def tenure(dialect: str) -> str:
    """How long each customer stayed in each category; `left_at` null where the customer still is."""
    entered = _TEXT[dialect].format(us="effective_us")
    left = _TEXT[dialect].format(us="left_us")
    return f"""
CREATE VIEW tenure_in_category AS
SELECT customer_id, life, dimension, to_category AS category, {entered} AS entered_at,
       CASE WHEN left_us IS NULL THEN NULL ELSE {left} END AS left_at,
       (left_us - effective_us) / 86400000000.0 AS days
FROM (SELECT customer_id, life, dimension, to_category, effective_us,
             lead(effective_us) OVER (PARTITION BY customer_id, dimension, generation, life
                                      ORDER BY sequence) AS left_us
      FROM changes) AS stays
"""  # noqa: S608 - made of two constants


#: Who was where at an instant: `SELECT * FROM as_of('2026-03-01')`. On SQLite the README has it as a query.
AS_OF: Final = """
CREATE FUNCTION as_of(moment timestamptz)
RETURNS TABLE (customer_id text, dimension text, category text, code text, since timestamptz)
LANGUAGE sql STABLE AS $$
SELECT DISTINCT ON (customer_id, dimension)
       customer_id, dimension, to_category, to_code, to_timestamp(effective_us / 1000000.0)
FROM changes
WHERE effective_us <= (extract(epoch FROM moment) * 1000000)::bigint
ORDER BY customer_id, dimension, generation DESC, life DESC, sequence DESC
$$
"""


def creating(dialect: str) -> tuple[str, ...]:
    """The statements that make the views of a dialect."""
    views = (DISTRIBUTION, FLOWS, tenure(dialect))
    return (*views, AS_OF) if dialect == "postgresql" else views


def dropping(dialect: str) -> tuple[str, ...]:
    """The statements that remove them again."""
    views = ("DROP VIEW tenure_in_category", "DROP VIEW flows", "DROP VIEW distribution")
    return ("DROP FUNCTION as_of(timestamptz)", *views) if dialect == "postgresql" else views
