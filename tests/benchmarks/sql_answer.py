"""The baseline: what SQL on the same files tells of the end alone, sums and a tier, without any history.

`python -m tests.benchmarks.sql_answer FOLDER UNTIL`
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

#: The value tier of the shop pack as it would stand if nobody had ever been anything before.
QUERY = """
with facts as (
    select customer_id, type, cast(amount as decimal(18, 2)) as amount,
           date_diff('day', cast(occurred_at as timestamp), cast($until as timestamp)) as age
    from read_parquet($orders)
    where type in ('order.completed', 'order.refunded') and cast(occurred_at as timestamp) < $until::date + 1
), sums as (
    select customer_id,
        sum(case when type = 'order.completed' then amount else -amount end) filter (age < 365) as spend_365d,
        sum(case when type = 'order.completed' then amount else -amount end) filter (age < 90) as spend_90d,
        count(*) filter (type = 'order.completed' and age < 90) as orders_90d,
        min(age) filter (type = 'order.completed') as days_since_order
    from facts group by customer_id
)
select *, case when spend_365d >= 3600 and spend_90d >= 1200 then 'platinum'
               when spend_365d >= 1200 and spend_90d >= 400 then 'gold'
               when spend_365d >= 400 and spend_90d >= 100 then 'silver' else 'bronze' end as value_tier
from sums order by customer_id
"""


def main() -> None:
    """Write the answer beside the events."""
    folder, until = Path(sys.argv[1]), sys.argv[2]
    connection = duckdb.connect(config={"threads": 2})
    answer = connection.sql(QUERY, params={"until": until, "orders": str(folder / "orders.parquet")})
    answer.write_parquet(str(folder.parent / "sql-answer.parquet"))


if __name__ == "__main__":
    main()
