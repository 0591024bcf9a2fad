"""Sentences about differences that the gates' tests do not meet."""

from __future__ import annotations

from mlops_ci.evidence import Finding, Status
from mlops_ci.judging import limits, sentences
from tests.gates.samples import comparison


def test_a_metric_without_values() -> None:
    assert sentences.shown("train.loss", None, None) == "train.loss is nothing; it is shown, not judged."


def test_one_example() -> None:
    assert sentences.examples(comparison("accuracy", 0.1, 0.1, n=1)) == "1 example"


def test_trainings_alone() -> None:
    assert sentences.examples(comparison("bleu", 0.1, 0.1, n=7, seeds=(3, 4))) == "3 and 4 trainings"


def test_no_spread_has_no_interval_to_show() -> None:
    effect = limits.effect(comparison("mae", -0.5, 0.0, n=40), "lower", 0.0, 0.05)
    assert sentences.difference("mae", effect) == "mae fell by 0.5 (40 examples)"


def test_a_name_with_line_breaks_is_told_in_one_line() -> None:
    odd = Finding(gate="drift", subject="a\nb", status=Status.PASS, sentence="x\r\n## y\u202ez", hint="h\n")
    found = sentences.plain(odd)
    assert (found.subject, found.sentence, found.hint) == ("a b", "x ## y\ufffdz", "h")
    calm = odd.model_copy(update={"subject": "a", "sentence": "two  words", "hint": ""})
    assert sentences.plain(calm) == calm
