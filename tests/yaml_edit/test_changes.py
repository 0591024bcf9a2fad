"""What differs between two texts is told value by value, by addresses that lead there."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.yaml_edit import Address, changes


def told(before: str, after: str) -> list[tuple[str, Any, Any]]:
    found = changes(before, after)
    assert all(Address.parse(str(one.address)) == one.address for one in found)
    return [(str(one.address), one.old, one.new) for one in found]


HEAD = "kind: InferenceService\nmetadata: {name: iris}\n"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a: 1\n", "a: 1   # why\n", []),
        ("a: 1\nb: x\n", "b: x\na: 1\n", []),
        ("a: 1\n", "a: 2\n", [(":a", 1, 2)]),
        ("a: 1\n", "a: '1'\n", [(":a", 1, "1")]),
        ("a: 1\n", "a: 1.0\n", [(":a", 1, 1.0)]),
        ("a: 1\n", "a: yes\n", [(":a", 1, True)]),
        ("a: {b: 1, c: 2}\n", "a: {c: 3, d: 4}\n", [(":a.c", 2, 3), (":a.d", None, 4), (":a.b", 1, None)]),
        ("a: 1\n", "a: {b: 1}\n", [(":a.b", None, 1), (":a", 1, None)]),
        ("a: {b: 1}\n", "a: [x]\n", [(":a.b", 1, None), (":a[0]", None, "x")]),
        ("a: {}\n", "a: {b: 1}\n", [(":a.b", None, 1)]),
        ("a: {}\n", "a: []\n", [(":a", {}, [])]),
        ("x: 1\n", "x: 1\na: {b: {}, c: {d: [1]}}\n", [(":a.b", None, {}), (":a.c.d[0]", None, 1)]),
        ("a:\n", "b: 1\n", [(":b", None, 1)]),
        ("a: ~\n", "a: 1\n", [(":a", None, 1)]),
        # Lists: by what tells the entries apart, else by place.
        (
            "l: [{name: a, v: 1}, {name: b, v: 2}]\n",
            "l: [{name: b, v: 3}, {name: a, v: 1}]\n",
            [(":l[name=b].v", 2, 3)],
        ),
        (
            "l: [{name: a, v: 1}]\n",
            "l: [{name: a, v: 1}, {name: b, v: 2}]\n",
            [(":l[name=b].name", None, "b"), (":l[name=b].v", None, 2)],
        ),
        ("l: [{containerPort: 80, p: TCP}]\n", "l: [{containerPort: 80, p: UDP}]\n", [(":l[containerPort=80].p", "TCP", "UDP")]),
        ("l: [{name: a}, {name: a, v: 1}]\n", "l: [{name: a}, {name: a, v: 2}]\n", [(":l[1].v", 1, 2)]),
        ("l: [{name: yes, v: 1}]\n", "l: [{name: yes, v: 2}]\n", [(":l[0].v", 1, 2)]),
        ("l: [{setWeight: 5}, {pause: {}}]\n", "l: [{setWeight: 9}, {pause: {}}]\n", [(":l[0].setWeight", 5, 9)]),
        ("l: [URI=a, SHA=b]\n", "l: [URI=c, SHA=b]\n", [(":l[URI=*]", "URI=a", "URI=c")]),
        ("l: [URI=a, x]\n", "l: [URI=c, x]\n", [(":l[0]", "URI=a", "URI=c")]),
        ("l: [a, b]\n", "l: [a, c, d]\n", [(":l[1]", "b", "c"), (":l[2]", None, "d")]),
        ("l: [a]\n", "l: []\n", [(":l[0]", "a", None)]),
        # Keys and names that must be quoted.
        ('a: {"b.c/d": 1}\n', 'a: {"b.c/d": 2}\n', [(':a."b.c/d"', 1, 2)]),
        ("l: [{name: 'a b', v: 1}]\n", "l: [{name: 'a b', v: 2}]\n", [(':l[name="a b"].v', 1, 2)]),
        # Documents.
        (HEAD + "spec: 1\n", HEAD + "spec: 2\n", [("InferenceService/iris:spec", 1, 2)]),
        (HEAD + "---\n", "---\n" + HEAD, []),
        (
            "kind: A\nv: 1\n---\nkind: B\nv: 1\n",
            "kind: B\nv: 2\n---\nkind: C\nv: 1\n",
            [("B:v", 1, 2), ("C:kind", None, "C"), ("C:v", None, 1), ("A:kind", "A", None), ("A:v", 1, None)],
        ),
        (
            "kind: S\nmetadata: {name: a, namespace: x}\nv: 1\n---\nkind: S\nmetadata: {name: a, namespace: y}\nv: 1\n",
            "kind: S\nmetadata: {name: a, namespace: x}\nv: 1\n---\nkind: S\nmetadata: {name: a, namespace: y}\nv: 2\n",
            [("S/y/a:v", 1, 2)],
        ),
        (
            "apiVersion: v1\nkind: S\nv: 1\n---\napiVersion: b.c/v1\nkind: S\nv: 1\n",
            "apiVersion: v1\nkind: S\nv: 2\n---\napiVersion: b.c/v1\nkind: S\nv: 3\n",
            [("S.v1:v", 1, 2), ("S.b.c:v", 1, 3)],
        ),
        # Documents that nothing tells apart are taken in turn.
        ("v: 1\n---\nv: 2\n", "v: 1\n---\nv: 3\n", [(":v", 2, 3)]),
        ("", "a: 1\n", [(":a", None, 1)]),
        ("- a\n", "- b\n", [(":[0]", "a", "b")]),
        ("\ufeffa: 1\r\n", "a: 1\n", []),
    ],
)  # fmt: skip
def test_changes(before: str, after: str, expected: list[tuple[str, Any, Any]]) -> None:
    assert told(before, after) == expected
