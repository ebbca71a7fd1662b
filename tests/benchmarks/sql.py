"""The SQL answer: where every customer of the shop pack stands at the end, by DuckDB; no history, no reasons.

`python -m tests.benchmarks.sql EVENTS OUT THREADS` writes OUT. As good as SQL can do it in one pass: each
topic is read once, freed of duplicates and summed up by customer, and windows are compared as instants. What
depends on the past, keeping a tier, holds, having come back, sums of events cannot tell: categories are those
of the thresholds alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

METRICS = (
    "orders",
    "orders_90d",
    "spend_365d",
    "spend_90d",
    "sales_90d",
    "discount_90d",
    "days_since_order",
    "days_since_first",
    "basket_90d",
    "discount_share",
    "rating_180d",
    "complaints_90d",
    "worst_90d",
    "complaints",
    "resolved",
    "open_complaints",
    "payments_failed_30d",
)
#: Columns that must be as in `customers.parquet`: nothing in them remembers categories of before.
SAME = ("customer_id", "customer.as_of", *METRICS)

_ZONE = "America/New_York"

_QUERY = """
with last as (
    select cast(timezone('{zone}', max(moment)) as date) as as_of from (
        select max(occurred_at) as moment from '{events}/customers.parquet'
        union all select max(occurred_at) from '{events}/orders.parquet'
        union all select max(occurred_at) from '{events}/payments.parquet'
        union all select max(occurred_at) from '{events}/feedback.parquet'
    )
),
starts as (
    select as_of,
        timezone('{zone}', cast(as_of - 29 as timestamp)) as d30,
        timezone('{zone}', cast(as_of - 89 as timestamp)) as d90,
        timezone('{zone}', cast(as_of - 179 as timestamp)) as d180,
        timezone('{zone}', cast(as_of - 364 as timestamp)) as d365
    from last
),
people as (
    select customer_id,
        arg_max(region, occurred_at) filter (where region is not null) as region,
        arg_max(size, occurred_at) filter (where size is not null) as size
    from (
        select customer_id, occurred_at,
            attributes->>'$.region' as region, attributes->>'$.household_size' as size
        from '{events}/customers.parquet'
    )
    group by customer_id
),
bought as (
    select customer_id,
        count(*) filter (where done) as orders,
        count(*) filter (where done and occurred_at >= d90) as orders_90d,
        coalesce(sum(net) filter (where occurred_at >= d365), 0) as spend_365d,
        coalesce(sum(net) filter (where occurred_at >= d90), 0) as spend_90d,
        coalesce(sum(amount) filter (where done and occurred_at >= d90), 0) as sales_90d,
        coalesce(sum(discount) filter (where done and occurred_at >= d90), 0) as discount_90d,
        max(occurred_at) filter (where done) as latest,
        min(occurred_at) filter (where done) as first
    from (
        select distinct customer_id, event_id, type = 'order.completed' as done, occurred_at, amount,
            discount, case when type = 'order.completed' then amount else -amount end as net
        from '{events}/orders.parquet' where type in ('order.completed', 'order.refunded')
    ), starts
    group by customer_id
),
paid as (
    select customer_id, count(*) as payments_failed_30d
    from (
        select distinct customer_id, event_id from '{events}/payments.parquet', starts
        where type = 'payment.failed' and occurred_at >= d30
    )
    group by customer_id
),
told as (
    select customer_id,
        avg(score) filter (where type = 'feedback.rating' and occurred_at >= d180) as rating_180d,
        count(*) filter (where type = 'feedback.complaint' and occurred_at >= d90) as complaints_90d,
        max(severity) filter (where type = 'feedback.complaint' and occurred_at >= d90) as worst_90d,
        count(*) filter (where type = 'feedback.complaint') as complaints,
        count(*) filter (where type = 'feedback.complaint_resolved') as resolved
    from (
        select distinct customer_id, event_id, type, occurred_at, score, coalesce(severity, 1) as severity
        from '{events}/feedback.parquet'
        where type in ('feedback.rating', 'feedback.complaint', 'feedback.complaint_resolved')
    ), starts
    group by customer_id
),
metrics as (
    select customer_id, region, size, as_of,
        coalesce(orders, 0) as orders, coalesce(orders_90d, 0) as orders_90d,
        coalesce(spend_365d, 0) as spend_365d, coalesce(spend_90d, 0) as spend_90d,
        coalesce(sales_90d, 0) as sales_90d, coalesce(discount_90d, 0) as discount_90d,
        as_of - cast(timezone('{zone}', latest) as date) as days_since_order,
        as_of - cast(timezone('{zone}', first) as date) as days_since_first,
        cast(sales_90d as double) / nullif(orders_90d, 0) as basket_90d,
        cast(discount_90d * 100 as double) / nullif(cast((sales_90d + discount_90d) * 100 as double), 0)
            as discount_share,
        rating_180d, coalesce(complaints_90d, 0) as complaints_90d, worst_90d,
        coalesce(complaints, 0) as complaints, coalesce(resolved, 0) as resolved,
        coalesce(complaints, 0) - coalesce(resolved, 0) as open_complaints,
        coalesce(payments_failed_30d, 0) as payments_failed_30d
    from people left join bought using (customer_id) left join paid using (customer_id)
        left join told using (customer_id), starts
),
tiers as (
    select *, case
        when spend_365d >= 3600 and spend_90d >= 1200 then 'platinum'
        when spend_365d >= 1200 and spend_90d >= 400 then 'gold'
        when spend_365d >= 400 and spend_90d >= 100 then 'silver'
        else 'bronze' end as value_tier
    from metrics
)
select customer_id, as_of as "customer.as_of", value_tier,
    case when orders = 0 then 'prospect' when days_since_order >= 90 then 'churned'
        when days_since_order >= 45 then 'at_risk' when days_since_first < 30 then 'new' else 'active' end
        as lifecycle,
    case when complaints_90d >= 2 or payments_failed_30d >= 3 or (open_complaints >= 1 and worst_90d >= 4)
            then 'service_sensitive'
        when rating_180d <= 2.5 or (orders_90d >= 4 and discount_share < 0.08) then 'quality_sensitive'
        when orders_90d >= 4 and discount_share >= 0.2 then 'price_sensitive' else 'balanced' end as need,
    case when rating_180d is null and complaints_90d = 0 and open_complaints <= 0 then 'unknown'
        when open_complaints >= 1 or rating_180d < 3 then 'dissatisfied'
        when rating_180d >= 4.5 and value_tier in ('gold', 'platinum') then 'delighted'
        when rating_180d >= 3.5 then 'satisfied' else 'neutral' end as satisfaction,
    case size when '1' then 'single' when '2' then 'couple' when '3' then 'family' when '4' then 'family'
        when '5+' then 'family' else 'unknown' end as household,
    case when region in ('north', 'east', 'south', 'west', 'central') then region
        when region is not null then 'abroad' else 'unknown' end as region,
    {metrics}
from tiers order by customer_id
"""


def answer(events: Path, out: Path, threads: int) -> None:
    """Write the table of customers that the events make."""
    import duckdb

    query = _QUERY.format(events=events, zone=_ZONE, metrics=", ".join(METRICS))
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"copy ({query}) to '{out}' (format parquet)")


def differences(answered: Path, replayed: Path) -> dict[str, int]:
    """How many customers have another value in the answer than in a replay's `customers.parquet`, by column.

    Columns of `SAME` must have none; in the other dimensions it is the customers whose history decides.
    """
    import polars as pl

    ours = pl.read_parquet(replayed).select(pl.col("customer_id"), pl.all().exclude("customer_id"))
    theirs = pl.read_parquet(answered)
    both = theirs.join(ours, on="customer_id", how="full", suffix=" replayed")
    return {
        name: both.filter(
            pl.col(name).ne_missing(pl.col(f"{name} replayed").cast(theirs.schema[name]))
        ).height
        for name in theirs.columns
        if name in ours.columns
    }


if __name__ == "__main__":
    answer(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
