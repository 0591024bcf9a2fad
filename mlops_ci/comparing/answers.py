"""What two models answered, in one coding: the task found out, classes as codes (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlops_ci.comparing import scores
from mlops_ci.comparing.scores import Task
from mlops_ci.comparing.tables import AnyArray, Table, UnusableError, is_text
from mlops_ci.comparing.weighted import Answers

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# More different integers than this are a quantity, not class codes.
MOST_CLASSES = 20
# The same where a metric's name says that they are classes.
_MOST_NAMED_CLASSES = 1000


@dataclass(frozen=True)
class Models:
    """Both models' answers in one coding; ``base`` is empty where it is not comparable."""

    task: Task
    labels: tuple[str, ...]
    head: tuple[Answers, ...]
    base: tuple[Answers, ...]
    groups: dict[str, AnyArray] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many examples there are."""
        return len(self.head[0].truth)


def coded(head: Table, base: Table | None, names: Sequence[str]) -> Models:
    """Both tables in one coding; the metrics' ``names`` help where the truth may be classes or quantities.

    Raises:
        UnusableError: the truth is a quantity, and only scores are there.
    """
    import numpy as np

    tables = [head, *([base] if base else [])]
    preds = [values for table in tables for values in table.preds]
    if not _has_classes(head, preds, names):
        if not all(table.preds for table in tables):
            raise UnusableError("there is a score and no prediction, and y_true is no class")
        sides = [_numbers(table) for table in tables]
        return Models("regression", (), sides[0], sides[1] if base else (), dict(head.groups))
    # Probabilities in place of classes: what is called y_pred is a score then.
    soft = not head.scores and not is_text(head.truth) and not _whole(preds)
    labels = np.unique(np.concatenate([head.truth, *([] if soft else preds)]))
    if len(labels) == 1 and not is_text(labels) and labels[0] in (0, 1):
        labels = np.array([0, 1])
    sides = [_classes(table, labels, soft=soft) for table in tables]
    task: Task = "binary" if len(labels) <= 2 else "multiclass"
    names = tuple(str(label) for label in labels.tolist())
    return Models(task, names, sides[0], sides[1] if base else (), dict(head.groups))


def _has_classes(head: Table, preds: Sequence[AnyArray], names: Sequence[str]) -> bool:
    """Whether the truth is classes, not quantities; where it may be both, the metrics' names decide."""
    import numpy as np

    if is_text(head.truth):
        return True
    values = np.unique(head.truth)
    if head.scores:
        return len(values) <= _MOST_NAMED_CLASSES and _whole([head.truth])
    tasks = [score.tasks for name in names for score in scores.candidates(name)[:1]]
    for_numbers = any("regression" in found for found in tasks)
    for_classes = any("regression" not in found for found in tasks)
    if for_numbers != for_classes:
        return for_classes and len(values) <= _MOST_NAMED_CLASSES and _whole([head.truth])
    if set(values.tolist()) <= {0, 1}:
        return True
    return len(values) <= MOST_CLASSES and _whole([head.truth, *preds])


def _whole(columns: Sequence[AnyArray]) -> bool:
    import numpy as np

    return all(values.dtype.kind in "iu" or bool(np.all(values == np.rint(values))) for values in columns)


def _numbers(table: Table) -> tuple[Answers, ...]:
    import numpy as np

    truth = table.truth.astype(np.float64)
    return tuple(Answers(truth, values.astype(np.float64)) for values in table.preds)


def _classes(table: Table, labels: AnyArray, *, soft: bool) -> tuple[Answers, ...]:
    """A table's answers with classes as codes in the order of ``labels``."""
    import numpy as np

    truth = np.searchsorted(labels, table.truth).astype(np.float64)
    preds = [] if soft else [np.searchsorted(labels, values).astype(np.float64) for values in table.preds]
    columns = table.preds if soft else table.scores
    ranked = [
        score for values in columns if (score := _score(values, table.score_classes, labels)) is not None
    ]
    return tuple(
        Answers(
            truth,
            preds[place] if place < len(preds) else None,
            ranked[place] if place < len(ranked) else None,
            max(2, len(labels)),
        )
        for place in range(table.seeds)
    )


def _score(values: AnyArray, classes: Sequence[str], labels: AnyArray) -> AnyArray | None:
    """The positive class's score of two classes, else one column a label; None where they do not fit."""
    names = [str(label) for label in labels.tolist()]
    if values.ndim == 1:
        return values if len(names) <= 2 else None
    if not set(names) <= set(classes):
        return None
    ordered: AnyArray = values[:, [list(classes).index(name) for name in names]]
    return ordered[:, -1] if len(names) <= 2 else ordered


def only(answers: Answers, rows: npt.NDArray[np.intp]) -> Answers:
    """The answers to some of the examples."""
    return replace(
        answers,
        truth=answers.truth[rows],
        pred=None if answers.pred is None else answers.pred[rows],
        score=None if answers.score is None else answers.score[rows],
    )
