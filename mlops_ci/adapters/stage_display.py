"""The stages of a run while it lasts: a live table on a terminal, lines and folded logs in CI.

Nothing here has a thread: the runner forks, and a fork must find no lock held. What is seen is drawn when
an event comes, at most so often.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci.adapters import stage_logs
from mlops_ci.adapters.actions import Runner
from mlops_ci.adapters.run_settings import StageEvent
from mlops_ci.adapters.stage_board import ENDED, Board, Row
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.pipeline import Graph
from mlops_ci.writing import figures
from mlops_ci.writing.visible import one_line

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

DRAWN_EVERY = 0.1  # seconds between two pictures of the table
SAID_EVERY = 60.0  # seconds of silence after which CI hears that the run goes on
MARKS = {"ran": "✓", "restored": "♻", "failed": "✗", "blocked": "⏸"}

OnEvent = Callable[[StageEvent], None]


@contextmanager
def stages(
    terminal: Terminal,
    graph: Graph,
    seconds: Mapping[str, float],
    *,
    wanted: Collection[str] | None = None,
    logs: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    now: Callable[[], float] = time.monotonic,
) -> Iterator[OnEvent]:
    """Show the run of a pipeline; the function it gives takes every event of the runner.

    ``seconds`` is what stages should take, 0 for what has nothing to do, from which the time that is left is
    told. ``wanted`` are the stages of the run (default: all), ``logs`` is the folder with what they print,
    which CI repeats folded below each stage.
    """
    board = Board.of(graph, graph.by_name if wanted is None else wanted, seconds)
    if terminal.live:
        with terminal.without_step(), _table(terminal, board, now) as live:
            yield _of_stages(terminal, live)
        _tell_cached(terminal, board)
        return
    yield _of_stages(terminal, _Lines(terminal, board, _Logs.of(terminal, logs, environ), now).take)
    _tell_cached(terminal, board)


def _of_stages(terminal: Terminal, take: OnEvent) -> OnEvent:
    """Hand on what is of a stage; that the run itself waits is said at once."""

    def hear(event: StageEvent) -> None:
        if event.status == "waiting":
            terminal.say(f"  {event.line} …")
        else:
            take(event)

    return hear


def _tell_cached(terminal: Terminal, board: Board) -> None:
    count = board.ended.get("cached", 0)
    if count:
        terminal.say(f"  {'cached':<8} {count:,} stage{'' if count == 1 else 's'}")


def _line(event: StageEvent) -> str:
    """An ended stage in one line; its name and its error may be any text."""
    took = f" · {figures.duration(event.seconds)}" if event.seconds else ""
    error = f" · {one_line(event.line)[: stage_logs.SHOWN_LINE]}" if event.line else ""
    tries = f" · {event.attempt} attempts" if event.attempt > 1 else ""
    return f"{event.status:<8} {one_line(event.stage)}{took}{tries}{error}"


# ---- lines ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Logs:
    """What CI repeats of the logs: folded where GitHub's runner shows it, below a heading elsewhere."""

    terminal: Terminal
    folder: Path | None
    runner: Runner | None
    shown: bool

    @classmethod
    def of(cls, terminal: Terminal, folder: Path | None, environ: Mapping[str, str]) -> _Logs:
        # Groups and what tells of them go the way that results do not go.
        stream = sys.stderr if terminal.json_output else sys.stdout
        return cls(terminal, folder, Runner.of(environ, stream), bool(environ.get("CI")))

    def tell(self, event: StageEvent, *, ran: bool) -> None:
        """One ended stage: its line, and where it ran its log, unless that is an earlier run's."""
        file = stage_logs.path(self.folder, event.stage) if self.folder and self.shown and ran else None
        lines = stage_logs.shown(file) if file else []
        title = _line(event)
        if lines and self.runner:
            sys.stderr.flush()
            self.runner.group(title, lines)
            return
        self.terminal.say(f"  {title}")
        if lines:
            self.terminal.say("\n".join(f"    {line}" for line in lines))


@dataclass
class _Lines:
    """A line for a stage that begins, one for a stage that ended, and one a minute where there is neither."""

    terminal: Terminal
    board: Board
    logs: _Logs
    now: Callable[[], float]
    said: float = field(default=0.0, init=False)
    begun: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.said = self.now()

    def take(self, event: StageEvent) -> None:
        moment = self.now()
        self.board.take(event, moment)
        if event.status == "started":
            again = f" · attempt {event.attempt}" if event.attempt > 1 else ""
            self.terminal.say(f"  {event.status:<8} {one_line(event.stage)}{again}")
            self.begun.add(event.stage)
        elif event.status in ENDED and event.status != "cached":
            self.logs.tell(event, ran=event.stage in self.begun)
        elif moment - self.said < SAID_EVERY:
            return
        else:
            names = ", ".join(one_line(name) for name in list(self.board.running)[:5])
            self.terminal.say(f"  {self.board.head(moment)}{f' ({names})' if names else ''}")
        self.said = moment


# ---- the live table ------------------------------------------------------------------------------


@contextmanager
def _table(terminal: Terminal, board: Board, now: Callable[[], float]) -> Iterator[OnEvent]:
    from rich.live import Live
    from rich.text import Text

    live = Live(
        Text(""),
        console=terminal.console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        vertical_overflow="crop",
    )
    with live:
        table = _Table(terminal, board, live, now)
        try:
            yield table.take
        finally:
            table.say()


@dataclass
class _Table:
    """The run as a picture: ended stages scroll away above, below are a head line and what runs."""

    terminal: Terminal
    board: Board
    live: Live
    now: Callable[[], float]
    ended: list[str] = field(default_factory=list)
    drawn: float = float("-inf")

    def take(self, event: StageEvent) -> None:
        moment = self.now()
        self.board.take(event, moment)
        if event.status in MARKS:
            self.ended.append(f"{MARKS[event.status]} {_line(event)}")
        # A thousand short stages must not wait for a thousand pictures.
        if moment - self.drawn >= DRAWN_EVERY:
            self.drawn = moment
            # Both in one piece, so that nothing flickers.
            with self.terminal.console:
                self.say()
                self.live.update(self._picture(moment), refresh=True)

    def say(self) -> None:
        """Let what ended since scroll away above the table."""
        if self.ended:
            self.terminal.say("\n".join(self.ended))
            self.ended.clear()

    def _picture(self, moment: float) -> Text:
        from rich.cells import cell_len
        from rich.text import Text

        width, height = self.terminal.console.size
        rows = list(self.board.running.items())
        room = max(1, height - 4)
        shown = rows if len(rows) <= room else rows[: room - 1]
        names = max((cell_len(one_line(name)) for name, _ in shown), default=0)
        picture = Text(no_wrap=True, overflow="ellipsis", end="")
        picture.append(_cut(self.board.head(moment), width), style="bold")
        for name, row in shown:
            picture.append(
                "\n" + _cut(_row(name, row, moment, min(names, max(width // 3, min(24, width - 14)))), width)
            )
        if len(shown) < len(rows):
            picture.append(f"\n  … and {len(rows) - len(shown)} more", style="dim")
        return picture


def _row(name: str, row: Row, moment: float, wide: int) -> str:
    took = figures.duration(int(moment - row.since))
    return f"  {_cut(one_line(name), wide + 1, pad=True)}  {took:>9}  {row.says}"


def _cut(text: str, width: int, *, pad: bool = False) -> str:
    """At most so many cells less one, so that no terminal begins a new line; wide letters take two."""
    from rich.cells import cell_len, set_cell_size

    room = max(1, width - 1)
    if cell_len(text) > room:
        return set_cell_size(text, room - 1) + "…"
    return set_cell_size(text, room) if pad else text
