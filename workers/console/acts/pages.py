"""The pages of decisions: a form, what will happen, and what was done; and letters sent again."""

from __future__ import annotations

from collections import Counter
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from workers.cli.errors import UserError
from workers.console.acts.asked import ActForm, act_form
from workers.console.acts.doing import carry_out, send_letters
from workers.console.acts.planning import Asked, Place, Plan, letters_at, plan
from workers.console.context import Reading, RefusedError, Visit, forged_not, render, require
from workers.console.pages.asked import Wrong, first, parameters_of

router = APIRouter(include_in_schema=False)

Acting = Annotated[Visit, Depends(require("operator"))]
Filled = Annotated[ActForm, Depends(act_form)]
Places = Annotated[list[str] | None, Form(alias="letter")]
#: Refused again whatever has changed since.
_HOPELESS = {"malformed_json", "too_late"}


@router.get("/acts")
def form(request: Request, visit: Acting) -> Response:
    """The form, filled in as far as an address says."""
    parameters = parameters_of(request)
    names = ("act", "dimension", "category")
    filled = {name: first(parameters, name) for name in names if first(parameters, name)}
    customers = "\n".join(parameters.get("customer", ()))
    return _form(request, visit, ActForm(**filled, customers=customers))


@router.post("/acts/plan", dependencies=[Depends(forged_not)])
def planned(request: Request, visit: Acting, connection: Reading, filled: Filled) -> Response:
    """What will happen, to be confirmed; or the form again, with what is wrong with it."""
    try:
        found = _plan(visit, connection, filled)
    except Wrong as wrong:
        return _form(request, visit, filled, str(wrong))
    return _confirm(request, visit, filled, found)


@router.post("/acts/do", dependencies=[Depends(forged_not)])
def done(
    request: Request,
    visit: Acting,
    connection: Reading,
    filled: Filled,
    number: Annotated[UUID, Form()],
    typed: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Do what was confirmed."""
    try:
        found = _plan(visit, connection, filled)
    except Wrong as wrong:
        return _form(request, visit, filled, str(wrong))
    if filled.act == "erase" and typed.strip() != confirmation(found.asked):
        sentence = visit.say("Nothing was done: type exactly what is asked for.")
        return _confirm(request, visit, filled, found, sentence, number=number)
    written = carry_out(visit, found, number)
    return render(
        request,
        visit,
        "acts_done.html",
        act=filled.act,
        wanted=len(found.asked.customers),
        taken=written.taken,
        why_not=written.why_not,
        only=found.asked.customers[0] if len(found.asked.customers) == 1 else None,
    )


@router.post("/dead-letters/redrive", dependencies=[Depends(forged_not)])
def redrive(
    request: Request,
    visit: Acting,
    connection: Reading,
    places: Places = None,
    confirmed: Annotated[bool, Form()] = False,
    fix_key: Annotated[bool, Form()] = False,
) -> Response:
    """Say what would be sent again; once that is confirmed, send it."""
    asked = [Place.read(each) for each in places or ()]
    if not asked:
        raise RefusedError(422, visit.say("Choose at least one letter."))
    letters = letters_at(connection, asked)
    if not confirmed:
        counts = Counter((each.code, each.source.rpartition("/")[0]) for each in letters)
        return render(
            request,
            visit,
            "redrive.html",
            places=[f"{each.source}@{each.position}" for each in letters],
            counts=[(*what, number, what[0] in _HOPELESS) for what, number in sorted(counts.items())],
            empty=sum(not each.record and not each.record_base64 for each in letters),
            mismatched=any(each.code == "key_mismatch" for each in letters),
        )
    sent = send_letters(visit, letters, fix_key=fix_key)
    return render(request, visit, "redriven.html", sent=sent, wanted=len(letters))


def confirmation(asked: Asked) -> str:
    """What must be typed to erase: the id of the only customer, or how many they are."""
    return asked.customers[0] if len(asked.customers) == 1 else str(len(asked.customers))


def _plan(visit: Visit, connection: Reading, filled: ActForm) -> Plan:
    """The plan of a form. Raises Wrong, and RefusedError for what the visitor may not do."""
    if filled.act == "erase" and not visit.can_admin:
        raise RefusedError(403, visit.say("Only administrators erase customers."))
    asked = filled.asked(visit)
    try:
        return plan(connection, visit.state, asked, visit.user)
    except UserError as error:
        raise Wrong(error.message) from None


def _form(request: Request, visit: Visit, filled: ActForm, *wrong: str) -> Response:
    return render(request, visit, "acts.html", 422 if wrong else 200, form=filled, wrong=wrong)


def _confirm(
    request: Request,
    visit: Visit,
    filled: ActForm,
    found: Plan,
    *wrong: str,
    number: UUID | None = None,
) -> Response:
    return render(
        request,
        visit,
        "acts_plan.html",
        422 if wrong else 200,
        form=filled,
        plan=found,
        total=len(found.asked.customers),
        number=number or uuid4(),
        typed=confirmation(found.asked),
        wrong=wrong,
    )
