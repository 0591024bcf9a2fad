"""Unit tests of what a value may be: durations, paths, names, placeholders, repositories."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mlops_ci.config import keys as config_keys
from mlops_ci.config import values
from mlops_ci.config.source import shown
from tests.config.kinds import load, mistakes


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("1.5d", 129600), ("0s", 0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert values.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["", "2", "2:30", "h", "2 h", "-1h", "2w", 5, None, True])
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="expected a duration such as 90s, 30m or 2h"):
        values.duration(value)


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("timeout: 0s", "timeout", "expected more than no time at all"),
        ("timeout: 9999999999999999999h", "timeout", '"9999999999999999999h" is longer than ten years'),
        ("templates: ''", "templates", "expected a path of printable characters"),
        ('templates: "a\\nb"', "templates", "expected a path of printable characters"),
        ("templates: a/../b", "templates", "a path may not leave the repository: `..` is not allowed in it"),
        ("base: -x", "base", '"-x" is not a branch name'),
        ("base: a..b", "base", '"a..b" is not a branch name'),
        ("base: 'a b'", "base", '"a b" is not a branch name'),
        ("lock: 5", "lock", "expected verify, commit or report, but 5 stands there"),
        ("lock: zzz", "lock", 'expected verify, commit or report, but "zzz" stands there'),
        ("waivers: {max_days: 366}", "waivers.max_days", "expected at most 365, but 366 stands there"),
        ("waivers: {max_days: -1}", "waivers.max_days", "expected at least 0, but -1 stands there"),
        (
            "waivers: {owners: ['@ada', '@ada']}",
            "waivers.owners",
            '"@ada" stands twice in the list',
        ),
        *(
            (
                f"waivers: {{owners: ['{owner}']}}",
                "waivers.owners[0]",
                f'expected @person or @organization/team, but "{owner}" stands there',
            )
            for owner in ("ada", "ada@example.org", "@", "@acme/", "@a/b/c", "@a b", "@-a")
        ),
        ("version: 2", "version", "expected 1, but 2 stands there"),
        ("defaults: {seeds: 0}", "defaults.seeds", "expected at least 1, but 0 stands there"),
        (
            "defaults: {seeds: {count: 101}}",
            "defaults.seeds.count",
            "expected at most 100, but 101 stands there",
        ),
        ("defaults: {seeds: {}}", "defaults.seeds.count", "is missing"),
        (
            "defaults: {seeds: x}",
            "defaults.seeds",
            'expected a whole number or a mapping of keys to values, but "x" stands there',
        ),
        (
            "defaults: {seeds: '1_0'}",
            "defaults.seeds",
            'expected a whole number or a mapping of keys to values, but "1_0" stands there; '
            "write a number without quotes and without _",
        ),
        (
            "defaults: {columns: {id: ''}}",
            "defaults.columns.id",
            'expected at least 1 characters, but "" stands there',
        ),
        (
            "defaults: {columns: {groups: [a, b, a]}}",
            "defaults.columns.groups",
            '"a" stands twice in the list',
        ),
        (
            "defaults: {columns: {groups: [a, null]}}",
            "defaults.columns.groups[1]",
            "expected text, but nothing stands there",
        ),
        (
            "defaults: {columns: {groups: 'a b'}}",
            "defaults.columns.groups",
            'expected a list, but "a b" stands there',
        ),
        (
            "defaults: {columns: {groups: {a: 1}}}",
            "defaults.columns.groups",
            "expected a list, but a mapping stands there",
        ),
        ("defaults: {metrics: x}", "defaults.metrics", 'expected a list, but "x" stands there; write [x]'),
        (
            "defaults: {predictions: 'a{'}",
            "defaults.predictions",
            "a `{` or `}` stands alone; write placeholders as {model}",
        ),
        (
            "defaults: {predictions: 'a{modle}'}",
            "defaults.predictions",
            'unknown placeholder {modle}; did you mean "model"?',
        ),
        (
            "defaults: {predictions: '{model!r}'}",
            "defaults.predictions",
            'unknown placeholder {model}; did you mean "model"?',
        ),
        (
            "when: lable",
            "when",
            'expected push, ready, command or {label: NAME}, but "lable" stands there',
        ),
        ("when: 5", "when", "expected push, ready, command or {label: NAME}, but 5 stands there"),
        ("when: [push]", "when", "expected push, ready, command or {label: NAME}, but a list stands there"),
        ("when: {}", "when.label", "is missing"),
        ("when: {label: ' '}", "when.label", '" " is no label: a name of at most 50 characters'),
        ('when: {label: "a\\tb"}', "when.label", '"a\\tb" is no label: a name of at most 50 characters'),
        (
            f"when: {{label: {'x' * 51}}}",
            "when.label",
            f"{shown('x' * 51)} is no label: a name of at most 50 characters",
        ),
        ("comment: {publisher: gh}", "comment.publisher", 'expected auto, api or cml, but "gh" stands there'),
        ("cost: {}", "cost.per_minute", "is missing"),
        ("cost: {per_minute: -1}", "cost.per_minute", "expected at least 0, but -1 stands there"),
        ("cost: {per_minute: {gpu: x}}", "cost.per_minute.gpu", 'expected a number, but "x" stands there'),
        (
            "cost: {currency: US Dollars, per_minute: 1}",
            "cost.currency",
            '"US Dollars" is no currency: write a code such as USD or a sign such as €',
        ),
        ("stages: []", "stages", "expected a mapping of keys to values, but an empty list stands there"),
        ("stages: {t: 5}", "stages.t", "expected a mapping of keys to values, but 5 stands there"),
        ("stages: {5: {}}", "stages.5", 'YAML reads this key as int, not as text: write "5"'),
        ("stages: {t: {retries: -1}}", "stages.t.retries", "expected at least 0, but -1 stands there"),
        ("stages: {t: {retries: 11}}", "stages.t.retries", "expected at most 10, but 11 stands there"),
        ("stages: {t: {retry: 1}}", "stages.t.retry", 'unknown key; did you mean "retries"?'),
        ("stages: {t: {timeout: 0s}}", "stages.t.timeout", "expected more than no time at all"),
        (
            "stages: {t: {timeout: 5}}",
            "stages.t.timeout",
            "expected a duration such as 90s, 30m or 2h, but 5 stands there",
        ),
        (
            "stages: {t: {cpu: 1}}",
            "stages.t.cpu",
            "unknown key; there are: resources, retries, timeout",
        ),
        *(
            (
                f"stages: {{t: {{resources: {{{text}}}}}}}",
                f"stages.t.resources.{text.partition(':')[0]}",
                said,
            )
            for text, said in (
                ("cpu: 0", "expected more than 0, but 0 stands there"),
                ("cpu: 1025", "expected at most 1024, but 1025 stands there"),
                ("cpu: all", 'expected a number, but "all" stands there'),
                ("gpu: -1", "expected at least 0, but -1 stands there"),
                ("gpu: 65", "expected at most 64, but 65 stands there"),
                ("gpu: 0.5", "expected a whole number, but 0.5 stands there"),
                ("gpus: 1", 'unknown key; did you mean "gpu"?'),
                ("exclusive: yes", 'expected true or false, but "yes" stands there; write true'),
                ("memory: 8 GB", 'expected a size such as 500M or 8G, but "8 GB" stands there'),
                ("memory: -1", "expected a size such as 500M or 8G, but -1 stands there"),
                ("memory: true", "expected a size such as 500M or 8G, but true stands there"),
                ("memory: 1.5", "expected a size such as 500M or 8G, but 1.5 stands there"),
                ("memory: []", "expected a size such as 500M or 8G, but an empty list stands there"),
                ("memory: 2000000T", '"2000000T" is more than any machine has'),
                (f"memory: {'9' * 400}T", f"{shown('9' * 400)} is more than any machine has"),
                ("runner: a b", '"a b" is no runner\'s label: letters, digits, `.`, `_` and `-`'),
                ("runner: [a]", "expected text, but a list stands there"),
            )
        ),
        ("strict: off", "strict", 'expected true or false, but "off" stands there; write false'),
        ("strict: maybe", "strict", 'expected true or false, but "maybe" stands there'),
        ("strict: 1", "strict", "expected true or false, but 1 stands there"),
        (
            "environments: {a b: {}}",
            "environments.a b",
            '"a b" is not a safe name: use letters, digits, `.`, `_` and `-`, at most 100',
        ),
        (
            "environments: {a: {approvals: 1.5}}",
            "environments.a.approvals",
            "expected a whole number, but 1.5 stands there",
        ),
        (
            "environments: {a: {aproval: 1}}",
            "environments.a.aproval",
            'unknown key; did you mean "approvals"?',
        ),
        ("environments: {a: {after: a}}", "environments.a.after", "goes in a circle: a after a"),
        (
            "environments: {a: {after: b}, b: {after: b}}",
            "environments.b.after",
            "goes in a circle: b after b",
        ),
        (
            "environments: []",
            "environments",
            "expected a mapping of keys to values, but an empty list stands there",
        ),
        ("gates: {metrics: {tag: A}}", "gates.metrics.tag", "string should match pattern '^[a-z]$'"),
        ("gates: {metrics: {one: other}}", "gates.metrics.one", 'expected only, but "other" stands there'),
        (
            "gates: {metrics: {limits: {a: {words: [a, b, c]}}}}",
            "gates.metrics.limits.a.words",
            "expected at most 2 entries, but a list stands there",
        ),
    ],
)
def test_values_that_cannot_be(text: str, key: str, message: str) -> None:
    assert mistakes(text) == [f"1: {key}: {message}"]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("'4096'", 4096),
        ("500M", 500_000_000),
        ("500MB", 500_000_000),
        ("1.5Gi", 1_610_612_736),
        ("8GiB", 8 * 2**30),
        ("2k", 2000),
        ("0.5T", 500_000_000_000),
    ],
)
def test_sizes(text: str, size: int) -> None:
    found = load(f"stages: {{train: {{resources: {{memory: {text}}}}}}}")
    assert found.stages["train"].resources.memory == size


def test_how_stages_are_run() -> None:
    found = load(
        "stages:\n"
        "  train: {resources: {cpu: 0.1, gpu: 1, exclusive: true, runner: gpu-large}, timeout: 6h, retries: 2}\n"
        "  'train@*-deep': {}\n"
        "  sub/dvc.yaml:eval@größe 1: {resources: {memory: 8G}}\n"
    ).stages
    train = found["train"]
    assert train.resources == config_keys.StageResources(cpu=0.1, gpu=1, exclusive=True, runner="gpu-large")
    assert (train.timeout, train.retries) == (timedelta(hours=6), 2)
    assert found["train@*-deep"] == config_keys.StageSettings()
    assert found["sub/dvc.yaml:eval@größe 1"].resources.memory == 8_000_000_000


@pytest.mark.parametrize("path", ["/abs", "~/x", "-rf", "a\\\\b", "C:x"])
def test_a_path_stays_in_the_repository(path: str) -> None:
    (mistake,) = mistakes(f'templates: "{path}"')
    assert mistake.startswith("1: templates: expected a path relative to the repository, with `/`, but ")


@pytest.mark.parametrize("path", ["a", "a/b.c", ".mlops-ci", "größe/x y", "a/..b"])
def test_a_path_may_hold_any_other_character(path: str) -> None:
    assert load(f'templates: "{path}"').templates == path


@pytest.mark.parametrize("name", ["", ".", "..", "-x", ".x", "a/b", "a b", "ä", "a\n", "x" * 101])
def test_names_that_are_not_safe(name: str) -> None:
    with pytest.raises(ValueError, match="is not a safe name"):
        values.name(name)


def test_placeholders_are_filled_and_doubled_braces_are_braces() -> None:
    template = values.holds("model")("a/{model}/{{x}}")
    assert values.fill(template, model="churn") == "a/churn/{x}"


@pytest.mark.parametrize(
    "repository",
    [
        "https://host/org/policy.git",
        "git@host:org/policy.git",
        "ssh://git@host/x",
        "../policy",
        "/srv/policy.git",
        "file:///x",
    ],
)
def test_repositories(repository: str) -> None:
    found = config_keys.Extends(repository=repository, commit="0" * 40)
    assert (found.repository, found.path) == (repository, "mlops-ci.yaml")


@pytest.mark.parametrize(
    ("repository", "words"),
    [
        ("''", '"" is not a repository\'s URL or path'),
        ("--upload-pack=x", '"--upload-pack=x" is not a repository\'s URL or path'),
        ("a b", '"a b" is not a repository\'s URL or path'),
        ('"a\\tb"', '"a\\tb" is not a repository\'s URL or path'),
        ("'ext::sh -c x'", '"ext::sh -c x" is not a repository\'s URL or path'),
        ("'ext::sh'", "expected https://, ssh://, git://, file://, user@host:path or a path"),
        ("ftp://x/y", "expected https://, ssh://, git://, file://, user@host:path or a path"),
        ("./x://y", "expected https://, ssh://, git://, file://, user@host:path or a path"),
        (
            "https://me:secret@host/x",
            "no user and no password may stand in the URL: Git's credential helper knows them",
        ),
    ],
)
def test_what_is_no_repository(repository: str, words: str) -> None:
    text = f"extends: {{repository: {repository}, commit: {'a' * 40}}}"
    assert mistakes(text) == [f"1: extends.repository: {words}"]


def test_a_commit_is_forty_hex_digits_in_quotes_where_yaml_reads_a_number() -> None:
    short = "extends: {repository: x, commit: abc1234}"
    words = 'expected a full commit of 40 hex digits, but "abc1234" stands there'
    assert mistakes(short) == [f"1: extends.commit: {words}"]
    number = f"extends: {{repository: x, commit: {'1' * 37}e10}}"
    assert mistakes(number)[0].startswith("1: extends.commit: expected text, but 1.1111")
    assert mistakes(number)[0].endswith("stands there; put text in quotes")
