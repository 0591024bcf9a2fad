"""Integration: whole reports against golden files, through a Markdown parser, and down the size ladder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from mlops_ci import evidence as ev
from mlops_ci import report
from mlops_ci.evidence import Status
from mlops_ci.writing import markdown
from tests.report import checked, samples
from tests.report.checked import CHECKED
from tests.report.samples import Sample

GOLDEN = Path(__file__).parent / "golden"
DETAILS = "https://ci.example/runs/1"
SOURCE = "https://git.example/acme/census/blob/a1b2c3d4"
PULLS = "https://git.example/acme/census/pull/"
SAMPLES = {**samples.SAMPLES, **CHECKED}
NAMES = sorted(SAMPLES)
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OUR_TAGS = re.compile(
    r"</?(?:sub|code|details(?: open)?)>|<summary>[^<]*</summary>|<!-- mlops-ci:report [^<>]*-->"
)


def comment(sample: Sample, limit: int = report.COMMENT_LIMIT) -> str:
    return report.comment(
        sample.evidence,
        sample.findings,
        sample.verdict,
        details_url=DETAILS,
        source_url=SOURCE,
        title="train",
        limit=limit,
    )


def summary(sample: Sample, limit: int = report.SUMMARY_LIMIT) -> str:
    return report.summary(
        sample.evidence, sample.findings, sample.verdict, details_url=DETAILS, source_url=SOURCE, limit=limit
    )


def tokens(source: str) -> list[Token]:
    found = []
    for token in PARSER.parse(source):
        found += [token, *(token.children or ())]
    return found


def test_ignored_columns_are_told_where_nothing_could_be_decided() -> None:
    few = checked.number("few", 0.03, detectable=0.2)
    facts = checked.drift().model_copy(update={"columns": (few,), "classifier": None})
    model = samples.better_model().model_copy(update={"drift": (facts,)})
    text = comment(Sample(samples.document(models=(model,))))
    said = "nothing could be decided on 1 column (68,785 → 5,000 rows)"
    assert f"{said}; not compared, as asked: `year`, `group_sex` (3 more)\n" in text


def check_golden(name: str, text: str) -> None:
    """Compare with the golden file; UPDATE_GOLDEN=1 writes it, for the reviewer to read in the diff.

    A new field of the evidence changes its digest and nothing a reader sees: digests are masked.
    """
    path = GOLDEN / f"{name}.md"
    text = re.sub(r"sha256:[0-9a-f]{12,64}", "sha256:0", text)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", [name for name in NAMES if name != "many_models"])
def test_comment_is_as_reviewed(name: str) -> None:
    check_golden(name, comment(SAMPLES[name]()))


def test_summary_is_as_reviewed() -> None:
    check_golden("summary", summary(samples.refused()))


def test_summary_of_the_checks_is_as_reviewed() -> None:
    check_golden("checked_summary", summary(checked.checked()))


def test_plain_is_as_reviewed() -> None:
    check_golden("plain", report.plain(comment(samples.refused())))


# ---- what a reader needs first ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nothing_changed", "only_comments"])
def test_a_quiet_comment_has_two_lines(name: str) -> None:
    lines = [line for line in comment(SAMPLES[name]()).splitlines()[1:] if line]
    assert len(lines) == 2
    assert lines[0].startswith("✅ **Passed**")


def test_strict_says_why_a_warning_refuses() -> None:
    sample = samples.inconclusive()
    strict = Sample(sample.evidence, sample.findings, strict=True)
    assert "(strict: a warning refuses)" in comment(strict).splitlines()[1]


def test_incomplete_says_what_is_missing() -> None:
    skipped = samples.finding(Status.SKIP, "drift", "no profile of the base", required=True, hint="")
    lines = comment(Sample(samples.document(models=(samples.better_model(),)), (skipped,))).splitlines()
    assert lines[1] == "❔ **Incomplete**: `churn`: no profile of the base"
    assert lines[3] == "**Next**: supply what the gate could not measure, and run again."


def test_a_second_reason_and_its_hint_follow_the_first() -> None:
    other = samples.WORSE.model_copy(
        update={"sentence": "f1 fell", "hint": "then this", "where": ev.Where(file="m.json", line=3)}
    )
    text = comment(Sample(samples.document(), (samples.WORSE, other)))
    assert f"- ❌ `churn`: f1 fell ([`m.json:3`]({SOURCE}/m.json#L3))\n" in text
    assert "Then:\n\n- then this\n" in text


def test_a_warning_is_told_before_what_is_unsure() -> None:
    unsure = samples.finding(Status.INCONCLUSIVE, "f1", "f1 is unsure")
    warning = samples.finding(Status.WARN, "auc", "auc fell")
    lines = comment(Sample(samples.document(), (unsure, warning))).splitlines()
    assert lines[1] == "⚠️ **Passed with warnings**: `churn`: auc fell"
    assert "- ❔ `churn`: f1 is unsure" in lines


def test_a_plugin_finding_about_no_model_is_shown_beside_a_refusal() -> None:
    aside = ev.Finding(gate="cost", subject="cost", status=Status.WARN, sentence="it costs twice as much")
    text = comment(Sample(samples.document(), (samples.WORSE, aside)))
    assert "- ⚠️ it costs twice as much" in text


def test_lower_is_better_is_judged_so() -> None:
    lower = samples.metric("log_loss", 0.3, 0.4, direction="lower")
    model = ev.ModelEvidence(name="churn", metrics=(lower,))
    assert "| 🟢 ▼ −0.1 better |" in comment(Sample(samples.document(models=(model,))))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {"mode": "verify", "stale": (ev.StageReason(stage="train", reasons=("it never ran",)),)},
            "- `train`: it never ran",
        ),
        (
            {"mode": "verify", "pushed": False, "missing": ("model.pkl",)},
            "- `model.pkl` is not in the remote",
        ),
        ({"mode": "commit", "commit": "f" * 40}, "were committed to this branch as `ffffffff`"),
        ({"mode": "verify", "note": "no remote to ask", "pushed": None}, "no remote to ask"),
    ],
)
def test_lock(facts: dict[str, object], expected: str) -> None:
    evidence = samples.document(lock=samples.lock(**facts), models=(samples.better_model(),))
    assert expected in comment(Sample(evidence))


def test_notes_on_the_predictions_are_told_and_escaped() -> None:
    told = tuple(f"<b>{number}</b>: too many to slice by" for number in range(10))
    section = ev.ModelEvidence(
        name="churn",
        metrics=(samples.metric("accuracy", 0.9, 0.8),),
        predictions=samples.PREDICTIONS.model_copy(update={"notes": told}),
    )
    text = comment(Sample(samples.document(models=(section,))))
    assert text.count("too many to slice by\n") == 8
    assert "- and 2 more notes on the predictions\n" in text
    assert "<b>" not in text


def test_the_marker_is_read_back_from_the_comment() -> None:
    sample = samples.hostile()
    expected = report.Marker(
        title="train",
        commit=samples.HEAD_COMMIT,
        digest=sample.evidence.digest,
        created=sample.evidence.created,
    )
    assert expected == report.read_marker(comment(sample))


def test_the_same_evidence_gives_the_same_bytes() -> None:
    assert comment(samples.refused()) == comment(samples.refused())


# ---- foreign text ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("render", [comment, summary])
def test_only_our_own_tags_links_and_no_mention(name: str, render: Callable[[Sample], str]) -> None:
    found = tokens(render(SAMPLES[name]()))
    html = "".join(t.content for t in found if t.type in ("html_inline", "html_block"))
    assert not OUR_TAGS.sub("", html).strip()
    addresses = [str(t.attrs["href"]) for t in found if t.type == "link_open"]
    assert all(address.startswith((DETAILS, SOURCE, PULLS)) for address in addresses)
    assert not [t for t in found if t.type == "image"]
    seen = " ".join(t.content for t in found if t.type == "text")
    assert not re.search(r"@\w|https?://|www\.|#\d", seen)


@pytest.mark.parametrize("name", NAMES)
def test_every_table_row_has_the_cells_of_its_head(name: str) -> None:
    lines = [
        line if not kind else "" for kind, line in markdown.marked(comment(SAMPLES[name]()).splitlines())
    ]
    for is_table, rows in groupby(lines, key=lambda line: line.startswith("|")):
        if is_table:
            assert len({row.count("|") for row in rows}) == 1


def test_a_short_comment_has_the_marker_the_verdict_and_its_first_reasons() -> None:
    sample = samples.refused()
    text = report.short(sample.evidence, sample.verdict)
    found = report.read_marker(text)
    assert found is not None
    assert (found.commit, found.digest) == (sample.evidence.repository.commit, sample.evidence.digest)
    assert text.split("\n")[1:4] == [
        "**Refused**. The report could not be rendered; the run's log says why.",
        "",
        f"- {markdown.prose(sample.verdict.reasons[0].sentence)}",
    ]
    passed = ev.verdict(())
    assert report.short(sample.evidence, passed).split("\n")[1:] == [
        "**Passed**. The report could not be rendered; the run's log says why.",
        "",
    ]


def test_a_short_comment_is_bounded_and_escaped() -> None:
    reasons = [
        ev.Finding(gate="g", subject=str(at), status=Status.FAIL, sentence="<img>@all|" * 200)
        for at in range(100)
    ]
    text = report.short(samples.refused().evidence, ev.verdict(reasons))
    assert text.count("\n- ") == 8
    assert len(text) < report.COMMENT_LIMIT
    assert "<img" not in text


@pytest.mark.parametrize("name", NAMES)
def test_every_fold_is_closed(name: str) -> None:
    text = comment(SAMPLES[name]())
    assert folds(text) == folds(text, "</details>")


def folds(text: str, tag: str = "<details") -> int:
    return sum(line.count(tag) for kind, line in markdown.marked(text.split("\n")) if not kind)


def test_a_hostile_name_is_still_readable() -> None:
    seen = " ".join(
        t.content for t in tokens(comment(samples.hostile())) if t.type in ("text", "code_inline")
    )
    assert "<img src=x onerror=alert(1)>" in seen
    assert "[here](https:\u200b//evil.example)" in seen


# ---- the checks ------------------------------------------------------------------------------------


def test_a_repository_that_configures_no_check_reads_nothing_of_them() -> None:
    calm, silent = samples.improved(), checked.unconfigured()
    assert comment(calm) == comment(silent)
    assert "Not checked: data, drift, fairness, model, latency, reproducibility" in summary(silent)


def test_with_one_check_configured_the_others_are_one_folded_line() -> None:
    text = comment(checked.partly())
    assert "<summary>Not checked: data, fairness, model, latency, reproducibility</summary>" in text
    assert "none of 1 column drifted (5,000 → 5,000 rows)\n" in text


def test_only_drifted_columns_are_in_the_table_and_only_the_worst_is_drawn() -> None:
    text = comment(checked.checked())
    rows = re.findall(r"^\| ⚠️ \| `(\w+)` \|", text, re.MULTILINE)
    assert rows == ["RELP", "AGEP", "WKHP", "ESP"]
    assert "| ⚠️ | `AGEP` | KS 0.18 | 3.12 → 3.15 % | `▂▃▄▆▇▇▆▅▃▂▂▁` | `▆▇██▆▅▃▂▁▁▁▁` | mean −0.41 σ |" in text
    assert text.count("    bar [") == 1
    assert summary(checked.checked()).count("    bar [") == 4


def test_what_follows_a_fold_is_markdown_again() -> None:
    for name in NAMES:
        lines = [line for kind, line in markdown.marked(comment(SAMPLES[name]()).split("\n")) if not kind]
        after = [below for line, below in pairwise(lines) if line == "</details>"]
        assert {line.partition("<summary>")[0] for line in after} <= {"", "<details>", "<details open>"}


def test_ten_thousand_drifted_columns_fit() -> None:
    sample = checked.wide()
    text = comment(sample)
    assert len(text.encode("utf-16-le")) // 2 <= report.COMMENT_LIMIT
    assert "10,000 of 10,000 columns drifted" in text
    assert "| `column_00000` |" in text
    assert "\nand 9,960 more\n" in text
    assert len(summary(sample).encode()) <= report.SUMMARY_LIMIT


# ---- size ------------------------------------------------------------------------------------------


def test_seventy_models_and_a_thousand_parameters_fit() -> None:
    text = comment(samples.many_models())
    assert len(text.encode("utf-16-le")) // 2 <= report.COMMENT_LIMIT
    assert "Left out for length: 30 model sections" in text
    assert f"Everything is in [the job summary]({DETAILS})" in text
    whole = summary(samples.many_models())
    assert "`model_69`" in whole
    assert "`grid.p1000`" in whole
    assert "Left out" not in whole


@pytest.mark.parametrize("limit", [40_000, 20_000, 8_000, 4_000, 2_000, 900, 300])
@pytest.mark.parametrize("name", ["many_models", "hostile", "refused", "checked", "hostile_checks"])
def test_every_limit_is_kept(name: str, limit: int) -> None:
    text = comment(SAMPLES[name](), limit)
    assert len(text.encode("utf-16-le")) // 2 <= limit
    assert report.read_marker(text) is not None
    assert text.splitlines()[1].startswith(
        "⚠️ **Passed with" if name == "hostile_checks" else "❌ **Refused**"
    )
    assert folds(text) == folds(text, "</details>")


def test_a_failed_stage_and_a_refusal_outlive_the_plots() -> None:
    text = comment(samples.many_models(), 12_000)
    assert "accuracy fell by 0.031" in text
    assert "mermaid" not in text
    assert "Slices, the worst first" not in text
    assert "metric rows" not in text


def test_the_summary_is_counted_in_bytes() -> None:
    assert len(summary(samples.many_models(), 30_000).encode()) <= 30_000
