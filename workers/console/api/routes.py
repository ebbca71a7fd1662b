"""All addresses of the API."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from workers.console.api import acting, reading

ROUTERS: Final[tuple[APIRouter, ...]] = (reading.router, acting.router)
