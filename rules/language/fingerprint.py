"""The two fingerprints of a pack (S11.1): SHA-256 of canonical JSON of what the pack means.

Canonical: compact, keys sorted, UTF-8 unescaped. Order counts where it has a meaning (attributes, metrics,
dimensions, categories, publish) and is sorted away where it has none (`of`, `minus`, labels, currencies).
Comments, blanks, quoting, spelled-out defaults, titles and descriptions do not count: none of them can change
what a customer is told. Expressions count as written, because changes show them.
"""

from __future__ import annotations

import hashlib
import json

from rules.language.model import AggregateMetric, Category, Dimension, Metric, Pack, Policy

#: Raised whenever the canonical form changes, so that old and new fingerprints cannot be mixed up.
_FORM = 1


def state_fingerprint(pack: Pack) -> str:
    """SHA-256 in hex of everything that shapes what is remembered of a customer."""
    return _digest(_state(pack))


def pack_fingerprint(pack: Pack) -> str:
    """SHA-256 in hex of the whole pack."""
    whole = {
        "state": _state(pack),
        "name": pack.name,
        "version": pack.version,
        "max_ahead": pack.max_ahead,
        "metrics": [_metric(metric) for metric in pack.metrics],
        "dimensions": [_dimension(pack, dimension) for dimension in pack.dimensions],
    }
    return _digest(whole)


def _digest(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _state(pack: Pack) -> object:
    return {
        "form": _FORM,
        "timezone": pack.timezone,
        "currency": pack.currency,
        "lateness": pack.lateness,
        "rates": {
            currency: [[rate.start, rate.numerator, rate.scale] for rate in rates]
            for currency, rates in pack.rates.items()
        },
        "attributes": [[attribute.name, attribute.kind] for attribute in pack.attributes],
        "metrics": [_metric(metric) for metric in pack.metrics if isinstance(metric, AggregateMetric)],
    }


def _metric(metric: Metric) -> object:
    if isinstance(metric, AggregateMetric):
        return {
            "name": metric.name,
            "agg": metric.agg,
            "of": sorted(metric.of),
            "field": metric.field,
            "minus": sorted(metric.minus),
            "labels": sorted(metric.labels) if metric.labels is not None else None,
            "window": [metric.window.unit, metric.window.days],
        }
    return {"name": metric.name, "expr": metric.text}


def _dimension(pack: Pack, dimension: Dimension) -> object:
    return {
        "id": dimension.id,
        "kind": dimension.kind,
        "categories": [_category(category) for category in dimension.categories],
        "upgrade": _policy(dimension.upgrade),
        "downgrade": _policy(dimension.downgrade),
        "publish": [pack.metrics[index].name for index in dimension.publish],
    }


def _category(category: Category) -> object:
    return {
        "id": category.id,
        "code": category.code,
        "enter": category.enter.text if category.enter else None,
        "keep": category.keep.text if category.keep else None,
        "when": category.when.text if category.when else None,
        "strategy": category.strategy_json,
    }


def _policy(policy: Policy) -> object:
    return [policy.hold, policy.min_dwell, policy.at, policy.step_one]
