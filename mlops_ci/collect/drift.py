"""Drift of one model: its tables at head against base, the live release and production."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from mlops_ci.adapters.git import Git
from mlops_ci.adapters.sources import is_address
from mlops_ci.collect import models
from mlops_ci.collect.context import Context
from mlops_ci.collect.reading import Side, reason
from mlops_ci.collect.tables import Place, Tables
from mlops_ci.comparing import columns
from mlops_ci.comparing.columns import Named, Scope
from mlops_ci.errors import MlopsError
from mlops_ci.evidence import DomainClassifier, Drift
from mlops_ci.profiles.privacy import Privacy
from mlops_ci.profiles.shape import Profile

if TYPE_CHECKING:
    from mlops_ci.gates.drift import Options

# So many rows of a side are enough for a classifier to tell two tables apart.
SAMPLE = 20_000


@dataclass(frozen=True)
class Pair:
    """Two tables to compare; a text in place of one says why it cannot be there.

    ``only`` are the columns that are looked at, with their roles; empty: all, with ``roles``. ``held``: the
    base has the table, so that a comparison which cannot be made is a loss.
    """

    name: str
    reference: Place | str
    current: Place | str
    roles: Mapping[str, str] = field(default_factory=dict)
    only: bool = False
    categorical: tuple[str, ...] = ()
    held: bool = False


def measure(context: Context) -> tuple[Drift, ...]:
    """Every comparison that the configuration asks for; nothing where it names no table.

    What cannot be read becomes a Drift that says why.
    """
    tables = Tables(context.sources.reader, context.model.data)
    return tuple(_measured(context, tables, pair) for pair in _pairs(context))


def _options(context: Context) -> Options:
    return cast("Options", context.options("drift"))


# ---- what is compared --------------------------------------------------------------------------


def _pairs(context: Context) -> Iterator[Pair]:
    data, wanted = context.model.data, _options(context).against
    if not (data.train or data.test or data.production):
        return
    roles = {data.target: "target"} if data.target else {}
    head = context.sources.head
    base = _base(context)
    # A path that this pull request chooses does not choose what it is compared with.
    ruled = context.ruled_data()
    if "base" in wanted:
        for name, path, own in (("train", data.train, ruled.train), ("test", data.test, ruled.test)):
            if path:
                held = own is not None and isinstance(base, Side)
                places = _at(base, own or path), _at(head, path)
                yield Pair(f"{name}: head against base", *places, roles, held=held)
        yield from _predictions(context, base)
    if "train" in wanted and data.train and data.test:
        yield Pair("test against train", _at(head, data.train), _at(head, data.test), roles)
    if "live" in wanted and data.train and data.live:
        live = _live(context, data.live)
        before = _at(live, ruled.train or data.train)
        yield Pair("train: head against the live release", before, _at(head, data.train), roles)
    if "production" in wanted and data.production:
        reference = _at(head, data.train) if data.train else "data.train names no table to compare with"
        yield Pair("production against train", reference, _production(head, data.production), roles)


def _base(context: Context) -> Side | str:
    return context.sources.base or "there is no base to compare with"


def _at(side: Side | str, *paths: str) -> Place | str:
    if isinstance(side, str):
        return side
    words = "head" if side.rev is None else f"{side.rev[:8]}"
    return Place(side, paths, words)


def _production(head: Side, text: str) -> Place:
    return Place(None, (text,)) if is_address(text) else Place(head, (text,), "head")


def _live(context: Context, rev: str) -> Side | str:
    """The live release's side, or why there is none."""
    git, dvc = context.project.git, context.sources.reader.dvc
    try:
        commit = _resolved(git, rev)
        return Side("base", commit, dvc.graph(commit)) if commit else f"data.live: {rev} is no commit here"
    except MlopsError as error:
        return f"data.live: {error.message}"


def _resolved(git: Git, rev: str) -> str | None:
    """A revision's commit; one that a shallow clone does not have is fetched alone."""
    commit = git.resolve(rev)
    if commit is None and git.remote() and not rev.startswith("-") and git.fetch(rev, depth=1):
        commit = git.resolve("FETCH_HEAD")
    return commit


def _predictions(context: Context, base: Side | str) -> Iterator[Pair]:
    """The model's predictions on both sides: what it says, and what was true."""
    found = context.found
    if found.predictions is None:
        return
    head = context.sources.head
    paths = models.prediction_files(context.model, head.graph, frozenset(found.stages))
    before: Place | str = base if isinstance(base, str) else "the base has no predictions"
    if isinstance(base, Side):
        own = models._stages_of(context.model, base.graph) or frozenset(s.name for s in base.graph.stages)
        earlier = models.prediction_files(context.model, base.graph, own)
        before = _at(base, *earlier) if earlier else before
    names = context.model.columns
    classes = () if found.predictions.task == "regression" else (names.y_true, names.y_pred)
    roles = {names.y_true: "target", names.y_pred: "prediction"}
    if names.y_score and found.predictions.task == "binary":
        roles = {names.y_true: "target", names.y_score: "prediction"}
    places = before, _at(head, *paths)
    held = isinstance(before, Place)
    name = "predictions: head against base"
    yield Pair(name, *places, roles, only=True, categorical=classes, held=held)


# ---- measuring ---------------------------------------------------------------------------------


def _measured(context: Context, tables: Tables, pair: Pair) -> Drift:
    for place in (pair.current, pair.reference):
        if isinstance(place, str):
            return _empty(pair, place)
        if problem := tables.missing(place):
            return _empty(pair, problem)
    if isinstance(pair.reference, str) or isinstance(pair.current, str):
        return _empty(pair, "")
    if tables.same(pair.reference, pair.current):
        return _empty(pair, "").model_copy(update={"same": True})
    return _compared(context, _for(tables, pair), pair, (pair.reference, pair.current))


def _empty(pair: Pair, problem: str) -> Drift:
    return Drift(
        name=pair.name,
        reference=_name(pair.reference),
        current=_name(pair.current),
        problem=problem,
        lost=bool(problem) and pair.held,
    )


def _name(place: Place | str) -> str:
    return place.name if isinstance(place, Place) else ""


def _for(tables: Tables, pair: Pair) -> Tables:
    """The same tables with the columns of predictions that are classes, not numbers."""
    if not pair.categorical:
        return tables
    data = tables.data.model_copy(update={"categorical": pair.categorical})
    return Tables(tables.reader, data)


def _compared(context: Context, tables: Tables, pair: Pair, places: tuple[Place, Place]) -> Drift:
    profiles = []
    codes = tables.codes(places[0])
    # Head first: where both sides cannot be read, that is the one to mend.
    for place in reversed(places):
        try:
            profiles.append(_looked_at(tables.profile(place, codes), pair))
        except MlopsError as error:
            return _empty(pair, _unreadable(tables, place, error))
    current, reference = profiles
    data = context.model.data
    ignore = (*data.ignore, *((data.id,) if data.id else ()))
    scope = Scope(
        roles=pair.roles,
        ignore=() if pair.only else ignore,
        privacy=Privacy(data.sensitive, data.show_values),
    )
    found = columns.drift(pair.name, Named(reference, places[0].name), Named(current, places[1].name), scope)
    if pair.only or _options(context).classifier is None:
        return found
    return found.model_copy(update={"classifier": _classified(tables, found, places)})


def _unreadable(tables: Tables, place: Place, error: MlopsError) -> str:
    path = place.paths[0]
    why = reason(error, path)
    if place.side is not None:
        tables.reader.note(place.side, path, why, error.hint)
    return f"{place.name} {why}"


def _looked_at(profile: Profile, pair: Pair) -> Profile:
    """Of predictions only what was predicted and what was true."""
    if not pair.only:
        return profile
    kept = tuple(column for column in profile.columns if column.name in pair.roles)
    return profile.model_copy(update={"columns": kept})


def _classified(tables: Tables, found: Drift, places: tuple[Place, Place]) -> DomainClassifier | None:
    """How well a classifier tells the two tables' rows apart; it needs rows, a profile has none."""
    from mlops_ci.comparing import domain

    names = [column.name for column in found.columns if column.kind != "other"]
    samples = []
    try:
        for place in places:
            with tables.source(place.side, place.paths[0]) as source:
                samples.append(source.sample(SAMPLE))
        return domain.classify(*samples, columns=names, categorical=tables.data.categorical)
    except MlopsError as error:
        side = next((place.side for place in places if place.side is not None), None)
        if side is not None:
            tables.reader.note(side, places[0].paths[0], f"no domain classifier: {error.message}", error.hint)
        return None
