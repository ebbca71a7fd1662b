"""The pack of the benchmarks is the shop of the catalog with fewer dimensions: what is measured is used."""

from __future__ import annotations

from tests.benchmarks.sizes import PACK
from workers.packs import open_pack


def test_it_is_the_shop_with_its_first_four_dimensions() -> None:
    shop, of_four = open_pack("shop"), open_pack(PACK)
    assert of_four.metrics == shop.metrics
    assert of_four.attributes == shop.attributes
    assert of_four.dimensions == shop.dimensions[:4]
