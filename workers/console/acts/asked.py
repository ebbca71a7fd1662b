"""The form of a decision, read so that what is wrong with it is a sentence beside it."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from urllib.parse import quote_plus

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from workers.acting.decisions import ids_of
from workers.console.acts.planning import ACTS, CUSTOMERS_MAX, Asked
from workers.console.context import Visit
from workers.console.pages.asked import Wrong, day_in

#: The confirmation carries the ids once more, as an address would write them.
_BYTES_MAX = 3_500_000
#: What our own export puts before a cell that a spreadsheet would take for a formula.
_QUOTED_CELL = re.compile(r"'(?=[=+\-@\t\r])")
_HEAD = "customer_id"


@dataclass(frozen=True, slots=True)
class ActForm:
    """The form as it was filled in; `category` is DIMENSION.CATEGORY."""

    act: str = "pin"
    dimension: str = ""
    category: str = ""
    until: str = ""
    reason: str = ""
    customers: str = ""

    @classmethod
    def read(cls, form: FormData) -> ActForm:
        """The fields of a form; the ids of an uploaded file come after those that were typed."""
        fields = {name: _text(form.get(name)).strip() for name in cls.__dataclass_fields__}
        return cls(**{**fields, "customers": "\n".join(ids_of(fields["customers"]))})

    def asked(self, visit: Visit) -> Asked:
        """What it asks for. Raises Wrong with a sentence in the visitor's language."""
        say, names = visit.say, visit.state.pages.names
        act = next((each for each in ACTS if each == self.act), None)
        if act is None:
            raise Wrong(say("Choose what is to be done."))
        customers = ids_of(self.customers)
        if not customers:
            raise Wrong(say("Name at least one customer, one id a line."))
        if len(customers) > CUSTOMERS_MAX or len(quote_plus(self.customers)) > _BYTES_MAX:
            raise Wrong(say("These are too many: at most %(most)s customers at once.", most=CUSTOMERS_MAX))
        if not self.reason:
            raise Wrong(say("Say why: the reason is shown beside every change that follows."))
        if act == "erase":
            return Asked(act, customers, self.reason)
        found = names.find_dimension(self.dimension)
        if found is None:
            raise Wrong(say("Choose a dimension."))
        if act == "release":
            return Asked(act, customers, self.reason, self.dimension)
        of, _, category = self.category.partition(".")
        if not category:
            raise Wrong(say("Choose a category."))
        if of != self.dimension or names.find_category(of, category) is None:
            raise Wrong(say("The category belongs to another dimension than the one chosen."))
        if act == "floor" and found.kind != "ladder":
            raise Wrong(say("This dimension has no higher and lower: pin instead."))
        until = day_in(visit, self.until)
        return Asked(act, customers, self.reason, self.dimension, category, until)


async def act_form(request: Request) -> ActForm:
    """A dependency: the form of a request, with the ids of its file."""
    form = await request.form()
    filled = ActForm.read(form)
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return filled
    listed = "\n".join((filled.customers, *_ids_in(await file.read(), file.filename)))
    fields = {name: getattr(filled, name) for name in ActForm.__dataclass_fields__}
    return ActForm(**{**fields, "customers": "\n".join(ids_of(listed))})


def _ids_in(content: bytes, name: str) -> list[str]:
    """The ids of a file: one a line, of a CSV file the first column without its head."""
    text = content.decode("utf-8-sig", errors="replace").replace("\x00", "\ufffd")
    if not name.lower().endswith(".csv"):
        return text.splitlines()
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    rows = csv.reader(text.splitlines(), delimiter=separator)
    cells = [_QUOTED_CELL.sub("", row[0], count=1) for row in rows if row]
    return cells[1:] if cells and cells[0].strip().lower() == _HEAD else cells


def _text(value: object) -> str:
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else ""
