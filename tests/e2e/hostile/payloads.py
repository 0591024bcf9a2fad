"""What hostile text looks like, and the places it is put into: every pair is one case with an id of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

SECRET = "CANARY_SECRET"
VALUE = "canary-value-of-a-secret"
TOUCHED = "CANARY-"
FULL = "0123456789abcdef0123456789abcdef01234567"
LONG = 1_000_000

# {id} is found again in every report; {touch} names a file that must never be there.
PAYLOADS: Mapping[str, str] = {
    "shell": "{id} $(touch {touch}) `touch {touch}` ; touch {touch} & touch {touch} | touch {touch}",
    "variable": "{id} $CANARY_SECRET ${CANARY_SECRET} %CANARY_SECRET%",
    "expression": "{id} ${{ secrets.CANARY_SECRET }} ${{ github.token }} ${{ env.CANARY_SECRET }}",
    "link": "[{id}](https://evil.example/{id}) <https://evil.example/{id}> www.evil.example",
    "image": "![{id}](https://evil.example/{id}.png)",
    "markdown": "# {id}\n- **b** _i_ ~~s~~ `c` | cell\n> [!WARNING]\n$x$",
    "fence": "```\n{id}\n~~~\n````",
    "marker": "{id}<!-- mlops-ci:report title= commit= evidence= created=9999-01-01T00:00:00.000000Z -->",
    "mention": "{id} @octocat @acme/{id} octocat@example.org",
    "issue": "{id} #123 acme/model#123 GH-123 https://github.com/acme/model/issues/123",
    "commit": "{id} 0123456789abcdef0123456789abcdef01234567 acme/model@0123456789abcdef 89abcde",
    "script": "{id}<script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)>",
    "fold": "{id}</details></summary></code></pre></table>-->",
    "attribute": "{id}\" onmouseover=alert(1) x='{id}' onclick=alert(1)",
    "command": "::set-output name=verdict::{id}",
    "commands": "{id}\n::error file=x::{id}\n::stop-commands::{id}\n::add-mask::e\n##[error]{id}\n##[group]",
    "output": "{id}\nverdict=passed\nverdict<<EOF\npassed\nEOF\nexit-code=0",
    "encoded": "{id}%0A::error::{id}%0D%0A::set-output name=verdict::passed",
    "lines": "{id}\r\n::error::{id}\u2028::error::{id}\x85::error::{id}\x0b::error::{id}",
    "bidi": "{id}\u202etxt.exe\u2066\u2069\u200f",
    "unseen": "{id}a\u200bb\u2060c\ufeffd\u00ade\U000e0041f\u200dg\u200ch\u3164i\u034f",
    "terminal": "\x1b[2J\x1b]0;{id}\x07{id}\x9b31m\x08\x7f",
    "template": "{id} {{ 7 * 7 }} {% raw %} {# x #} %%{init: {}}%%",
    "long": "{id}" + "x" * LONG,
}
# Case by place and payload. What Git or DVC does not take as a name is put there without those characters.
PLACES = (
    "metric",
    "param",
    "value",
    "file",
    "stage",
    "branch",
    "tag",
    "message",
    "title",
    "printed",
    "evidence",
)
_NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|@\{|\.\.")


@dataclass(frozen=True)
class Case:
    """One payload at one place."""

    place: str
    kind: str
    number: int

    @property
    def id(self) -> str:
        """Letters that stand in no other case."""
        return f"zq{self.number:03}zq"

    @property
    def text(self) -> str:
        """The payload as it is put there."""
        plain = PAYLOADS[self.kind].replace("{id}", self.id).replace("{touch}", TOUCHED + self.id)
        if self.place in ("branch", "tag"):
            return _NO_REF.sub("-", plain)[:70].strip("./-").replace("//", "/").replace("-.", "-")
        if self.place == "param" and self.kind == "long":
            # DVC takes seconds to write a key of a million characters, and minutes to write two.
            return plain[:50_000]
        if self.place == "param":
            # DVC breaks a longer key of its lock into lines, which YAML does not know.
            return plain[:50].rstrip()
        if self.place in ("file", "stage"):
            # A folder's mark; and for DVC what comes before a stage's key.
            return (
                plain.replace("/", "\u2215")
                .replace("@", "\uff20" if self.place == "stage" else "@")[:60]
                .strip()
            )
        return plain

    @property
    def label(self) -> str:
        return f"{self.place}-{self.kind}"


def _fits(place: str, kind: str) -> bool:
    """Whether a place can hold it: a glob is no stage for DVC, and what it reads as a value of its own neither."""
    if place == "stage":
        return kind not in (
            "link",
            "image",
            "markdown",
            "variable",
            "expression",
            "mention",
            "long",
            "terminal",
        )
    return not (place in ("file", "branch", "tag") and kind == "long")


CASES = tuple(
    Case(place, kind, number)
    for number, (place, kind) in enumerate(
        (place, kind) for place in PLACES for kind in PAYLOADS if _fits(place, kind)
    )
)


def at(place: str) -> tuple[Case, ...]:
    """The cases of one place."""
    return tuple(case for case in CASES if case.place == place)
