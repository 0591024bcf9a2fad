"""Many texts and commits by one process of Git."""

from __future__ import annotations

import time
from pathlib import Path

from mlops_ci.adapters import git_batch
from mlops_ci.adapters.git import Git
from tests.repositories import Repo


def test_texts_as_they_are(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path)
    raw = {
        "crlf": b"a\r\nb",
        "bom": b"\xef\xbb\xbfa\n",
        "empty": b"",
        "latin": b"caf\xe9\n",
        "f/\xc3\xbc x": b"\n\n",
    }
    for name, content in raw.items():
        path = tmp_path / name.encode("latin-1").decode()
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    odd = "two\nlines"
    (tmp_path / odd).write_text("odd")
    commit = repo.commit()
    found = git_batch.texts(
        Git(tmp_path), commit, ["crlf", "gone", "bom", "empty", "f", "latin", "f/ü x", odd, "no\n"]
    )
    assert found == {
        "crlf": "a\r\nb",
        "gone": None,
        "bom": "\ufeffa\n",
        "empty": "",
        "f": None,
        "latin": "caf\udce9\n",
        "f/ü x": "\n\n",
        odd: "odd",
        "no\n": None,
    }
    assert git_batch.texts(Git(tmp_path), commit, []) == {}


def test_six_thousand_texts_take_about_a_second(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path)
    names = [f"promotions/e{number % 3}/m{number}.yaml" for number in range(6000)]
    told = "".join(f"M 100644 inline {name}\ndata <<E\nname: {name}\nE\n" for name in names)
    head = "commit refs/heads/main\ncommitter A <a@b.c> 1800000000 +0000\ndata 1\nx\n"
    Git(tmp_path).run("fast-import", "--quiet", stdin=f"{head}{told}".encode())
    start = time.perf_counter()
    found = git_batch.texts(Git(tmp_path), repo.git("rev-parse", "main"), [*names, "gone", "promotions"])
    took = time.perf_counter() - start
    gone = {"gone": None, "promotions": None}
    assert found == {**{name: f"name: {name}\n" for name in names}, **gone}
    # About 0.2 s on a machine that has nothing else to do; one process a file takes half a minute.
    assert took < 5


def test_commits_are_read_as_they_are_written(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path)
    first = repo.commit("One\n\nWords\n\nA: b")
    second = repo.commit("Two")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    known = git_batch.commits(Git(tmp_path), [first, second, "0" * 40, tree])
    assert sorted(known) == sorted([first, second])
    assert known[first].message == "One\n\nWords\n\nA: b\n"
    two = known[second]
    assert (two.tree, two.parents, two.author, two.committer_email) == (
        tree,
        (first,),
        "Ada",
        "ada@example.org",
    )
    assert two.date == repo.git("show", "-s", "--format=%cd", "--date=raw")
