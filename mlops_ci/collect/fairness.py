"""Fairness of one model: its predictions, and the base's, split by the groups that are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mlops_ci.collect.context import Context
from mlops_ci.collect.models import base_frames, frames, group_labels, is_broken, prediction_files
from mlops_ci.comparing import fairness
from mlops_ci.comparing.fairness import Asked
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import Fairness
from mlops_ci.gates.fairness import Options

if TYPE_CHECKING:
    import pandas as pd


def measure(context: Context) -> tuple[Fairness, ...]:
    """Metrics per group and disparities, for each column of ``columns.groups`` or of the gate's ``groups``.

    Nothing where no groups are asked for. A model without predictions, or an installation without
    fairlearn, gives a problem for each: the groups may be there for the slices alone.
    """
    options = cast(Options, context.options("fairness"))
    groups = options.columns(context.model.columns.groups)
    if not groups:
        return ()
    head = _missing_package() or _head(context)
    if isinstance(head, str):
        return tuple(Fairness(column=", ".join(names), problem=head) for names in groups)
    named = {name for names in groups for name in names}
    found = fairness.measure(
        head,
        base_frames(context.model, context.sources),
        Asked(
            groups=groups,
            positive=None if options.positive is None else str(options.positive),
            min_rows=options.min_rows,
            names=tuple(metric.name for metric in context.found.metrics),
        ),
        context.model.columns,
        group_labels(context.model, named),
    )
    return tuple(
        one.model_copy(update={"absent": not set(names) <= set(head.columns)})
        for one, names in zip(found, groups, strict=True)
    )


def _missing_package() -> str:
    try:
        fairness.need_fairlearn()
    except ConfigError as error:
        return f"{error.message}: {error.hint}"
    return ""


def _head(context: Context) -> pd.DataFrame | str:
    """Head's predictions, or why there are none."""
    sources, own = context.sources, frozenset(context.found.stages)
    paths = prediction_files(context.model, sources.head.graph, own)
    if not paths:
        return "the model has no table of predictions"
    if any(is_broken(sources.head, path) for path in paths):
        return f"{paths[0]} was not written: its stage did not finish"
    found = frames(sources, sources.head, paths)
    return f"{paths[0]} {found}" if isinstance(found, str) else found
