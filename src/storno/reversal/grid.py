"""The life cycle as a page: what docs/lifecycle.md shows is written from the table, so it cannot be out of date.

`python -m storno.reversal.grid` prints the generated part; a test compares it with the page. Pure text.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from storno.reversal.lifecycle import FIRST_STATES, TABLE, Input, State

if TYPE_CHECKING:
    from storno.reversal.lifecycle import Step

BEGIN, END = "<!-- grid: begin -->", "<!-- grid: end -->"
SHORT: dict[State, str] = {
    State.AUTHORIZING: "AUTH",
    State.ADVISING: "ADV",
    State.NOT_SENT: "NSENT",
    State.APPROVED: "APPR",
    State.DECLINED: "DECL",
    State.UNKNOWN: "UNKN",
    State.VOIDED: "VOID",
    State.COMPLETED: "COMPL",
    State.REVERSING: "RVSG",
    State.REVERSED: "RVSD",
    State.REFUSED: "REFUS",
    State.EXHAUSTED: "EXH",
    State.CLOSED: "CLSD",
}


def grid() -> str:
    """Write the table: one overview, then the rows of each state."""
    return "\n".join([*_overview(), "", *_details()]) + "\n"


def _overview() -> list[str]:
    states = list(State)
    lines = [
        "| Input | " + " | ".join(SHORT[state] for state in states) + " |",
        "|---" * (len(states) + 1) + "|",
    ]
    for what in Input:
        cells = [_cell(state, TABLE.get((state, what))) for state in states]
        lines.append(f"| `{what.value}` | " + " | ".join(cells) + " |")
    return lines


def _cell(state: State, row: Step | None) -> str:
    if row is None:
        return " "
    mark = "!" if row.case is not None else ""
    return ("·" if row.state is state else SHORT[row.state]) + mark


def _details() -> list[str]:
    lines = []
    for state in State:
        first = " (a record may begin here)" if state in FIRST_STATES else ""
        lines += [
            f"### {state.value} = {SHORT[state]}{first}",
            "",
            "| Input | becomes | effects | case |",
            "|---|---|---|---|",
        ]
        for what in Input:
            row = TABLE.get((state, what))
            if row is not None:
                effects = ", ".join(effect.value for effect in row.effects)
                lines.append(
                    f"| {what.value} | {row.state.value} | {effects} | {row.case.value if row.case else ''} |"
                )
        lines.append("")
    return lines[:-1]


if __name__ == "__main__":
    sys.stdout.write(grid())
