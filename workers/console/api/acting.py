"""Decisions and letters sent again, by token; with `dry_run` only what would happen is told."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import Id, Remark
from workers.console.acts.doing import carry_out, send_letters
from workers.console.acts.planning import (
    CUSTOMERS_MAX,
    LETTERS_MAX,
    Act,
    Asked,
    Place,
    letters_at,
    plan,
)
from workers.console.api.access import NOT_FOUND, RESPONSES, allowed
from workers.console.api.shapes import Shape
from workers.console.context import Reading, RefusedError, Visit

router = APIRouter(prefix="/api/v1", responses=RESPONSES, tags=["acts"])

Operator = Annotated[Visit, Depends(allowed("operator"))]
Admin = Annotated[Visit, Depends(allowed("admin"))]


class Act_(BaseModel):  # noqa: N801 - `Act` is which one
    """Whom it is about, and why."""

    model_config = ConfigDict(extra="forbid")
    customers: Annotated[list[Id], Field(min_length=1, max_length=CUSTOMERS_MAX)]
    reason: Annotated[Remark, Field(description="Kept, and shown with every change that follows.")]
    dry_run: bool = Field(False, description="Only tell what would happen.")
    number: UUID | None = Field(
        None, description="Names this act: what is sent twice with the same number counts once."
    )


class OverrideAct(Act_):
    """Pin customers to a category, or keep them from falling below it."""

    dimension: Annotated[str, Field(max_length=128)]
    category: Annotated[str, Field(max_length=128)]
    mode: Literal["pin", "floor"]
    until: date | None = Field(
        None, description="The first day that is free again; else until it is released."
    )


class ReleaseAct(Act_):
    """Let the rules decide again."""

    dimension: Annotated[str, Field(max_length=128)]


class ErasureAct(Act_):
    """Forget everything of customers, for good."""


class RedriveAct(BaseModel):
    """Which letters to send again."""

    model_config = ConfigDict(extra="forbid")
    letters: Annotated[
        list[Annotated[str, Field(max_length=300, examples=["orders/0@17"])]],
        Field(min_length=1, max_length=LETTERS_MAX, description="TOPIC/PARTITION@OFFSET of each record."),
    ]
    fix_key: bool = Field(False, description="Where key and customer differ, take the customer as the key.")


class Effect(Shape):
    """From which category how many customers move at once, and where to; null: they stay."""

    category: str
    customers: int
    to: str | None


class Acted(Shape):
    """What was done, or with `dry_run` would be."""

    act: Act
    known: int = Field(description="Customers that the tables know.")
    unknown: int = Field(description="Others: they would begin with this event.")
    moves: int = Field(description="Customers that move at once.")
    effects: list[Effect]
    overridden: int = Field(description="Overrides that were on before: replaced, or released.")
    written: int = Field(description="Events that the broker took.")
    why_not: str | None = Field(description="Why it did not take the others.")


class Redriven(Shape):
    """What became of the letters."""

    sent: int
    left: dict[str, int] = Field(description="Letters that were not sent, by reason.")


@router.post("/overrides")
def override(visit: Operator, connection: Reading, told: OverrideAct) -> Acted:
    """Pin customers to a category, or keep them at it or above; role operator."""
    asked = Asked(
        told.mode, _each_once(told.customers), told.reason, told.dimension, told.category, told.until
    )
    return _act(visit, connection, asked, told)


@router.post("/releases")
def release(visit: Operator, connection: Reading, told: ReleaseAct) -> Acted:
    """Take overrides off; role operator."""
    asked = Asked("release", _each_once(told.customers), told.reason, told.dimension)
    return _act(visit, connection, asked, told)


@router.post("/erasures")
def erase(visit: Admin, connection: Reading, told: ErasureAct) -> Acted:
    """Forget customers for good; role admin."""
    return _act(visit, connection, Asked("erase", _each_once(told.customers), told.reason), told)


@router.post("/redrives", responses=NOT_FOUND)
def redrive(visit: Operator, connection: Reading, told: RedriveAct) -> Redriven:
    """Send records that were refused once more; role operator."""
    letters = letters_at(connection, [Place.read(each) for each in told.letters])
    sent = send_letters(visit, letters, fix_key=told.fix_key)
    return Redriven(sent=sent.sent, left=sent.left)


def _act(visit: Visit, connection: Reading, asked: Asked, told: Act_) -> Acted:
    found = plan(connection, visit.state, asked, visit.user)
    written, why_not = 0, None
    if not told.dry_run:
        done = carry_out(visit, found, told.number or uuid4())
        written, why_not = done.taken, done.why_not
        if not written:
            raise RefusedError(503, f"nothing was written: {why_not}")
    return Acted(
        act=asked.act,
        known=found.known,
        unknown=found.unknown,
        moves=found.moves,
        effects=[Effect.model_validate(each) for each in found.groups],
        overridden=found.overridden,
        written=written,
        why_not=why_not,
    )


def _each_once(customers: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(customers))
