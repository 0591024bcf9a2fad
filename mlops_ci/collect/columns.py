"""The columns that mlops-ci.yaml names of a model's tables: a name that is none is told, not passed over."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mlops_ci.collect.context import Context
from mlops_ci.collect.models import frames, prediction_files
from mlops_ci.writing.absent import not_there

CONFIG = "mlops-ci.yaml"


def tell(context: Context, tables: Collection[str] | None) -> None:
    """A problem for each name that is no column of any table of the model, its predictions among them.

    ``tables`` are the columns of the named tables, None where one could not be read: nobody knows then.
    """
    if tables is None or not any(_unknown(context, tables)):
        return
    predicted = _predicted(context)
    if predicted is None:
        return
    for key, note in _unknown(context, {*tables, *predicted}):
        hint = f"mend {key} in {CONFIG}, or take the name out"
        context.sources.reader.note(context.sources.head, CONFIG, note, hint)


def _unknown(context: Context, columns: Collection[str]) -> Iterator[tuple[str, str]]:
    data, of = context.model.data, f"any table of {context.model.name}"
    named = {
        "categorical": data.categorical,
        "ignore": data.ignore,
        "show_values": () if isinstance(data.show_values, bool) else data.show_values,
        "sensitive": data.sensitive,
    }
    for key, names in named.items():
        globs = key in ("ignore", "sensitive")
        for note in not_there(f"data.{key}", names, columns, of=of, globs=globs):
            yield f"data.{key}", note


def _predicted(context: Context) -> Collection[str] | None:
    """The columns of head's predictions; None where there should be some and they cannot be read."""
    sources = context.sources
    paths = prediction_files(context.model, sources.head.graph, frozenset(context.found.stages))
    if not paths:
        return ()
    found = frames(sources, sources.head, paths)
    return None if isinstance(found, str) else [str(name) for name in found.columns]
