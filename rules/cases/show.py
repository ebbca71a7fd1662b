"""A case that failed, as text."""

from __future__ import annotations

from rules.cases.compare import Result


def show_result(result: Result) -> str:
    """Where the case stands, and each step that went otherwise with what was expected (-) and got (+)."""
    case = result.case
    lines = [f"{case.source}:{case.line}: {case.title}"]
    for difference in result.differences:
        lines.append(f"  line {difference.line}: {difference.text}")
        lines += [f"    {row.mark} {row.text}" for row in difference.rows]
    return "\n".join(lines)
