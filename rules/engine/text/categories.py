"""A customer's categories now, as the compacted topic keeps them, in machine code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.plan_arrays import Plan
from rules.engine.text.render import Words
from rules.engine.text.template import quoted
from rules.engine.text.write import put, put_instant, put_integer, put_string
from rules.jit import compiled

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

#: Room for numbers and instants of one dimension, and of the head.
_MARGIN = 256
_HEAD, _LIFE, _UPDATED, _CATEGORIES, _SEQUENCE, _TAIL = range(6)


class CategoryTexts(NamedTuple):
    """What of the records follows from the pack.

    Text t is `pool[spans[t, 0] :][: spans[t, 1]]`: the fixed texts by the names above, then one a category,
    from `first[dimension]` on. `blocks`: a dimension's block in the row. `size_max`: bytes of one record at
    most, without the customer's id.
    """

    pool: U8
    spans: I64
    first: I64
    blocks: I64
    size_max: int


def category_texts(plan: Plan, generation: int) -> CategoryTexts:
    """The fixed texts of a pack's category records."""
    pack = plan.pack
    source = {"name": pack.name, "version": pack.version, "fingerprint": pack.fingerprint}
    texts = [
        '{"customer_id":',
        ',"life":',
        ',"updated_at":',
        ',"categories":{',
        ',"sequence":',
        f'}},"pack":{quoted(source)},"generation":{generation}}}',
    ]
    first, longest = [], 0
    for dimension in pack.dimensions:
        first.append(len(texts))
        texts += [
            f'{quoted(dimension.id)}:{{"category":{quoted(category.id)},"code":{quoted(category.code)},"since":'
            for category in dimension.categories
        ]
        longest += max(len(text.encode()) for text in texts[first[-1] :])
    data = [text.encode() for text in texts]
    ends = np.cumsum([0, *(len(each) for each in data)], dtype=np.int64)
    return CategoryTexts(
        pool=np.frombuffer(b"".join(data), np.uint8),
        spans=np.stack([ends[:-1], np.diff(ends)], axis=1),
        first=np.array(first, np.int64),
        blocks=np.ascontiguousarray(plan.arrays.dimensions[:, 0]),
        size_max=longest + int(sum(len(each) for each in data[: _TAIL + 1])) + _MARGIN * (len(first) + 1),
    )


@compiled
def render_categories(
    texts: CategoryTexts, state_rows: I64, listed: I64, first: int, customers: Words, buf: U8, ends: I64
) -> int:
    """Write the records of the customers in the rows `listed[first:]`, as many as surely fit.

    `ends[i]` becomes the end of record i in the buffer; each is followed by a line feed. Returns the position
    in `listed` to go on with.
    """
    pool, spans = texts.pool, texts.spans
    to = 0
    for i in range(first, listed.size):
        customer = listed[i]
        row = state_rows[customer]
        start = customers.ends[customer]
        size = customers.ends[customer + 1] - start
        if to + texts.size_max + 6 * size > buf.size:
            return i
        to = put(buf, to, pool, spans[_HEAD, 0], spans[_HEAD, 1])
        to = put_string(buf, to, customers.text, start, size)
        to = put(buf, to, pool, spans[_LIFE, 0], spans[_LIFE, 1])
        to = put_integer(buf, to, row[at.LIFE])
        to = put(buf, to, pool, spans[_UPDATED, 0], spans[_UPDATED, 1])
        latest = row[texts.blocks[0] + at.ENTERED_US]
        for dimension in range(1, texts.blocks.size):
            latest = max(latest, row[texts.blocks[dimension] + at.ENTERED_US])
        to = put_instant(buf, to, latest)
        to = put(buf, to, pool, spans[_CATEGORIES, 0], spans[_CATEGORIES, 1])
        for dimension in range(texts.blocks.size):
            block = texts.blocks[dimension]
            text = texts.first[dimension] + row[block + at.CATEGORY]
            if dimension > 0:
                buf[to] = 44
                to += 1
            to = put(buf, to, pool, spans[text, 0], spans[text, 1])
            to = put_instant(buf, to, row[block + at.ENTERED_US])
            to = put(buf, to, pool, spans[_SEQUENCE, 0], spans[_SEQUENCE, 1])
            to = put_integer(buf, to, row[block + at.COUNT])
            buf[to] = 125
            to += 1
        to = put(buf, to, pool, spans[_TAIL, 0], spans[_TAIL, 1])
        buf[to] = 10
        to += 1
        ends[i] = to
    return listed.size
