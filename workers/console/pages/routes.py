"""All pages."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from workers.console.acts import pages as acts
from workers.console.pages import customers, lists, overview, value_page

ROUTERS: Final[tuple[APIRouter, ...]] = (
    overview.router,
    customers.router,
    acts.router,
    lists.router,
    value_page.router,
)
