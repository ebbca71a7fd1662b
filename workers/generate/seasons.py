"""When people buy: by year, week and hour."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from workers.generate.settings import DAY_US

#: Orders by weekday, Monday first, relative to the mean. By feel: a shop that is busiest at the weekend.
WEEK = np.array([0.92, 0.88, 0.9, 0.95, 1.1, 1.25, 1.0])
#: Orders by month relative to the mean. By feel: quiet after new year and in summer, a strong end.
YEAR = np.array([0.85, 0.86, 0.95, 0.98, 1.0, 0.97, 0.92, 0.9, 0.98, 1.02, 1.25, 1.32])
#: Orders by hour of the day (UTC). By feel: few at night, most in the evening.
HOURS = np.array(
    [3, 2, 1, 1, 1, 2, 4, 8, 14, 20, 26, 30, 32, 30, 28, 28, 30, 35, 42, 46, 44, 34, 20, 9], float
)


def day_weights(start: date, days: int) -> NDArray[np.float64]:
    """float64[days]: the weight of each day, about 1 on average over a year."""
    ordinals = [start + timedelta(days=day) for day in range(days)]
    return np.array([WEEK[day.weekday()] * YEAR[day.month - 1] for day in ordinals])


def times_of_day(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """int64[count]: microseconds since midnight by the hours of `HOURS`, to the millisecond."""
    shares = np.concatenate(([0.0], np.cumsum(HOURS) / HOURS.sum()))
    hours = np.interp(rng.random(count), shares, np.arange(25.0))
    times: NDArray[np.int64] = np.minimum((hours * 3_600_000).astype(np.int64) * 1000, DAY_US - 1000)
    return times
