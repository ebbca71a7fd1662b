"""What goes into a page cannot become a part of it."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.console.pages.preferences import local
from workers.console.pages.rendering import json_data, query, segment, visible


@given(st.text(min_size=1, max_size=128))
def test_any_id_is_one_segment_of_a_path_and_comes_back(customer_id: str) -> None:
    if not customer_id.isprintable():
        customer_id = "x" + "".join(each for each in customer_id if each.isprintable())
    quoted = segment(customer_id)
    assert "/" not in quoted
    assert "?" not in quoted
    assert quoted not in {".", ".."}
    assert unquote(quoted) == customer_id


@given(
    st.recursive(
        st.text() | st.integers() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_data_for_a_script_reads_back_and_cannot_end_its_element(value: object) -> None:
    text = str(json_data(value))
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == value


@pytest.mark.parametrize(
    ("customer_id", "shown"),
    [
        ("C-1", "C-1"),
        ("客户-1", "客户-1"),
        ("\u202egnp.exe", "⟨202E⟩gnp.exe"),
        ("a\u200bb", "a⟨200B⟩b"),
        ("a\u0007", "a⟨0007⟩"),
    ],
)
def test_characters_that_hide_or_turn_text_are_shown_as_their_numbers(customer_id: str, shown: str) -> None:
    assert visible(customer_id) == shown


@pytest.mark.parametrize(
    ("parameters", "changed", "expected"),
    [
        ({}, {}, "?"),
        ({"text": "a b&c"}, {}, "?text=a+b%26c"),
        ({"text": "a", "page": "x"}, {"page": None}, "?text=a"),
        (
            {"in.value_tier": ["gold", "silver"]},
            {"sort": "-id"},
            "?in.value_tier=gold&in.value_tier=silver&sort=-id",
        ),
    ],
)
def test_a_query_keeps_what_is_not_changed(
    parameters: dict[str, object], changed: dict[str, object], expected: str
) -> None:
    assert query(parameters, **changed) == expected


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("/customers?text=a", "/customers?text=a"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\nSet-Cookie: x=1", "/"),
        ("", "/"),
    ],
)
def test_nobody_is_led_to_another_site(address: str, kept: str) -> None:
    assert local(address) == kept
