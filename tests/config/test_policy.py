"""Unit tests of policies: extends, merge, locks, and what a pull request edits."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

from mlops_ci.config import edits
from mlops_ci.config import policy as config_policy
from mlops_ci.config.keys import Extends
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.evidence import PolicyEdit, Where
from tests.config.kinds import Limit, LockOptions, MetricsOptions, load, mistakes

COMMIT = "0123456789abcdef0123456789abcdef01234567"
EXTENDS = f"extends: {{repository: https://host/org/policy.git, commit: {COMMIT}}}\n"
LABEL = "https://host/org/policy.git@0123456789ab:mlops-ci.yaml"

POLICY = """\
policy:
  locked:
    - gates.metrics.limits
    - lock
    - environments.production
lock: verify
timeout: 1h
gates: {metrics: {limits: {acc: {min: 0.8, max: 1}}}, lock: {required: true}}
environments:
  production: {approvals: 2}
"""


def policy(text: str) -> Callable[[Extends], str]:
    def fetch(extends: Extends) -> str:
        assert extends == Extends(repository="https://host/org/policy.git", commit=COMMIT)
        return dedent(text)

    return fetch


def test_the_repository_goes_over_its_policy_key_by_key() -> None:
    text = EXTENDS + "timeout: 30m\ngates: {metrics: {alpha: 0.1}}\nenvironments: {staging: {}}\n"
    found = load(text, policy(POLICY))
    assert (found.lock, found.timeout.total_seconds()) == ("verify", 1800)
    limits = {"acc": Limit(min=0.8, max=1)}
    assert found.gate_options("metrics", "churn") == MetricsOptions(limits=limits, alpha=0.1)
    assert found.gate_options("lock", None) == LockOptions(required=True)
    assert {name: e.approvals for name, e in found.environments.items()} == {"production": 2, "staging": 0}
    assert found.extends is not None
    assert config_policy.label(found.extends) == LABEL


def test_what_a_policy_locks_cannot_be_changed_in_any_spelling() -> None:
    text = """
        lock: report
        gates:
          metrics:
            limits: {acc: {min: 0.5}}
        defaults: {gates: {metrics: {limits: {acc: {max: 2}}}}}
        models:
          churn: {gates: {metrics: {limits: {f1: {min: 0.1}}}}}
          "*": {gates: null}
        environments: {production: null, staging: {}}
    """
    expected = [
        ("3: lock", "lock", 4),
        ("6: gates.metrics.limits.acc.min", "gates.metrics.limits", 3),
        ("7: defaults.gates.metrics.limits.acc.max", "gates.metrics.limits", 3),
        ("9: models.churn.gates.metrics.limits.f1.min", "gates.metrics.limits", 3),
        ("10: models.*.gates", "gates.metrics.limits", 3),
    ]
    lines = [f'{key}: the policy locks "{lock}" ({LABEL}, line {line})' for key, lock, line in expected]
    assert mistakes(EXTENDS + dedent(text), policy(POLICY)) == lines


def test_saying_the_same_as_the_policy_is_no_change() -> None:
    text = EXTENDS + dedent("""
        lock: verify
        gates: {metrics: {limits: {acc: {min: 0.80}}}}
        models: {churn: {gates: {metrics: {limits: {acc: {max: 1}}}}}}
        environments: {production: {approvals: 2}}
        defaults: {gates: {}}
    """)
    assert load(text, policy(POLICY)).lock == "verify"


def test_names_cannot_take_the_place_of_a_policys_models() -> None:
    text = """
        policy: {locked: [gates.metrics.limits]}
        models: {fraud: {gates: {metrics: {limits: {acc: {min: 0.9}}}}}}
    """
    found = mistakes(EXTENDS + "models: [fraud]", policy(text))
    assert found == [f'2: models: the policy locks "gates.metrics.limits" ({LABEL}, line 2)']
    assert load(EXTENDS + "models: {churn: {}}", policy(text)).configured
    assert load(EXTENDS + "models: [fraud]", policy("policy: {locked: [gates.metrics]}")).configured


def test_locking_all_gates_locks_those_of_models_too() -> None:
    text = EXTENDS + "gates: {lock: {required: false}}\nmodels: {a: {gates: {metrics: {alpha: 0.1}}}}\n"
    found = mistakes(text, policy("policy: {locked: [gates]}"))
    assert [line.split(": the policy")[0] for line in found] == [
        "2: gates.lock.required",
        "3: models.a.gates.metrics.alpha",
    ]


def test_who_may_waive_can_be_locked() -> None:
    locked = policy("policy: {locked: [waivers]}\nwaivers: {owners: ['@acme/leads']}\n")
    found = mistakes(EXTENDS + "waivers: {max_days: 365}", locked)
    assert found == [f'2: waivers.max_days: the policy locks "waivers" ({LABEL}, line 1)']
    assert load(EXTENDS, locked).waivers.owners == ("@acme/leads",)


def test_a_locked_key_the_policy_does_not_set_keeps_its_default() -> None:
    found = mistakes(EXTENDS + "strict: true", policy("policy: {locked: [strict]}"))
    assert found == [f'2: strict: the policy locks "strict" ({LABEL}, line 1)']


def test_mistakes_of_the_policy_name_its_file_and_line() -> None:
    text = """\
        policy:
          locked:
            - gates.metrcs
            - gates.metrics.limits.any.name
            - extends
            - lokc
            - gates.lock.required
        extends: {repository: x}
        lock: comit
        lock: comit
    """
    found = mistakes(EXTENDS + "strict: maybe", policy(text))
    assert found == [
        '2: strict: expected true or false, but "maybe" stands there',
        f'{LABEL}:3: policy.locked[0]: there is no key "gates.metrcs" to lock; did you mean "metrics"?',
        f'{LABEL}:5: policy.locked[2]: "extends" cannot be locked',
        f'{LABEL}:6: policy.locked[3]: there is no key "lokc" to lock; did you mean "lock"?',
        f"{LABEL}:8: extends: a policy file may not extend another one",
        f'{LABEL}:10: lock: expected verify, commit or report, but "comit" stands there; '
        'did you mean "commit"?',
        f"{LABEL}:10: lock: stands twice, first in line 9",
    ]


def test_locks_in_the_wrong_shape_lock_nothing_and_are_told() -> None:
    found = mistakes(EXTENDS + "lock: report", policy("policy: {locked: lock}"))
    assert found == [f'{LABEL}:1: policy.locked: expected a list, but "lock" stands there; write [lock]']


def test_only_a_policy_file_may_lock() -> None:
    found = mistakes(EXTENDS + "policy: {locked: [lock]}", policy(""))
    assert found == ["2: policy: only a policy file may lock keys; this file extends one"]
    assert load("policy: {locked: [lock]}\nlock: verify").lock == "verify"
    assert mistakes("policy: {locked: [lokc]}") == [
        '1: policy.locked[0]: there is no key "lokc" to lock; did you mean "lock"?'
    ]


def test_a_policy_that_cannot_be_read_is_a_mistake_of_the_reference() -> None:
    assert mistakes(EXTENDS) == ["1: extends: a policy of another repository cannot be read here"]

    def absent(extends: Extends) -> str:
        raise ConfigError(f"{extends.path} is not there")

    assert mistakes(EXTENDS + "a: 1", absent)[0] == "1: extends: mlops-ci.yaml is not there"


def test_an_unreachable_policy_is_a_failure_of_the_outside() -> None:
    def unreachable(extends: Extends) -> str:
        raise ToolError(f"{extends.repository} cannot be reached")

    with pytest.raises(ToolError, match="cannot be reached"):
        load(EXTENDS, unreachable)


# ---- edits -----------------------------------------------------------------------------------------

OLD = """\
lock: report
models: [a, b]
gates:
  metrics:
    limits:
      acc: {min: 1, max: 2}
      auc: {}
x-mine: 5
"""

NEW = """\
gates:
  metrics:
    alpha: 0.1
    limits:
      auc: {min: 0.5}
      f1: {}
models: {a: {}, b: null}
strict: true
lock: report
"""


def edit(line: int | None, key: str, old: object, new: object) -> PolicyEdit:
    return PolicyEdit.model_validate(
        {"where": {"file": "mlops-ci.yaml", "line": line}, "key": key, "old": old, "new": new}
    )


def test_every_leaf_that_differs_is_an_edit_with_its_line() -> None:
    assert edits(OLD, NEW) == (
        edit(3, "gates.metrics.alpha", None, 0.1),
        edit(5, "gates.metrics.limits.auc.min", None, 0.5),
        edit(6, "gates.metrics.limits.acc.max", 2, None),
        edit(6, "gates.metrics.limits.acc.min", 1, None),
        edit(6, "gates.metrics.limits.f1", None, "{}"),
        edit(7, "models", "[a, b]", None),
        edit(7, "models.a", None, "{}"),
        edit(7, "models.b", None, "null"),
        edit(8, "strict", None, True),
    )


def test_order_comments_and_spelling_are_no_edits() -> None:
    assert edits("strict: true\nbase: a\n", "# x\nbase: 'a'\nstrict: TRUE\n") == ()
    assert edits("a: 1", "a: 1.0") == ()
    assert edits("a: 1", "a: true") == (edit(1, "a", 1, True),)
    assert edits(None, "") == ()


def test_a_file_that_comes_or_goes_is_all_edits() -> None:
    assert edits(None, "lock: verify\n") == (edit(1, "lock", None, "verify"),)
    assert edits("lock: verify\n", None) == (edit(None, "lock", "verify", None),)
    assert edits("", "a: [1, {b: 2}, []]", "x.yaml") == (
        PolicyEdit(where=Where(file="x.yaml", line=1), key="a", new="[1, {…}, []]"),
    )


def test_a_broken_file_gives_no_edits() -> None:
    assert edits("lock: verify", "lock: [") == ()
    assert edits("lock: [", "lock: verify") == ()
    assert edits("a: 1", "a: 2\na: 3") == (edit(2, "a", 1, 3),)


def test_edits_are_bounded() -> None:
    long = edits(None, f"{'k' * 500}: {'v' * 500}")
    assert (len(long[0].key), len(str(long[0].new))) == (200, 200)
    many = edits(None, "\n".join(f"k{n}: {n}" for n in range(1500)))
    assert (len(many), many[-1].key, many[-1].new) == (1001, "…", "500 more edits")
