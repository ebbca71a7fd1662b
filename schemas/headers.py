"""Headers of the records that are sent out: UTF-8 text each.

Names that begin with `ce_` are attributes of CloudEvents 1.0, in the binary mode of its binding to Kafka.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.changes import Id, Instant, RejectionCode


class _Headers(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)

    content_type: Literal["application/json"] = Field(alias="content-type")


class _CloudEvent(_Headers):
    ce_specversion: Literal["1.0"]
    ce_source: str = Field(description="`tierline/GROUP/SHARD`.")
    ce_subject: Id = Field(description="The customer.")
    ce_time: Instant = Field(description="The `effective_at` of the body.")
    tierline_detected_at: Instant = Field(description="The worker's clock when the batch was decided.")
    tierline_batch: str = Field(pattern=r"^[1-9][0-9]*$", description="Number of the batch in the journal.")


class ChangeHeaders(_CloudEvent):
    """Beside a change."""

    ce_type: Literal["tierline.category.changed"]
    ce_id: str = Field(pattern=r"^[0-9a-f]{32}$", description="The `change_id` of the body.")


class ErasedHeaders(_CloudEvent):
    """Beside an erasure, which stands among the changes."""

    ce_type: Literal["tierline.customer.erased"]
    ce_id: str = Field(pattern=r"^[0-9a-f]{32}$", description="The same whenever it is derived again.")


class PendingHeaders(_CloudEvent):
    """Beside a notice of a move that is coming."""

    ce_type: Literal["tierline.category.pending"]
    ce_id: str = Field(pattern=r"^[0-9a-f]{32}$", description="The same whenever it is derived again.")


class PlainHeaders(_Headers):
    """Beside a customer's categories, the record without a body that erases them, and a journal record."""


class DeadLetterHeaders(_Headers):
    """Beside a dead letter: where the refused record stands."""

    tierline_code: RejectionCode
    tierline_topic: str
    tierline_partition: str = Field(pattern=r"^[0-9]+$")
    tierline_offset: str = Field(pattern=r"^[0-9]+$")
    tierline_timestamp_ms: str = Field(pattern=r"^-?[0-9]+$", description="The record's own timestamp.")
