"""What a person or a machine sees on the terminal: live progress, plain lines in CI, or one JSON document."""

from __future__ import annotations

import html
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlops_ci.writing import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status


class Terminal:
    """Words go to standard error, results to standard output, so that `--json` stays clean to pipe.

    On a terminal long work shows one live line; elsewhere (CI, a pipe) each step is a plain line.
    """

    def __init__(self, *, json_output: bool = False) -> None:
        self.json_output = json_output
        self.live = sys.stderr.isatty() and not os.environ.get("CI")
        self._console: Console | None = None
        self._status: Status | None = None

    @property
    def console(self) -> Console:
        """Rich's console on standard error, made when first needed: importing rich costs time."""
        if self._console is None:
            from rich.console import Console

            self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        return self._console

    def say(self, text: str = "") -> None:
        """One line for a person, shown above the live line; nothing foreign in it steers the terminal."""
        text = visible.lines(text)
        if self.live:
            self.console.print(text, markup=False)
        else:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def result(self, text: str, document: Any = None) -> None:
        """The verb's result: ``document`` as JSON where a machine asked for it, else the text."""
        if self.json_output:
            shown = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
            # A runner of CI takes `##[` for a command wherever in a line it stands.
            sys.stdout.write(shown.replace("##[", "#\\u0023[") + "\n")
        elif text:
            sys.stdout.write(text.rstrip("\n") + "\n")
        sys.stdout.flush()

    def markdown(self, text: str) -> None:
        """Markdown for a person: drawn on a terminal, as it is elsewhere."""
        if self.json_output:
            return
        if not sys.stdout.isatty():
            # No renderer will read the entities that keep foreign text harmless in Markdown.
            self.result(html.unescape(text).replace("\u200b", ""))
            return
        from rich.console import Console
        from rich.markdown import Markdown

        Console(highlight=False).print(Markdown(text))

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """A piece of long work; the function it gives shows what it is doing just now."""
        begun = time.monotonic()
        if not self.live:
            self.say(f"{title} …")
            yield lambda _detail: None
            return
        from rich.markup import escape

        with self.console.status(escape(title)) as self._status:
            status = self._status
            yield lambda detail: status.update(
                escape(f"{title} · {time.monotonic() - begun:.0f} s · {detail[: self.console.width - 30]}")
            )
        self._status = None

    @contextmanager
    def without_step(self) -> Iterator[None]:
        """The live line gives way to something else that lives for a while."""
        if self._status is None:
            yield
            return
        self._status.stop()
        try:
            yield
        finally:
            self._status.start()
