"""What a request brings with it: who asks, in which language, and a connection to read by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from workers.console.auth.people import ROLES as ROLE_NAMES
from workers.console.auth.people import Person, Role
from workers.console.auth.sessions import COOKIE
from workers.console.pages.preferences import LANGUAGE_COOKIE, THEME_COOKIE
from workers.console.pages.reasons import Reasons
from workers.console.pages.rendering import THEMES
from workers.console.pages.terms import ROLES, in_language
from workers.console.pages.translations import LANGUAGES, chosen_language
from workers.console.state import State

#: Who comes in where the console is open to everybody on this machine.
OPEN = Person("demo", "admin")


class LoginNeededError(Exception):
    """Nobody is logged in."""


class RefusedError(Exception):
    """A request that cannot be answered as it is: a status of 4xx or 503 and a sentence."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers or {}


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who may come in. `key` binds forms to the session."""

    state: State
    person: Person
    key: str
    language: str
    theme: str

    @property
    def user(self) -> str:
        """The name of who asks."""
        return self.person.name

    @property
    def role(self) -> Role:
        """What they may do."""
        return self.person.role

    @property
    def csrf(self) -> str:
        """What their forms carry."""
        return self.state.sessions.form_token(self.key)

    @property
    def can_act(self) -> bool:
        """Whether they may override."""
        return self.person.may("operator")

    @property
    def can_redrive(self) -> bool:
        """Whether they may send dead letters again."""
        return self.person.may("operator")

    @property
    def can_admin(self) -> bool:
        """Whether they may erase."""
        return self.person.may("admin")

    @property
    def reasons(self) -> Reasons:
        """Reads reasons in their language."""
        return self.state.reasons[self.language]

    def say(self, message: str, **values: object) -> str:
        """A message in their language."""
        return self.state.pages.sayer(self.language)(message, **values)


def state_of(request: Request) -> State:
    """The parts of the console that serves a request."""
    state: State = request.app.state.console
    return state


def address_of(request: Request) -> str:
    """Where a request comes from; behind a proxy that is trusted, what that proxy says."""
    peer = request.client.host if request.client else ""
    told = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return told[:64] if told and state_of(request).settings.trusts(peer) else peer


def is_https(request: Request) -> bool:
    """Whether the browser speaks https, to us or to a proxy before us."""
    if request.url.scheme == "https" or state_of(request).settings.console_https:
        return True
    peer = request.client.host if request.client else ""
    return request.headers.get("x-forwarded-proto") == "https" and state_of(request).settings.trusts(peer)


def language_of(request: Request) -> str:
    """The language chosen on the pages, else by the browser."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return str(chosen)
    return chosen_language(request.headers.get("accept-language", ""))


def theme_of(request: Request) -> str:
    """The appearance chosen on the pages."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "auto"


def person_of(request: Request) -> tuple[Person, str] | None:
    """Who asks, and the key that their forms are bound to."""
    state = state_of(request)
    if state.settings.console_open:
        return OPEN, "open"
    header = state.settings.console_proxy_header
    if header is not None and state.settings.trusts(request.client.host if request.client else None):
        name = request.headers.get(header, "").strip()
        if name:
            known = state.users.find(name)
            role: Any = state.settings.console_proxy_role
            return known or Person(name[:64], role), f"proxy {name}"
    session = state.sessions.read(request.cookies.get(COOKIE))
    if session is None:
        return None
    person = state.users.find(session.user)
    if session.role:
        told = next((role for role in ROLE_NAMES if role == session.role), None)
        if state.provider is None or told is None:
            return None
        return person or Person(session.user, told), session.key
    if person is None or session.stamp != state.users.stamp(session.user):
        return None
    return person, session.key


def visit(request: Request) -> Visit:
    """The visit of a request; raises LoginNeededError."""
    found = person_of(request)
    if found is None:
        raise LoginNeededError
    person, key = found
    return Visit(state_of(request), person, key, language_of(request), theme_of(request))


Visiting = Annotated[Visit, Depends(visit)]


def require(role: Role) -> Callable[[Visit], Visit]:
    """A dependency: the visit of somebody who may do what a role may."""

    def checked(visit: Visiting) -> Visit:
        if not visit.person.may(role):
            roles = in_language(ROLES, visit.language)
            said = visit.say(
                "This needs the role “%(role)s”, and yours is “%(own)s”.",
                role=roles[role],
                own=roles[visit.role],
            )
            raise RefusedError(403, said)
        return visit

    return checked


def forged_not(visit: Visiting, csrf: Annotated[str, Form()] = "") -> None:
    """A dependency of every form that changes something: it comes from a page of ours."""
    if not visit.state.sessions.is_form_token(csrf, visit.key):
        said = visit.say("The form is too old, or not ours: open the page again and send it once more.")
        raise RefusedError(403, said)


def reading(request: Request) -> Iterator[Connection]:
    """A dependency: a connection that only reads, one view of the tables for the whole request."""
    with state_of(request).engine.connect() as connection:
        yield connection


Reading = Annotated[Connection, Depends(reading)]


def render(
    request: Request, visit: Visit | None, name: str, status: int = 200, **context: object
) -> HTMLResponse:
    """A page; without a visit, in the language of the browser."""
    state = state_of(request)
    query = f"?{request.url.query}" if request.url.query else ""
    html = state.pages.html(
        name,
        language=visit.language if visit else language_of(request),
        theme=visit.theme if visit else theme_of(request),
        path=request.url.path + query,
        visit=visit,
        **context,
    )
    return HTMLResponse(html, status)
