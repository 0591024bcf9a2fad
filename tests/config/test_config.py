"""Unit tests of the configuration as a whole: defaults, inheritance, models, all mistakes at once."""

from __future__ import annotations

from datetime import timedelta
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci import config
from mlops_ci.config import Columns, Cost, Label, Model, Publishing, Seeds, resolve_models
from mlops_ci.errors import ConfigError
from mlops_ci.pipeline import Artifact
from tests.config.kinds import KINDS, Limit, LockOptions, MetricsOptions, load, mistakes

CHURN = Artifact("churn", "models/churn.pkl", "dvc.yaml", "model")
FRAUD = Artifact("fraud", "services/fraud/model.pkl", "services/fraud/dvc.yaml", "model")
TABLE = Artifact("table", "data/table.csv", "dvc.yaml", "dataset")


@pytest.mark.parametrize("text", [None, "", "  \n", "# only a comment\n", "---\n"])
def test_nothing_written_gives_the_defaults(text: str | None) -> None:
    found = load(text)
    assert (found.configured, found.source, found.extends) == (False, "mlops-ci.yaml", None)
    assert ("report", False, timedelta(hours=2)) == (found.lock, found.strict, found.timeout)
    assert (found.base, found.templates, found.environments) == (None, ".mlops-ci", {})
    assert (found.when, found.comment, found.cost) == ("push", Publishing(), None)
    assert MetricsOptions() == found.gate_options("metrics", None)
    assert MetricsOptions() == found.gate_options("metrics", "any")
    assert LockOptions() == found.gate_options("lock", None)


def test_an_empty_mapping_is_a_configuration() -> None:
    assert load("{}").configured


def test_every_top_key_is_read() -> None:
    text = """
        x-mine: &limit {min: 0.5}
        version: 1
        lock: commit
        strict: true
        timeout: 1h30m
        when: {label: run-ml}
        comment: {publisher: cml}
        cost: {currency: €, per_minute: {ubuntu-latest: 0.006, gpu-large: 1}}
        base: release/2026
        templates: ci/words
        gates: {lock: {required: true}}
        waivers: {owners: ["@ada", "@acme/ml-leads", "@eve_acme"], max_days: 7}
        environments:
          staging:
          production: &production
            {manifest: "live/{environment}/{model}.yaml", after: staging, strategy: canary, soak: 1.5d}
          shop: {<<: *production, after: production, approvals: 2}
    """
    found = load(dedent(text))
    assert ("commit", True, timedelta(minutes=90)) == (found.lock, found.strict, found.timeout)
    assert (found.base, found.templates) == ("release/2026", "ci/words")
    assert (found.when, found.comment) == (Label(label="run-ml"), Publishing(publisher="cml"))
    assert found.cost == Cost(currency="€", per_minute={"ubuntu-latest": 0.006, "gpu-large": 1.0})
    assert found.waivers.owners == ("@ada", "@acme/ml-leads", "@eve_acme")
    assert (found.waivers.max_days, load(None).waivers.max_days) == (7, 30)
    assert LockOptions(required=True) == found.gate_options("lock", None)
    production = found.environments["production"]
    assert (production.after, production.strategy.name, production.approvals) == ("staging", "canary", 0)
    shop = found.environments["shop"]
    assert (shop.after, shop.strategy.name, shop.approvals) == ("production", "canary", 2)
    assert timedelta(hours=36) == production.soak
    assert found.manifest("production", "churn") == "live/production/churn.yaml"
    assert found.manifest("staging", "churn") == "deploy/staging/churn.yaml"


@pytest.mark.parametrize("word", ["push", "ready", "command"])
def test_when_is_a_word_too_and_one_price_is_enough(word: str) -> None:
    found = load(f"when: {word}\ncost: {{per_minute: 0.07}}\n")
    assert (found.when, found.cost) == (word, Cost(currency="USD", per_minute=0.07))


def test_a_model_inherits_key_by_key() -> None:
    found = load(
        dedent("""
        gates: {metrics: {limits: {acc: {min: 0.1, max_drop: 0.1}, auc: {min: 0.2}}, alpha: 0.1}}
        defaults: {gates: {metrics: {limits: {acc: {min: 0.3}}}}}
        models:
          churn: {gates: {metrics: {limits: {acc: {min: 0.6}, auc: null}}}}
          "ch*": {gates: {metrics: {limits: {acc: {min: 0.5, max: 0.9}}}}}
          fraud:
        """)
    )
    limits = {"acc": Limit(min=0.6, max=0.9, max_drop=0.1)}
    assert MetricsOptions(limits=limits, alpha=0.1) == found.gate_options("metrics", "churn")
    both = {"acc": Limit(min=0.3, max_drop=0.1), "auc": Limit(min=0.2)}
    assert MetricsOptions(limits=both, alpha=0.1) == found.gate_options("metrics", "fraud")
    assert MetricsOptions(limits=both, alpha=0.1) == found.gate_options("metrics", None)
    assert Limit(min=0.5, max=0.9, max_drop=0.1) == _limits(found, "chunk")["acc"]


def _limits(found: config.Config, model: str) -> dict[str, Limit]:
    options = found.gate_options("metrics", model)
    assert isinstance(options, MetricsOptions)
    return options.limits


def test_null_means_the_default_but_no_such_column_among_columns() -> None:
    found = load("timeout:\nbase: null\ndefaults: {seeds: null, columns: {y_score: null, id: row}}\n")
    assert timedelta(hours=2) == found.timeout
    (model,) = resolve_models(found, [CHURN], ["dvc.yaml"], "shop")
    assert (None, Columns(y_score=None, id="row")) == (model.seeds, model.columns)


def test_anchors_and_merge_keys_spare_repetition() -> None:
    found = load(
        dedent("""
        x-strict: &strict {min: 0.9, max: 1}
        x-loose: &loose {min: 0.1, max_drop: 1%}
        gates: {metrics: {limits: {a: *strict, b: {<<: [*strict, *loose], max: 0.95}}}}
        """)
    )
    limits = {"a": Limit(min=0.9, max=1), "b": Limit(min=0.9, max=0.95, max_drop="1%")}
    assert limits == _limits(found, "churn")


EVERYTHING_WRONG = """\
versoin: 1
strict: on
timeout: 2:30
lock: comit
base: 5
predictions: x
extends: {repository: a, commit: 12345, path: ../x}
defaults:
  columns: {y_true: null, groups: sex}
  seeds: {count: true}
  metrics: {limits: 1}
  predictions: "/{m}"
  lock: verify
  artifact: x
  gates:
    metrcs: {}
    lock: {}
models:
  churn:
    gates: {metrics: {limts: 1, limits: {acc: {mim: 1, min: high, max_drop: [1]}}}}
  "a b": {}
  "x-*": {artifact: q}
  fraud: 7
gates:
  metrics: {alpha: 5}
  lock: {required: yes}
environments:
  prod: {after: stagin, soak: 5, manifest: "a/{env}.yaml"}
  a: {after: b}
  b: {after: a}
  c: 3
strict: true
"""

WHAT_IS_WRONG = """\
1: versoin: unknown key; did you mean "version"?
3: timeout: expected a duration such as 90s, 30m or 2h, but "2:30" stands there
4: lock: expected verify, commit or report, but "comit" stands there; did you mean "commit"?
5: base: expected text, but 5 stands there; put text in quotes
6: predictions: unknown key; it belongs below defaults
7: extends.commit: expected text, but 12345 stands there; put text in quotes
7: extends.path: a path may not leave the repository: `..` is not allowed in it
9: defaults.columns.groups: expected a list, but "sex" stands there; write [sex]
9: defaults.columns.y_true: expected text, but nothing stands there
10: defaults.seeds.count: expected a whole number, but true stands there
11: defaults.metrics: expected a list of patterns; the options of the gate belong below gates.metrics
12: defaults.predictions: expected a path relative to the repository, with `/`, but "/{m}" stands there
13: defaults.lock: unknown key; it belongs at the top of the file
14: defaults.artifact: belongs to a single model: models.NAME.artifact
16: defaults.gates.metrcs: unknown gate; did you mean "metrics"?
17: defaults.gates.lock: this gate judges the repository, not a model: it belongs below gates at the top
20: models.churn.gates.metrics.limits.acc.max_drop: expected a number or text, but a list stands there
20: models.churn.gates.metrics.limits.acc.mim: unknown key; did you mean "min"?
20: models.churn.gates.metrics.limits.acc.min: expected a number, but "high" stands there
20: models.churn.gates.metrics.limts: unknown key; did you mean "limits"?
21: models.a b: "a b" is not a safe name: use letters, digits, `.`, `_` and `-`, at most 100
22: models.x-*.artifact: one artifact cannot be several models: use a name
23: models.fraud: expected a mapping of keys to values, but 7 stands there
25: gates.metrics.alpha: expected less than 1, but 5 stands there
26: gates.lock.required: expected true or false, but "yes" stands there; write true
28: environments.prod.after: there is no environment "stagin"; there are: a, b, c
28: environments.prod.manifest: unknown placeholder {env}; there are: environment, model
28: environments.prod.soak: expected a duration such as 90s, 30m or 2h, but 5 stands there
29: environments.a.after: goes in a circle: a after b after a
30: environments.b.after: goes in a circle: b after a after b
31: environments.c: expected a mapping of keys to values, but 3 stands there
32: strict: stands twice, first in line 2
"""


def test_every_mistake_is_reported_at_once_with_line_key_and_help() -> None:
    assert mistakes(EVERYTHING_WRONG) == WHAT_IS_WRONG.splitlines()


def test_an_error_names_the_reference() -> None:
    with pytest.raises(ConfigError) as caught:
        load("a: 1")
    assert "docs/configuration.md" in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_mistake_of_the_defaults_is_told_once_for_all_models() -> None:
    text = "defaults: {gates: {metrics: {alpha: 2}}}\nmodels: {a: {}, b: {}}\n"
    assert mistakes(text) == ["1: defaults.gates.metrics.alpha: expected less than 1, but 2 stands there"]


def test_what_defaults_and_a_model_say_must_fit_together() -> None:
    text = """
        gates: {metrics: {limits: {acc: {min: 0.9}}}}
        models:
          churn: {gates: {metrics: {limits: {acc: {max: 0.8}}}}}
    """
    assert mistakes(dedent(text)) == ["4: models.churn.gates.metrics.limits.acc: min is more than max"]


def test_patterns_that_contradict_each_other_are_told_for_the_model_they_meet_in() -> None:
    text = """
        models:
          '*a': {gates: {metrics: {limits: {m: {min: 1}}}}}
          'b*': {gates: {metrics: {limits: {m: {max: 0}}}}}
    """
    found = load(dedent(text))
    with pytest.raises(ConfigError, match="min is more than max"):
        found.gate_options("metrics", "ba")


# ---- models ----------------------------------------------------------------------------------------


def names(text: str | None, artifacts: list[Artifact], files: list[str]) -> list[str]:
    return [model.name for model in resolve_models(load(text), artifacts, files, "my shop")]


def test_without_a_word_every_model_artifact_is_a_model() -> None:
    assert names(None, [TABLE, FRAUD, CHURN], ["dvc.yaml"]) == ["churn", "fraud"]
    assert names(None, [TABLE], ["dvc.yaml"]) == ["table"]
    files = ["services/fraud/dvc.yaml", "dvc.yaml"]
    assert names(None, [], files) == ["my-shop", "services-fraud"]
    assert names(None, [], []) == []


def test_a_model_has_everything_filled_in() -> None:
    found = load(
        dedent("""
        defaults:
          predictions: reports/{model}/predictions.parquet
          metrics: ["metrics/{model}.json", "test.*"]
          seeds: 3
          floor: last_value
          columns: {groups: [sex, race]}
        models:
          churn:
          risk: {artifact: services/fraud/dvc.yaml:fraud, seeds: {count: 5, param: train.seed}}
          single: {artifact: services/fraud/dvc.yaml, seeds: 1}
        """)
    )
    models = resolve_models(found, [CHURN, FRAUD, TABLE], ["dvc.yaml", "services/fraud/dvc.yaml"], "shop")
    groups = Columns(groups=("sex", "race"))
    gates = {"metrics": MetricsOptions()}
    assert [
        Model(
            name="churn",
            artifact="churn",
            path="models/churn.pkl",
            dvcfile="dvc.yaml",
            predictions="reports/churn/predictions.parquet",
            columns=groups,
            seeds=Seeds(count=3),
            metrics=("metrics/churn.json", "test.*"),
            floor="last_value",
            gates=gates,
        ),
        Model(
            name="risk",
            artifact="fraud",
            path="services/fraud/model.pkl",
            dvcfile="services/fraud/dvc.yaml",
            predictions="reports/risk/predictions.parquet",
            columns=groups,
            seeds=Seeds(count=5, param="train.seed"),
            metrics=("metrics/risk.json", "test.*"),
            floor="last_value",
            gates=gates,
        ),
        Model(
            name="single",
            dvcfile="services/fraud/dvc.yaml",
            predictions="reports/single/predictions.parquet",
            columns=groups,
            metrics=("metrics/single.json", "test.*"),
            floor="last_value",
            gates=gates,
        ),
    ] == list(models)
    assert [models[0].claims(*p) for p in [("metrics/churn.json", "a"), ("b", "test.f1"), ("b", "f1")]] == [
        True,
        True,
        False,
    ]


def test_forty_models_need_one_line() -> None:
    forty = [Artifact(f"churn-{n:02}", f"m{n}.pkl", "dvc.yaml", "model") for n in range(40)]
    assert [a.name for a in forty] == names("models: ['*']", forty, ["dvc.yaml"])
    assert names("models: [churn-07, 'churn-3[01]', churn-07]", forty, ["dvc.yaml"]) == [
        "churn-07",
        "churn-30",
        "churn-31",
    ]


def test_a_named_model_is_not_a_model_of_a_pattern_again() -> None:
    text = "models: {'*': {}, risk: {artifact: fraud}}"
    assert names(text, [CHURN, FRAUD], ["dvc.yaml"]) == ["risk", "churn"]


def test_artifacts_of_one_name_get_their_folder() -> None:
    same = [Artifact("model", "m", f"services/{n}/dvc.yaml", "model") for n in ("fraud", "churn")]
    files = [artifact.dvcfile for artifact in same]
    assert names(None, same, files) == ["services-churn-model", "services-fraud-model"]
    assert names("models: ['*fraud*']", same, files) == ["services-fraud-model"]
    assert names("models: [services-fraud-model]", same, files) == ["services-fraud-model"]
    with pytest.raises(ConfigError) as caught:
        names("models: [model]", same, files)
    assert caught.value.message == (
        "mlops-ci.yaml:1: models[0]: several dvc.yaml have it: services/churn/dvc.yaml and "
        "services/fraud/dvc.yaml; say which with artifact: services/churn/dvc.yaml:model"
    )


def test_foreign_names_become_safe_and_distinct() -> None:
    odd = [
        Artifact(name, "m", "dvc.yaml", "model") for name in ("größe x", "a/b", "a b", "..", "-" * 200, "")
    ]
    assert names(None, odd, ["dvc.yaml"]) == ["model", "model-2", "model-3", "a-b", "a-b-2", "gr--e-x"]


def test_models_that_are_not_there_are_all_told() -> None:
    with pytest.raises(ConfigError) as caught:
        names("models:\n  chrun: {}\n  risk: {artifact: 'x/dvc.yaml:fraud'}\n", [CHURN, FRAUD], ["dvc.yaml"])
    assert caught.value.message.split("\n") == [
        'mlops-ci.yaml:2: models.chrun: no dvc.yaml declares an artifact "chrun"; did you mean "churn"?',
        'mlops-ci.yaml:3: models.risk: no dvc.yaml declares an artifact "x/dvc.yaml:fraud"; '
        'did you mean "services/fraud/dvc.yaml:fraud"?',
    ]


def test_models_of_another_commit_may_be_absent() -> None:
    found = load("models: [churn, gone]")
    models = resolve_models(found, [CHURN], ["dvc.yaml"], "shop", absent_ok=True)
    assert [model.name for model in models] == ["churn"]


def test_without_artifacts_a_name_means_the_only_pipeline_or_its_folder() -> None:
    assert names("models: [credit]", [], ["dvc.yaml"]) == ["credit"]
    assert names("models: [fraud]", [], ["fraud/dvc.yaml", "churn/dvc.yaml"]) == ["fraud"]
    assert names("models: ['*']", [], ["fraud/dvc.yaml", "churn/dvc.yaml"]) == ["churn", "fraud"]
    for reference in ("other/dvc.yaml", "dvc.yaml:credit"):
        with pytest.raises(ConfigError, match="declares an artifact"):
            names(f"models: {{credit: {{artifact: '{reference}'}}}}", [], ["dvc.yaml"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("models: 3", "1: models: expected names or a mapping, but 3 stands there"),
        ("models: [a, 3]", "1: models[1]: expected a model's name, but 3 stands there"),
        (
            "models:\n- a/b",
            '2: models[0]: "a/b" is not a safe name: use letters, digits, `.`, `_` and `-`, at most 100',
        ),
        (
            "defaults: 3\ngates: {metrics: {alpha: 0.1}}",
            "1: defaults: expected a mapping of keys to values, but 3 stands there",
        ),
        ("gates: [1]", "1: gates: expected a mapping of keys to values, but a list stands there"),
        ("gates: {metrics: 1}", "1: gates.metrics: expected a mapping of keys to values, but 1 stands there"),
        ("gates: {lok: {}}", '1: gates.lok: unknown gate; did you mean "lock"?'),
        (
            "defaults: {alpha: 1}",
            "1: defaults.alpha: unknown key; there are: "
            "artifact, columns, data, floor, gates, metrics, predictions, seeds",
        ),
    ],
)
def test_parts_of_the_wrong_shape(text: str, expected: str) -> None:
    assert [expected] == mistakes(text)


def test_the_real_gates_are_the_default() -> None:
    found = config.load("gates: {metrics: {limits: {accuracy: {min: 0.75, max_drop: 1%}}}}")
    limits = found.gate_options("metrics", "churn").model_dump()["limits"]
    assert (limits["accuracy"]["min"], limits["accuracy"]["max_drop"]) == (0.75, "1%")


# ---- whatever stands there -------------------------------------------------------------------------

WORDS = """
version extends lock strict timeout base templates defaults models gates environments policy metrics
limits acc min columns seeds count artifact after soak manifest predictions
* << repository commit path locked é\u00ad
"""
KEYS = st.sampled_from(WORDS.split())
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "2h", "{model}", "churn", "..", "a" * 40]),
    st.text(max_size=5),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def _yaml(tree: object) -> str:
    """A tree as flow YAML with plain scalars where that is possible, as a hurried person writes it."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f'"{key}": {_yaml(value)}' for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(_yaml, tree)) + "]"
    return str(tree)


def _outcome(text: str) -> str:
    """What loading ends in; nothing but a ConfigError may come out of it."""
    try:
        found = config.load(text, kinds=KINDS)
    except ConfigError as error:
        return error.message
    resolve_models(found, [CHURN], ["dvc.yaml"], "shop", absent_ok=True)
    return "a configuration"


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, TREES, max_size=6))
def test_any_mapping_is_a_configuration_or_a_config_error(tree: dict[str, object]) -> None:
    text = _yaml(tree)
    outcome = _outcome(text)
    assert (
        all(line.startswith("mlops-ci.yaml:") for line in outcome.split("\n")) or outcome == "a configuration"
    )
    assert config.edits(text, text) == ()
    config.edits(text, None)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_a_configuration_or_a_config_error(text: str) -> None:
    assert _outcome(text)
    assert config.edits(text, text) == ()
