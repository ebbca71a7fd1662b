"""The names of the topics (defaults, or one by one from the environment)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

#: What Kafka allows as the name of a topic, without the dot at its begin.
TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,248}$")]


class TopicNames(BaseModel):
    """Which topic is read or written for what; each name is used once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customers: TopicName = "customers"
    orders: TopicName = "orders"
    payments: TopicName = "payments"
    feedback: TopicName = "feedback"
    changes: TopicName = "category-changes"
    categories: TopicName = "customer-categories"
    pending: TopicName = "category-pending"
    dead_letters: TopicName = "dead-letters"
    journal: TopicName = "tierline-journal"
    snapshots: TopicName = "tierline-snapshots"

    @model_validator(mode="after")
    def _each_once(self) -> TopicNames:
        named: dict[str, str] = {}
        for role, name in self.by_role().items():
            if name in named:
                raise ValueError(f"`{name}` is the topic of both {named[name]} and {role}: use one for each")
            named[name] = role
        return self

    @property
    def inputs(self) -> tuple[str, str, str, str]:
        """The input topics in the order that decides ties (S10)."""
        return self.customers, self.orders, self.payments, self.feedback

    def by_role(self) -> dict[str, str]:
        """From what a topic is for, such as `dead_letters`, to its name."""
        return dict(self)

    @classmethod
    def prefixed(cls, prefix: str) -> TopicNames:
        """The default names with something before each, so that several sets share a broker."""
        return cls(**{role: prefix + name for role, name in cls().by_role().items()})
