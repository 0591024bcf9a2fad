"""Evidence with everything the checks measure: one model of a census, 20 columns, two groups of people."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from mlops_ci import evidence as ev
from mlops_ci.evidence import Finding, Status
from tests.report import samples
from tests.report.samples import HOSTILE, Sample

TRAIN = "train: head against base"
NUMBERS = (
    "AGEP",
    "WKHP",
    "PINCP",
    "POVPIP",
    "JWMNP",
    "GRPIP",
    "HINCP",
    "NP",
    "VALP",
    "TAXAMT",
    "ELEP",
    "GASP",
)
CATEGORIES = ("RELP", "SCHL", "MAR", "ESP", "CIT", "MIL", "ANC")


def bell(center: float, width: float, count: int = 20) -> tuple[float, ...]:
    raw = [math.exp(-(((index - center) / width) ** 2) / 2) for index in range(count)]
    return tuple(round(value / sum(raw), 5) for value in raw)


def number(name: str, effect: float, shift: float = 0.0, **facts: object) -> ev.DriftColumn:
    edges = [f"{low}–{low + 5}" for low in range(0, 100, 5)]
    return ev.DriftColumn.model_validate(
        {
            "name": name,
            "kind": "number",
            "measure": "ks",
            "effect": effect,
            "p": 0.0 if effect > 0.04 else 0.41,
            "detectable": 0.021,
            "shift": shift,
            "scores": {
                "psi": {"value": effect * 0.9},
                "jensen_shannon": {"value": effect * 0.8},
                "wasserstein": {"value": abs(shift)},
            },
            "nulls": (0.0312, 0.0315),
            "null_p": 0.7,
            "bins": {"labels": edges, "reference": bell(8, 4), "current": bell(8 + 10 * shift, 4)},
            **facts,
        }
    )


def category(name: str, effect: float, **facts: object) -> ev.DriftColumn:
    reference = (0.41, 0.24, 0.2, 0.1, 0.05)
    return ev.DriftColumn.model_validate(
        {
            "name": name,
            "kind": "category",
            "measure": "cramers_v",
            "effect": effect,
            "p": 0.0 if effect > 0.04 else 0.2,
            "detectable": 0.02,
            "scores": {"psi": {"value": effect}, "total_variation": {"value": effect / 2}},
            "nulls": (0.0, 0.0),
            "bins": {"labels": ("0", "1", "2", "4", "other"), "reference": reference, "current": reference},
            **facts,
        }
    )


RELP = category(
    "RELP",
    0.4312,
    levels=(
        {"label": "17", "reference": 0.0121, "current": 0.2331},
        {"label": "0", "reference": 0.4102, "current": 0.2913},
        {"label": "1", "reference": 0.1822, "current": 0.1301},
    ),
    bins={
        "labels": ("0", "1", "2", "4", "17", "other"),
        "reference": (0.4102, 0.1822, 0.2401, 0.0701, 0.0121, 0.0853),
        "current": (0.2913, 0.1301, 0.1902, 0.0651, 0.2331, 0.0902),
    },
)
ESP = category("ESP", 0.031, unseen=({"label": "#3f2a91", "reference": 0.0, "current": 0.034},))


def drift() -> ev.Drift:
    """Twenty columns: four drifted, one undecided, two nobody could judge."""
    still = [number(name, 0.0121) for name in NUMBERS[3:]] + [
        category(name, 0.011) for name in CATEGORIES[2:]
    ]
    columns = (
        RELP,
        number("AGEP", 0.1832, -0.41),
        number("WKHP", 0.0611, 0.09, nulls=(0.051, 0.1204)),
        number("PINCP", 0.031, detectable=0.081),
        ESP,
        category("SCHL", 0.012),
        *(one for one in still if one.name != "ESP"),
        ev.DriftColumn(name="SERIALNO", kind="other", problem="counts its rows: every value is new"),
        ev.DriftColumn(name="taken", kind="time", problem="points in time move by nature"),
    )
    return ev.Drift(
        name=TRAIN,
        reference="prepared/train.parquet at bbbbbbbb",
        current="prepared/train.parquet",
        rows=(68_785, 5_000),
        columns=columns[:20],
        added=("WEIGHT",),
        removed=("FER",),
        ignored=("year", "group_sex"),
        ignored_unnamed=3,
        classifier=ev.DomainClassifier(
            auc=0.8123,
            interval=ev.Interval(low=0.803, high=0.8216),
            rows=(5_000, 5_000),
            drivers=(ev.Driver(column="RELP", loss=0.211), ev.Driver(column="AGEP", loss=0.043)),
        ),
    )


def quiet_drift() -> ev.Drift:
    return ev.Drift(
        name="test: head against base",
        reference="prepared/test.parquet at bbbbbbbb",
        current="prepared/test.parquet",
        problem="the table is empty",
    )


TABLE = ev.TableCheck(
    table="train",
    path="prepared/train.parquet",
    rows=73_785,
    schema_path="schemas/census.yaml",
    rules=(
        ev.DataRule(rule="type", column="AGEP", ok=False, expected="integer", found="string"),
        ev.DataRule(rule="range", column="WKHP", ok=False, failing=17, expected="0 to 99", found="120"),
        ev.DataRule(rule="duplicates", ok=False, failing=412, expected="at most 0 %", found="0.56 %"),
        *(ev.DataRule(rule="type", column=name, ok=True) for name in CATEGORIES),
    ),
)


def score(group: str, rows: int, value: float, before: float, half: float) -> ev.GroupScore:
    return ev.GroupScore(
        group=group,
        rows=rows,
        value=value,
        base=before,
        interval=ev.Interval(low=value - half, high=value + half),
    )


RACE = ev.Fairness(
    column="race",
    rows=14_000,
    metrics=(
        ev.GroupMetric(
            name="selection_rate",
            groups=(
                score("white", 11_210, 0.544, 0.541, 0.009),
                score("black", 1_022, 0.477, 0.489, 0.031),
                score("asian", 871, 0.561, 0.559, 0.033),
            ),
        ),
        ev.GroupMetric(
            name="true_positive_rate",
            groups=(
                score("white", 11_210, 0.871, 0.868, 0.008),
                score("black", 1_022, 0.702, 0.781, 0.036),
                ev.GroupScore(group="asian", rows=871),
            ),
        ),
    ),
    disparities=(
        ev.Disparity(
            name="demographic_parity_difference",
            kind="difference",
            value=0.084,
            interval=ev.Interval(low=0.039, high=0.128),
            base=0.07,
            groups=("black", "asian"),
            small=("native",),
        ),
        ev.Disparity(
            name="true_positive_rate_difference",
            kind="difference",
            value=0.169,
            interval=ev.Interval(low=0.131, high=0.206),
            base=0.087,
            groups=("black", "white"),
        ),
        ev.Disparity(name="equalized_odds_ratio", kind="ratio"),
    ),
)


def timing(p50: float) -> ev.Timing:
    return ev.Timing(p50=p50, p95=p50 * 1.4, p99=p50 * 2.1, throughput=1 / p50)


LATENCY = ev.Latency(
    batches=(
        ev.BatchLatency(
            batch_size=1,
            calls=2_000,
            head=timing(0.00131),
            base=timing(0.00098),
            ratio=1.337,
            interval=ev.Interval(low=1.312, high=1.361),
        ),
        ev.BatchLatency(
            batch_size=100,
            calls=400,
            head=timing(0.0042),
            base=timing(0.0043),
            ratio=0.98,
            interval=ev.Interval(low=0.94, high=1.03),
        ),
    ),
    size=1_840_000,
    base_size=1_240_000,
    memory=48_000_000,
    base_memory=47_100_000,
    load=0.41,
    base_load=0.39,
)
BEHAVIOUR = ev.Behaviour(
    flavor="sklearn",
    checks=(
        ev.CheckResult(check="loads", ok=True),
        ev.CheckResult(check="sample", ok=True, rows=200, detail="200 finite predictions"),
        ev.CheckResult(check="edge:nulls", ok=False, rows=20, detail="3 of 20 predictions are NaN"),
        ev.CheckResult(check="invariant:race", ok=None, detail="the table has no column `race`"),
    ),
)
REPRODUCTION = ev.Reproduction(
    commit=samples.HEAD_COMMIT,
    outputs=(
        ev.Rerun(path="prepared/train.parquet", stage="prepare", recorded="1" * 32, again="1" * 32),
        ev.Rerun(path="model.pkl", stage="train", recorded="2" * 32, again="3" * 32),
    ),
    metrics=(
        ev.RerunMetric(name="accuracy", file="metrics.json", first=0.872, again=0.8721),
        ev.RerunMetric(name="roc_auc", file="metrics.json", first=0.9101, again=0.9101),
        ev.RerunMetric(name="rows", file="metrics.json", first=14_000, again=None),
    ),
    seconds=96.0,
)


def found(gate: str, subject: str, status: Status, sentence: str, **facts: object) -> Finding:
    return Finding.model_validate(
        {"gate": gate, "subject": subject, "status": status, "sentence": sentence, "model": "churn", **facts}
    )


def findings() -> tuple[Finding, ...]:
    """One of everything that a gate may say of the evidence above."""
    warn, fail = Status.WARN, Status.FAIL
    return (
        samples.WORSE.model_copy(update={"limit": "min 0.8, max drop 0.01"}),
        found(
            "drift",
            f"{TRAIN}: RELP",
            warn,
            "RELP drifted: Cramér's V 0.43 (the floor is 0.05); 17 went from 1.2 % to 23.3 %.",
            value=0.4312,
            limit="0.05",
            hint="look where the rows come from; if it is meant, release a new reference",
        ),
        found("drift", f"{TRAIN}: AGEP", warn, "AGEP drifted: KS 0.18.", value=0.1832, limit="0.05"),
        found("drift", f"{TRAIN}: WKHP", warn, "WKHP: missing values went from 5.1 % to 12 %.", value=0.07),
        found("drift", f"{TRAIN}: ESP", warn, "ESP has a new level with 3.4 % of the rows.", value=0.034),
        found(
            "drift",
            f"{TRAIN}: undecided columns",
            Status.INCONCLUSIVE,
            f"{TRAIN}: 68,785 and 5,000 rows are not enough to decide about 1 of 20 columns: PINCP.",
        ),
        found("drift", f"{TRAIN}: new columns", warn, f"{TRAIN}: 1 column is new: WEIGHT."),
        found("data", "train AGEP type", fail, "AGEP of train is a string, not an integer."),
        found("data", "train WKHP range", fail, "17 rows of train have WKHP outside 0 to 99."),
        found("data", "train duplicates", warn, "412 rows of test are in train too."),
        found("data", "test", fail, "test (test.csv) was not checked: the file is cut off."),
        found(
            "fairness",
            "race true_positive_rate_difference",
            fail,
            "true_positive_rate of race=black is 0.702 against 0.871 of race=white: 0.169 apart, allowed 0.1.",
            limit="max 0.1",
            value=0.169,
        ),
        found(
            "fairness",
            "race small groups",
            Status.INCONCLUSIVE,
            "Not compared are groups of race: native (12).",
        ),
        found("fairness", "fairness", Status.PASS, "1 disparity over race was measured."),
        found(
            "latency",
            "batch of 1",
            fail,
            "A call with 1 row takes 1.34 times as long as the base (95 % interval 1.31 to 1.36), allowed 1.2.",
            limit="max_ratio 1.2",
        ),
        found("model", "edge:nulls", fail, "With missing values 3 of 20 predictions are NaN."),
        found("reproducibility", "model.pkl", warn, "accuracy came out 0.0001 higher when run again."),
        found("cost", "cost", Status.SKIP, "No price is known.", hint="set `price`"),
    )


def checked() -> Sample:
    """Everything at once."""
    model = samples.worse_model(
        drift=(drift(), quiet_drift()),
        tables=(TABLE, ev.TableCheck(table="test", path="test.csv", problem="the file is cut off")),
        fairness=(RACE, ev.Fairness(column="sex", problem="the predictions have no column `sex`")),
        latency=LATENCY,
        behaviour=BEHAVIOUR,
        reproduction=REPRODUCTION,
        digest="md5:" + "9" * 32,
        base_digest="md5:" + "8" * 32,
        size=1_840_000,
        plots=(samples.line_plot("ROC"), samples.line_plot("Loss", -0.1), samples.CONFUSION),
    )
    evidence = samples.document(
        stages=samples.STAGES,
        params=(samples.LEARNING_RATE,),
        files=(samples.MORE_DATA, samples.TRAIN_CODE),
        models=(model, *samples.unchanged_models(("spam", "fraud"))),
        policy_edits=(
            ev.PolicyEdit(
                where=ev.Where(file="mlops-ci.yaml", line=9), key="gates.drift.floors.ks", old=0.05, new=0.1
            ),
        ),
        problems=(
            ev.Problem(
                where=ev.Where(file="plots/loss.csv", line=3), revision="head", message="`loss` is no number"
            ),
        ),
    )
    return Sample(evidence, findings())


OPTIONAL = ("data", "drift", "fairness", "model", "latency", "reproducibility")


def unconfigured() -> Sample:
    """A repository whose configuration asks for no check: every gate of them skips."""
    calm = samples.improved()
    skipped = tuple(
        found(gate, gate, Status.SKIP, f"mlops-ci.yaml asks for no {gate}.", hint="set `data:`")
        for gate in OPTIONAL
    )
    return Sample(calm.evidence, (*calm.findings, *skipped))


def partly() -> Sample:
    """Drift alone is asked for, and nothing drifted."""
    facts = ev.Drift(
        name=TRAIN, reference="a", current="b", rows=(5_000, 5_000), columns=(number("AGEP", 0.01),)
    )
    calm = unconfigured()
    model = samples.better_model().model_copy(update={"drift": (facts,)})
    kept = tuple(one for one in calm.findings if one.gate != "drift")
    passed = found("drift", TRAIN, Status.PASS, "1 column is as before.")
    return Sample(calm.evidence.model_copy(update={"models": (model,)}), (*kept, passed))


def wide(columns: int = 10_000) -> Sample:
    """A table with far too many columns, all of which drifted; as the evidence bounds it, few have bins."""
    made = tuple(
        number(f"column_{index:05}", 0.3)
        if index < 100
        else number(f"column_{index:05}", 0.2, bins=None, scores={})
        for index in range(columns)
    )
    facts = drift().model_copy(update={"columns": made})
    warned = tuple(
        found("drift", f"{TRAIN}: {one.name}", Status.WARN, f"{one.name} drifted.") for one in made
    )
    return Sample(samples.document(models=(samples.worse_model(drift=(facts,)),)), warned)


def hostile_checks() -> Sample:
    """Every name that the checks take from a repository tries to be something else."""
    bins = ev.Bins(labels=HOSTILE, reference=bell(5, 3, len(HOSTILE)), current=bell(9, 3, len(HOSTILE)))
    levels = tuple(ev.LevelShare(label=name, reference=0.1, current=0.3) for name in HOSTILE)
    columns = tuple(category(name, 0.3, levels=levels, unseen=levels, bins=bins) for name in HOSTILE)
    broken = tuple(
        ev.DataRule(rule=name, column=name, ok=False, failing=3, expected=name, found=name)
        for name in HOSTILE
    )
    groups = tuple(score(name, 100, 0.5, 0.4, 0.1) for name in HOSTILE)
    model = samples.worse_model(
        name=HOSTILE[0],
        drift=tuple(
            ev.Drift(
                name=name,
                reference=name,
                current=name,
                columns=columns,
                added=HOSTILE,
                removed=HOSTILE,
                ignored=HOSTILE,
                problem=name if name == HOSTILE[3] else "",
                classifier=ev.DomainClassifier(
                    auc=0.7,
                    interval=ev.Interval(low=0.6, high=0.8),
                    rows=(10, 10),
                    drivers=tuple(ev.Driver(column=one, loss=0.1) for one in HOSTILE),
                ),
            )
            for name in HOSTILE[:4]
        ),
        tables=(ev.TableCheck(table=HOSTILE[4], path=HOSTILE[4], rules=broken),),
        fairness=(
            ev.Fairness(
                column=HOSTILE[4],
                rows=10,
                metrics=tuple(ev.GroupMetric(name=name, groups=groups) for name in HOSTILE[:3]),
                disparities=tuple(
                    ev.Disparity(name=name, kind="ratio", value=0.5, groups=(name, name), small=HOSTILE)
                    for name in HOSTILE
                ),
            ),
        ),
        latency=LATENCY.model_copy(update={"note": HOSTILE[4], "problem": HOSTILE[5]}),
        behaviour=ev.Behaviour(
            flavor=HOSTILE[4],
            checks=tuple(
                ev.CheckResult(check=name, ok=ok, detail=name) for name in HOSTILE for ok in (False, None)
            ),
        ),
        reproduction=ev.Reproduction(
            commit=HOSTILE[4],
            outputs=tuple(ev.Rerun(path=name, stage=name, recorded="1", again=name) for name in HOSTILE),
            metrics=tuple(ev.RerunMetric(name=name, file=name, first=1, again=2) for name in HOSTILE),
        ),
    )
    said = tuple(
        found(gate, f"{name}: {name}", Status.WARN, name, model=HOSTILE[0], limit=name, hint=name)
        for gate in OPTIONAL
        for name in HOSTILE
    )
    skipped = tuple(
        found(gate, gate, Status.SKIP, HOSTILE[4], model=HOSTILE[0], hint=HOSTILE[6]) for gate in OPTIONAL
    )
    return Sample(samples.document(models=(model,)), said + skipped)


CHECKED: Mapping[str, Callable[[], Sample]] = {
    "checked": checked,
    "unconfigured": unconfigured,
    "partly": partly,
    "hostile_checks": hostile_checks,
}
