"""`mlops-ci conclude`: what a killed run could not do itself."""

from __future__ import annotations

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json
from mlops_ci.outlets import Outlets


def conclude(json: Json = False) -> int:
    """End the checks that a run left open.

    For a last step of a job, with `if: always()`: a run that was killed, or whose machine was lost,
    leaves checks that would wait for ever. Where there are none it does nothing.
    """
    terminal = Terminal(json_output=json)
    ended = Outlets.of(terminal).end_left_open()
    terminal.result(
        "\n".join(f"ended {name}" for name in ended) or "no check is open", {"ended": list(ended)}
    )
    return 0
