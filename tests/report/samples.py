"""Evidence of made-up pull requests, one builder a story; the golden files are rendered from these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mlops_ci import evidence as ev
from mlops_ci.evidence import Evidence, Finding, Status, Verdict

BASE_COMMIT = "b" * 40
HEAD_COMMIT = "a1b2c3d4" * 5


@dataclass(frozen=True)
class Sample:
    """What a report is made of."""

    evidence: Evidence
    findings: tuple[Finding, ...] = ()
    strict: bool = False
    waivers: tuple[ev.Waiver, ...] = ()

    @property
    def verdict(self) -> Verdict:
        return ev.verdict(self.findings, strict=self.strict, waivers=self.waivers)


def base(*, configured: bool = True, notes: tuple[str, ...] = ()) -> ev.Base:
    return ev.Base(
        metrics=ev.Revision(commit=BASE_COMMIT, ref="main", how="first parent of the merge ref"),
        policy=ev.Revision(commit="c" * 40, ref="main", how="tip of main"),
        configured=configured,
        notes=notes,
    )


def lock(**facts: object) -> ev.Lock:
    return ev.Lock.model_validate({"mode": "verify", "digest": "sha256:" + "d" * 64, "pushed": True, **facts})


def document(**facts: object) -> Evidence:
    """An Evidence with everything that every story shares."""
    return Evidence(
        **{  # type: ignore[arg-type]
            "created": "2026-11-21T05:35:07Z",
            "tool": "mlops-ci 0.1.0",
            "repository": ev.Repository(
                name="acme/census", commit=HEAD_COMMIT, branch="faster", pull_request=7
            ),
            "base": base(),
            "lock": lock(),
            "environment": ev.Environment(
                python="3.11.7",
                platform="Linux x86_64",
                cpu_count=2,
                packages={"dvc": "3.67.0", "numpy": "2.1.0"},
            ),
            "timings": {"pipeline": 41.2, "statistics": 3.1},
            **facts,
        }
    )


def metric(name: str, head: float | None, before: float | None, **facts: object) -> ev.Metric:
    return ev.Metric.model_validate(
        {
            "name": name,
            "file": "metrics.json",
            "stage": "evaluate",
            "head": head,
            "base": before,
            "direction": "higher",
            **facts,
        }
    )


def comparison(name: str, delta: float, low: float, high: float, n: int = 14_000) -> ev.Comparison:
    return ev.Comparison(
        metric=name,
        file="metrics.json",
        delta=delta,
        interval=ev.Interval(low=low, high=high),
        se=(high - low) / 4,
        p=0.0005 if low > 0 or high < 0 else 0.4,
        n=n,
        method="paired bootstrap",
    )


def finding(status: Status, subject: str, sentence: str, **facts: object) -> Finding:
    return Finding.model_validate(
        {
            "gate": "metrics",
            "subject": subject,
            "status": status,
            "sentence": sentence,
            "model": "churn",
            "metric": subject,
            "file": "metrics.json",
            **facts,
        }
    )


PREDICTIONS = ev.Predictions(
    path="predictions.csv", task="binary", rows=14_000, comparable=True, base_rows=14_000
)

STAGES = (
    ev.StageRun(name="prepare", status="cached", saved=95.0),
    ev.StageRun(name="validate", status="cached", saved=24.0),
    ev.StageRun(name="train", status="ran", seconds=36.0, reasons=("params.yaml: train.lr 0.1 -> 0.4",)),
    ev.StageRun(name="evaluate", status="ran", seconds=5.2, reasons=("model.pkl changed",)),
)

LEARNING_RATE = ev.ParamChange(
    where=ev.Where(file="params.yaml", line=12), key="train.lr", old=0.1, new=0.4, feeds=("train", "evaluate")
)
MORE_DATA = ev.FileChange(
    where=ev.Where(file="data/census.csv.dvc", line=2),
    role="data",
    old="md5:1",
    new="md5:2",
    old_size=1_200_000,
    new_size=1_400_000,
    feeds=("prepare", "train", "evaluate"),
)
TRAIN_CODE = ev.FileChange(
    where=ev.Where(file="pipeline/train.py"), role="code", old="1", new="2", feeds=("train", "evaluate")
)


def curve(lift: float = 0.0) -> tuple[tuple[float, float], ...]:
    return tuple((step / 10, min(1.0, (step / 10) ** 0.5 + lift)) for step in range(11))


def line_plot(name: str, lift: float = 0.05) -> ev.Plot:
    return ev.Plot(id=name, title=name, kind="line", x="fpr", y="tpr", head=curve(lift), base=curve())


CONFUSION = ev.Plot(
    id="confusion",
    title="Confusion",
    kind="confusion",
    labels=("no", "yes"),
    head=((9_000.0, 512.0), (850.0, 3_638.0)),
    base=((9_100.0, 412.0), (700.0, 3_788.0)),
)

WORSE = finding(
    Status.FAIL,
    "accuracy",
    "accuracy fell by 0.031 (95 % interval 0.024 to 0.038), more than the allowed 0.01",
    value=0.872,
    delta=-0.031,
    limit="drop of at most 0.01",
    change="worse",
    direction="higher",
    hint="undo the change named as the likely cause, or raise `max_drop` in a pull request of its own",
)


def worse_model(**facts: object) -> ev.ModelEvidence:
    return ev.ModelEvidence.model_validate(
        {
            "name": "churn",
            "path": "model.pkl",
            "stage": "train",
            "metrics": (
                metric("accuracy", 0.872, 0.903),
                metric("roc_auc", 0.9101, 0.9312),
                metric("log_loss", 0.3512, 0.3504, direction="lower"),
                metric("rows", 14_000, 14_000, direction=None),
            ),
            "predictions": PREDICTIONS,
            "comparisons": (
                comparison("accuracy", -0.031, -0.038, -0.024),
                comparison("roc_auc", -0.0211, -0.0262, -0.0163),
                comparison("log_loss", 0.0008, -0.0011, 0.0027),
            ),
            "floors": (
                ev.Floor(
                    metric="accuracy",
                    kind="the most frequent class",
                    value=0.7605,
                    margin=comparison("accuracy", 0.1115, 0.1043, 0.1187),
                ),
            ),
            "slices": (
                ev.Slice(
                    column="sex",
                    level="Female",
                    rows=5_214,
                    metric="accuracy",
                    head=0.88,
                    base=0.93,
                    comparison=comparison("accuracy", -0.05, -0.06, -0.04, 5_214),
                ),
                ev.Slice(
                    column="sex",
                    level="Male",
                    rows=8_786,
                    metric="accuracy",
                    head=0.867,
                    base=0.887,
                    comparison=comparison("accuracy", -0.02, -0.029, -0.011, 8_786),
                ),
            ),
            "plots": (line_plot("ROC"), CONFUSION),
            **facts,
        }
    )


def refused() -> Sample:
    return Sample(
        document(
            stages=STAGES,
            params=(LEARNING_RATE,),
            files=(MORE_DATA, TRAIN_CODE),
            models=(worse_model(), *unchanged_models(("spam", "fraud"))),
        ),
        (
            WORSE,
            finding(
                Status.WARN,
                "roc_auc",
                "roc_auc fell by 0.0211 (95 % interval 0.0163 to 0.0262)",
                change="worse",
                direction="higher",
            ),
            finding(
                Status.PASS,
                "log_loss",
                "log_loss is within the noise",
                change="inconclusive",
                direction="lower",
            ),
        ),
    )


def unchanged_models(names: Sequence[str]) -> tuple[ev.ModelEvidence, ...]:
    same = (metric("accuracy", 0.9, 0.9),)
    return tuple(ev.ModelEvidence(name=name, changed=False, metrics=same) for name in names)


def better_model() -> ev.ModelEvidence:
    return ev.ModelEvidence(
        name="churn",
        metrics=(
            metric("accuracy", 0.915, 0.903, seeds=(0.914, 0.915, 0.916), base_seeds=(0.901, 0.903, 0.905)),
            metric("f1_macro", 0.9, 0.9),
        ),
        predictions=PREDICTIONS,
        comparisons=(comparison("accuracy", 0.012, 0.007, 0.017),),
        plots=tuple(line_plot(name) for name in ("ROC", "Precision and recall", "Calibration")),
    )


def improved() -> Sample:
    won = finding(
        Status.PASS, "accuracy", "accuracy rose by 0.012", change="better", direction="higher", delta=0.012
    )
    return Sample(document(stages=STAGES, params=(LEARNING_RATE,), models=(better_model(),)), (won,))


def inconclusive() -> Sample:
    model = ev.ModelEvidence(
        name="churn",
        metrics=(metric("accuracy", 0.901, 0.903),),
        predictions=PREDICTIONS,
        comparisons=(comparison("accuracy", -0.002, -0.006, 0.002),),
    )
    unsure = finding(
        Status.INCONCLUSIVE,
        "accuracy",
        "too few examples to tell a change of -0.002 from noise (14,000 examples)",
        change="inconclusive",
        direction="higher",
        hint="evaluate on more examples, or train over several seeds",
    )
    return Sample(document(stages=STAGES, files=(TRAIN_CODE,), models=(model,)), (unsure,))


def spread() -> Sample:
    """Many stages that ran at once, on runners of their own; one of them at its third attempt."""
    trained = tuple(
        ev.StageRun(
            name=f"train@{index}", status="ran", seconds=82.5, attempts=3 - 2 * index, part=f"gpu-{index}"
        )
        for index in (0, 1)
    )
    failed = ev.StageRun(name="train@2", status="failed", seconds=9.0, error="exit code 1", attempts=2)
    pace = ev.Pace(jobs=4, runners=3, wall=101.0, work=174.0, pulled=3_200_000_000, pushed=12_000_000)
    stages = (*trained, failed, *(run for run in STAGES if run.status == "cached"))
    return Sample(document(stages=stages, pace=pace, models=unchanged_models(("churn",))))


def at_once() -> Sample:
    pace = ev.Pace(jobs=8, wall=21.0, work=41.0, pushed=512)
    return Sample(document(stages=STAGES, pace=pace, models=unchanged_models(("churn",))))


def nothing_changed() -> Sample:
    cached = tuple(ev.StageRun(name=s.name, status="cached", saved=9.0) for s in STAGES)
    return Sample(document(stages=cached, models=unchanged_models(("churn",))))


def only_comments() -> Sample:
    code = TRAIN_CODE.model_copy(update={"comment_only": True})
    return Sample(document(files=(code,), models=unchanged_models(("churn",))))


def behind_live() -> Sample:
    """Within what the base allows and too far below one live release; another was measured elsewhere."""
    releases = (
        ev.LiveRelease(environment="staging", digest="sha256:" + "8" * 64),
        ev.LiveRelease(environment="production", digest="sha256:" + "7" * 64, version="v7"),
        ev.LiveRelease(environment="failover", digest="sha256:" + "7" * 64, version="v7"),
        ev.LiveRelease(
            environment="lab",
            digest="sha256:" + "6" * 64,
            version="v9 `rc`",
            other_examples="data/test.csv is not what it was measured on",
        ),
        ev.LiveRelease(environment="edge", unknown="its record is in another repository"),
        ev.LiveRelease(environment="shop", digest="sha256:" + "5" * 64, version="v8", same_as="base"),
    )
    values = {"staging": 0.903, "production": 0.914, "failover": 0.914, "lab": 0.95}
    live = [ev.LiveValue(environment=name, value=value) for name, value in values.items()]
    auc = [ev.LiveValue(environment=name, value=0.94) for name in ("production", "failover")]
    model = ev.ModelEvidence(
        name="churn",
        metrics=(
            metric("accuracy", 0.897, 0.903, live=tuple(live)),
            metric("roc_auc", None, 0.93, live=tuple(auc), problem="missing"),
        ),
        live=releases,
        predictions=PREDICTIONS,
        comparisons=(comparison("accuracy", -0.006, -0.009, -0.003),),
    )
    too_far = finding(
        Status.FAIL,
        "accuracy",
        "accuracy is 0.8970, 0.017 below the live release of production and failover (0.9140, v7); "
        "a drop of at most 0.01 is allowed",
        value=0.897,
        delta=-0.006,
        limit="max drop 0.01",
        change="worse",
        direction="higher",
        hint="mend the cause; if the limit is wrong, change it in a pull request of its own",
    )
    unsure = finding(
        Status.INCONCLUSIVE,
        "live in lab",
        "Drops against the live release of lab are not judged: data/test.csv is not what it was measured on",
        metric="",
    )
    return Sample(document(stages=STAGES, params=(LEARNING_RATE,), models=(model,)), (too_far, unsure))


def unchanged() -> Sample:
    """Many models of which one changed."""
    names = [f"model_{number:02}" for number in range(1, 41)]
    return Sample(
        document(stages=STAGES, params=(LEARNING_RATE,), models=(better_model(), *unchanged_models(names)))
    )


def stage_failed() -> Sample:
    stages = (
        ev.StageRun(name="prepare", status="cached", saved=95.0),
        ev.StageRun(
            name="train",
            status="failed",
            seconds=2.0,
            reasons=("params.yaml: train.lr 0.1 -> 0.4",),
            error="exit code 1",
            tail=(
                "Traceback (most recent call last):",
                "ValueError: lr must be below 0.3",
                "```",
                "</details> @ops",
            ),
        ),
        ev.StageRun(name="evaluate", status="blocked"),
    )
    failed = Finding(
        gate="stages",
        subject="train",
        status=Status.FAIL,
        sentence="stage train failed: exit code 1",
        hint="see the log below",
    )
    return Sample(document(stages=stages, params=(LEARNING_RATE,)), (failed,))


def config_edited() -> Sample:
    edits = (
        ev.PolicyEdit(
            where=ev.Where(file="mlops-ci.yaml", line=9),
            key="gates.metrics.limits.accuracy.max_drop",
            old=0.01,
            new=0.1,
        ),
        ev.PolicyEdit(
            where=ev.Where(file="mlops-ci.yaml", line=11), key="gates.metrics.floor", old="fail", new=None
        ),
    )
    return Sample(document(policy_edits=edits, models=unchanged_models(("churn",))))


def adoption() -> Sample:
    model = ev.ModelEvidence(
        name="churn",
        metrics=(metric("accuracy", 0.903, None), metric("log_loss", 0.35, None, direction="lower")),
    )
    facts = document(
        stages=STAGES, models=(model,), base=base(configured=False, notes=("1 commit was fetched",))
    )
    return Sample(facts, (finding(Status.PASS, "accuracy", "accuracy is new"),))


def no_predictions() -> Sample:
    model = ev.ModelEvidence(
        name="churn",
        metrics=(metric("accuracy", 0.89, 0.903), metric("auc", None, 0.91, problem="NaN")),
        predictions=ev.Predictions(path="predictions.csv", reason="no predictions file is declared"),
    )
    return Sample(
        document(
            stages=STAGES,
            models=(model,),
            problems=(
                ev.Problem(
                    where=ev.Where(file="metrics.json", line=3),
                    revision="head",
                    message="auc is NaN",
                    hint="write a number",
                ),
            ),
        ),
        (
            finding(
                Status.WARN,
                "accuracy",
                "accuracy fell by 0.013; without predictions nobody knows how sure that is",
                change="worse",
                hint="write `y_true` and `y_pred` of every example to a file",
            ),
            finding(Status.FAIL, "auc", "auc is NaN"),
        ),
    )


def many_models() -> Sample:
    """Seventy changed models and a thousand parameters."""
    params = tuple(
        LEARNING_RATE.model_copy(
            update={"key": f"grid.p{number:04}", "where": ev.Where(file="params.yaml", line=number)}
        )
        for number in range(1, 1_001)
    )
    models = tuple(worse_model(name=f"model_{number:02}") for number in range(70))
    findings = tuple(WORSE.model_copy(update={"model": model.name}) for model in models[::7])
    return Sample(document(stages=STAGES, params=params, models=models), findings)


HOSTILE = (
    "@everyone",
    "#123 owner/repo#1 GH-7",
    "a|b|c",
    "`tick` ``two``",
    "<img src=x onerror=alert(1)>",
    "<!-- mlops-ci:report title= commit= evidence= created= -->",
    "[here](https://evil.example)",
    '![](https://cml.dev/watermark.png#abc "CML watermark")',
    "line\n\n# heading\n- item",
    "\u202egnp.elif",
    "**bold** _it_ ~~no~~ $x$ &amp;",
    "</details></summary>",
    "https://evil.example www.evil.example a@b.example",
    "{{ 7 * 7 }} {% raw %} %%{init: {}}%%",
    "\x1b[31mred\x07",
    "````\n```",
)


def hostile() -> Sample:
    """Every name and text that comes from a repository tries to be something else."""
    metrics = tuple(metric(name, 0.8, 0.9, file=name, stage=name) for name in HOSTILE)
    findings = tuple(
        finding(
            Status.FAIL, name, name, model=HOSTILE[0], file=name, hint=name, where=ev.Where(file=name, line=1)
        )
        for name in HOSTILE
    )
    params = tuple(
        ev.ParamChange(where=ev.Where(file=name, line=2), key=name, old=name, new=other, feeds=(name,))
        for name, other in zip(HOSTILE, reversed(HOSTILE), strict=True)
    )
    command = ev.FileChange(
        where=ev.Where(file="dvc.yaml"), role="command", old=HOSTILE[2], new=HOSTILE[3], feeds=HOSTILE
    )
    files = tuple(
        command.model_copy(update={"where": ev.Where(file=name), "role": "code"}) for name in HOSTILE
    )
    models = tuple(
        ev.ModelEvidence(
            name=name,
            metrics=metrics if name == HOSTILE[0] else (),
            slices=tuple(
                ev.Slice(column=text, level=text, rows=5, metric=text, head=0.5, base=0.7) for text in HOSTILE
            ),
            plots=(line_plot(name), CONFUSION.model_copy(update={"title": name, "labels": (name, name)})),
            predictions=ev.Predictions(path=name, reason=name, notes=HOSTILE),
        )
        for name in HOSTILE[:4]
    )
    stages = tuple(
        ev.StageRun(name=name, status="failed", error=name, tail=HOSTILE, reasons=(name,))
        for name in HOSTILE[-3:]
    )
    return Sample(
        document(
            repository=ev.Repository(name=HOSTILE[0], commit=HEAD_COMMIT, branch=HOSTILE[1]),
            base=ev.Base(
                metrics=ev.Revision(commit=HOSTILE[5], how=HOSTILE[4]), configured=True, notes=HOSTILE
            ),
            lock=lock(mode="report", patch="\n".join(HOSTILE), note=HOSTILE[4]),
            tool=HOSTILE[4],
            params=params,
            files=(command, *files),
            models=models,
            stages=stages,
            problems=tuple(
                ev.Problem(where=ev.Where(file=name), revision="base", message=name, hint=name)
                for name in HOSTILE
            ),
            policy_edits=tuple(
                ev.PolicyEdit(where=ev.Where(file=name), key=name, old=name, new=name) for name in HOSTILE
            ),
        ),
        findings,
        waivers=tuple(
            ev.Waiver(owner=one, reason=one, until=one, finding=one, url=one, problem=one) for one in HOSTILE
        ),
    )


PATCH = """\
diff --git a/dvc.lock b/dvc.lock
--- a/dvc.lock
+++ b/dvc.lock
@@ -4,3 +4,3 @@
   train:
-    md5: 1111
+    md5: 2222
"""


def lock_report() -> Sample:
    stale = (ev.StageReason(stage="train", reasons=("params.yaml: train.lr changed",)),)
    warned = Finding(
        gate="lock",
        subject="dvc.lock",
        status=Status.WARN,
        sentence="dvc.lock does not hold what was judged",
        hint="commit the patch below",
    )
    return Sample(
        document(
            stages=STAGES,
            params=(LEARNING_RATE,),
            models=(better_model(),),
            lock=lock(mode="report", patch=PATCH, stale=stale, pushed=False, missing=("model.pkl",)),
        ),
        (warned,),
    )


def waived() -> Sample:
    waiver = ev.Waiver(
        owner="ann",
        reason="old data is wrong",
        until="2026-12-31",
        finding="churn/metrics.accuracy@0.872",
        given="2026-12-17",
        url="https://git.example/acme/census/pull/7#issuecomment-1",
    )
    late = waiver.model_copy(
        update={"owner": "bob", "reason": "", "url": "", "problem": "bob is no owner by CODEOWNERS"}
    )
    return Sample(
        document(
            stages=STAGES,
            params=(LEARNING_RATE,),
            models=(worse_model(plots=(), slices=()),),
            waivers=(waiver,),
        ),
        (WORSE.model_copy(update={"waiver": waiver}),),
        waivers=(late,),
    )


def waivable() -> Sample:
    accept = "/mlops-ci waive churn/metrics.accuracy@0.872 14d"
    plain = refused()
    told = [
        one.model_copy(update={"accept": accept if one.status is Status.FAIL else ""})
        for one in plain.findings
    ]
    return Sample(plain.evidence, tuple(told))


SAMPLES: Mapping[str, Callable[[], Sample]] = {
    "refused": refused,
    "improved": improved,
    "inconclusive": inconclusive,
    "spread": spread,
    "at_once": at_once,
    "nothing_changed": nothing_changed,
    "only_comments": only_comments,
    "behind_live": behind_live,
    "unchanged": unchanged,
    "stage_failed": stage_failed,
    "config_edited": config_edited,
    "adoption": adoption,
    "no_predictions": no_predictions,
    "many_models": many_models,
    "hostile": hostile,
    "lock_report": lock_report,
    "waived": waived,
    "waivable": waivable,
}
