"""Terms of the events and the console in words, to be translated where they are shown."""

from __future__ import annotations

from workers.console.pages.translations import N_, translations

EVENTS = {
    "order.placed": N_("An order was placed"),
    "order.completed": N_("An order was completed"),
    "order.cancelled": N_("An order was cancelled"),
    "order.refunded": N_("An order was refunded"),
    "payment.succeeded": N_("A payment succeeded"),
    "payment.failed": N_("A payment failed"),
    "payment.refunded": N_("A payment was refunded"),
    "payment.overdue": N_("A payment is overdue"),
    "feedback.rating": N_("A rating"),
    "feedback.nps": N_("An NPS answer"),
    "feedback.complaint": N_("A complaint"),
    "feedback.complaint_resolved": N_("A complaint was resolved"),
    "customer.registered": N_("The customer registered"),
    "customer.updated": N_("The customer's record was updated"),
    "category.assigned": N_("An override was put on"),
    "category.released": N_("An override was released"),
}
CAUSES = {
    "event": N_("An event"),
    "time": N_("Time passed"),
    "override": N_("An override"),
    "rules": N_("New rules"),
    "merge": N_("A merge"),
}
REJECTIONS = {
    "malformed_json": N_("Not valid JSON"),
    "schema": N_("Not of the agreed form"),
    "key_mismatch": N_("Key and customer differ"),
    "unknown_currency": N_("No rate for the currency"),
    "future": N_("Dated too far ahead"),
    "erased": N_("The customer was erased"),
    "too_late": N_("Too late"),
}
ROLES = {"viewer": N_("Viewer"), "operator": N_("Operator"), "admin": N_("Administrator")}


def in_language(terms: dict[str, str], language: str) -> dict[str, str]:
    """Terms in a language."""
    say = translations(language).gettext
    return {key: say(text) for key, text in terms.items()}
