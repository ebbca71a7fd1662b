"""One round of SHA-256 by the processor's own instructions for it, where it has them: five times as fast."""

from __future__ import annotations

from typing import Any, cast

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_I32 = ir.IntType(32)
_FOUR = ir.VectorType(_I32, 4)


def has_instructions() -> bool:
    """Whether machine code is made for this very processor, and it has the instructions."""
    config = cast(Any, numba.config)
    if config.DISABLE_JIT or config.CPU_NAME is not None or config.CPU_FEATURES is not None:
        return False
    return bool(llvm.get_host_cpu_features().get("sha", False)) and llvm.get_process_triple().startswith(
        "x86"
    )


def _mask(*lanes: int) -> Any:
    return ir.Constant(_FOUR, [ir.Constant(_I32, lane) for lane in lanes])


def _call(builder: Any, name: str, *arguments: Any) -> Any:
    kind = ir.FunctionType(_FOUR, [_FOUR] * len(arguments))
    return builder.call(cast(Any, cgutils).get_or_insert_function(builder.module, kind, name), arguments)


def _clear_upper_halves(builder: Any) -> None:
    """Forget the upper halves of the wide registers, in which code around this may have left something.

    The instructions of SHA are of the kind that keeps them: with something in there they take a hundred times
    as long. The compiler sees to that only where one function calls another.
    """
    if llvm.get_host_cpu_features().get("avx", False):
        kind = ir.FunctionType(ir.VoidType(), [])
        name = "llvm.x86.avx.vzeroupper"
        builder.call(cast(Any, cgutils).get_or_insert_function(builder.module, kind, name), [])


def _words(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """A pointer to four words at a position of an array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), _FOUR.as_pointer())


def _round(_typing: Any, state: Any, message: Any, _start: Any, constants: Any) -> Any:
    """`round(state, message, start, constants)`: the state's first eight words after 64 more bytes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def constant(at: int) -> Any:
            return ir.Constant(ir.IntType(64), at)

        def load(position: int, at: Any) -> Any:
            return builder.load(
                _words(context, builder, signature.args[position], args[position], at), align=1
            )

        _clear_upper_halves(builder)
        abcd, efgh = load(0, constant(0)), load(0, constant(4))
        first = abef = builder.shuffle_vector(efgh, abcd, _mask(1, 0, 5, 4))  # f, e, b, a
        second = cdgh = builder.shuffle_vector(efgh, abcd, _mask(3, 2, 7, 6))  # h, g, d, c
        schedule: list[Any] = []
        for group in range(16):
            if group < 4:
                bytes_ = load(1, builder.add(args[2], constant(16 * group)))
                schedule.append(_call(builder, "llvm.bswap.v4i32", bytes_))
            else:
                w0, w1, w2, w3 = schedule[-4:]
                between = builder.shuffle_vector(w2, w3, _mask(1, 2, 3, 4))
                begun = builder.add(_call(builder, "llvm.x86.sha256msg1", w0, w1), between)
                schedule.append(_call(builder, "llvm.x86.sha256msg2", begun, w3))
            words = builder.add(schedule[-1], load(3, constant(4 * group)))
            cdgh = _call(builder, "llvm.x86.sha256rnds2", cdgh, abef, words)
            words = builder.shuffle_vector(words, words, _mask(2, 3, 0, 0))
            abef = _call(builder, "llvm.x86.sha256rnds2", abef, cdgh, words)
        abef, cdgh = builder.add(abef, first), builder.add(cdgh, second)
        for at, lanes in ((0, _mask(3, 2, 7, 6)), (4, _mask(1, 0, 5, 4))):
            place = _words(context, builder, signature.args[0], args[0], constant(at))
            builder.store(builder.shuffle_vector(abef, cdgh, lanes), place, align=1)
        return context.get_dummy_value()

    return types.void(state, message, types.int64, constants), generate


round_by_instructions: Any = intrinsic(_round)
