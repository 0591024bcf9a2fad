"""How long the plan of a large pipeline takes, beside DVC's own index of it.

    python -m benchmarks._pipeline_plan [--stages 1000 2000 10000] [--files 1 50] [--profile]

Builds pipelines as a fresh clone has them: dvc.yaml, dvc.lock, parameters and code, but no data. Half of the
stages come out of matrices, half are written out; they read files inside the folders of others, and one
parameter in ten changed since the last run. DVC's own index (its stages and its graph) and our whole plan run
in a fresh process each, one after the other; every figure is CPU seconds, the first import included.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pstats
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIZES = (1_000, 2_000, 10_000)
CODE = "import sys\n\nprint(sys.argv)\n"
MEASURED = """
import os, time
begun = time.process_time()
os.environ["DVC_NO_ANALYTICS"] = "1"
{what}
print(found, time.process_time() - begun)
"""
DVC = "from dvc.repo import Repo\nfound = len(Repo('.').index.graph)"
OURS = """
from pathlib import Path
from mlops_ci.adapters.dvc import Dvc
plan = Dvc.open(Path(".")).plan()
found = len(plan.steps)
if not (plan.having("run") and plan.having("cached")):
    raise SystemExit("a plan of which nothing or everything is to run is no measurement")
"""


@dataclass(frozen=True)
class Measured:
    """CPU seconds of both for so many stages in so many dvc.yaml files."""

    stages: int
    files: int
    dvc: float
    ours: float

    def text(self) -> str:
        """One line."""
        return (
            f"{self.stages:6,} stages in {self.files:3} dvc.yaml: DVC's index {self.dvc:6.2f} s, "
            f"whole plan {self.ours:6.2f} s ({self.ours - self.dvc:+.2f} s, x{self.ours / self.dvc:.2f})"
        )

    def growth(self, before: Measured) -> str:
        """One line: how each grew from another measurement of fewer stages."""
        more, dvc, ours = self.stages / before.stages, self.dvc / before.dvc, self.ours / before.ours
        return f"       x{more:.1f} the stages: DVC's index x{dvc:.2f}, whole plan x{ours:.2f}"


def build(root: Path, stages: int, files: int) -> None:
    """A repository with so many stages in so many dvc.yaml files, and none of their data."""
    root.mkdir(parents=True)
    for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=root, check=True)
    for number in range(files):
        count = stages // files + (stages % files if number == 0 else 0)
        folder = root if number == 0 else root / f"part{number}"
        for path, text in _Part(root, count).texts():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")


class _Part:
    """One dvc.yaml: prepare, a matrix of trainings, a score of each, written out."""

    def __init__(self, root: Path, count: int) -> None:
        self._root = root
        self._items = [f"m{n}" for n in range(count // 2)]
        self._scores = [f"score{n}" for n in range(count - 1 - len(self._items))]
        self._params = {name: {"depth": n, "rate": 0.1} for n, name in enumerate(self._scores)}
        self._lock: dict[str, Any] = {}

    def texts(self) -> Iterator[tuple[str, str]]:
        """Paths and texts; the lock is JSON, which is YAML, except for what a real one looks like."""
        stages = self._stages()
        yield (
            "params.yaml",
            _yaml(
                {
                    name: {**said, "rate": 0.2 if n % 10 == 0 else 0.1}
                    for n, (name, said) in enumerate(self._params.items())
                }
            ),
        )
        yield "dvc.yaml", _yaml({"stages": stages})
        yield "dvc.lock", _yaml({"schema": "2.0", "stages": self._lock})
        for name in ("prepare", "train", "score"):
            yield f"{name}.py", CODE
        for name in self._scores:
            yield f"scores/{name}.json", "{}"

    def _stages(self) -> dict[str, Any]:
        listing = [{"md5": _md5(item), "relpath": f"{item}.csv"} for item in self._items]
        raw = json.dumps(listing, sort_keys=True)
        oid = f"{_md5(raw)}.dir"
        place = self._root / ".dvc/cache/files/md5" / oid[:2] / oid[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(raw)
        self._note("prepare", "python prepare.py", {"prepare.py": _md5(CODE)}, {"parts": oid})
        stages: dict[str, Any] = {
            "prepare": {"cmd": "python prepare.py", "deps": ["prepare.py"], "outs": ["parts"]},
            "train": {
                "matrix": {"item": self._items},
                "cmd": "python train.py ${item.item}",
                "deps": ["train.py", "parts/${item.item}.csv"],
                "outs": ["models/${item.item}.bin"],
            },
        }
        for item in self._items:
            deps = {"train.py": _md5(CODE), f"parts/{item}.csv": _md5(item)}
            self._note(
                f"train@{item}", f"python train.py {item}", deps, {f"models/{item}.bin": _md5(f"b{item}")}
            )
        for n, name in enumerate(self._scores):
            item = self._items[n % len(self._items)]
            cmd, model, out = f"python score.py {item}", f"models/{item}.bin", f"scores/{name}.json"
            stages[name] = {
                "cmd": cmd,
                "deps": ["score.py", model],
                "params": [name],
                "metrics": [{out: {"cache": False}}],
            }
            self._note(
                name,
                cmd,
                {"score.py": _md5(CODE), model: _md5(f"b{item}")},
                {out: _md5("{}")},
                {name: self._params[name]},
            )
        return stages

    def _note(
        self,
        name: str,
        cmd: str,
        deps: Mapping[str, str],
        outs: Mapping[str, str],
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """What dvc.lock says of a stage that ran."""
        self._lock[name] = {
            "cmd": cmd,
            "deps": [{"path": path, "hash": "md5", "md5": value, "size": 30} for path, value in deps.items()],
            **({"params": {"params.yaml": dict(params)}} if params else {}),
            "outs": [{"path": path, "hash": "md5", "md5": value, "size": 30} for path, value in outs.items()],
        }


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _yaml(data: Any) -> str:
    import yaml

    return str(yaml.dump(data, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False))


def measure(stages: int, files: int) -> Measured:
    """Both, each in a fresh process; the first of each is thrown away, which fills DVC's caches."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        build(root, stages, files)
        _cpu(root, OURS)
        return Measured(stages, files, _cpu(root, DVC), _cpu(root, OURS))


def _cpu(root: Path, what: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED.format(what=what)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return float(done.stdout.split()[-1])


def dominating(stages: int, files: int) -> list[str]:
    """What our plan spends its time on, by the package whose code runs: the largest six, in percent."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        build(root, stages, files)
        stats, script = root / ".dvc/tmp/plan.stats", root / ".dvc/tmp/plan.py"
        script.write_text(OURS)
        subprocess.run([sys.executable, "-m", "cProfile", "-o", stats, script], cwd=root, check=True)
        spent: dict[str, float] = {}
        for (file, _, _), (_, _, own, _, _) in pstats.Stats(str(stats)).stats.items():  # type: ignore[attr-defined]
            spent[_package(file)] = spent.get(_package(file), 0.0) + own
        whole = sum(spent.values())
        largest = sorted(spent.items(), key=lambda pair: -pair[1])[:6]
        return [f"{name} {seconds / whole:.0%}" for name, seconds in largest]


def _package(file: str) -> str:
    """The package that a file of a profile belongs to."""
    for marker in ("/site-packages/", "/mlops_ci/"):
        _, found, after = file.rpartition(marker)
        if found:
            return "mlops_ci" if marker == "/mlops_ci/" else after.split("/")[0].removesuffix(".py")
    return "built in" if file.startswith("~") else "Python's library"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stages", type=int, nargs="+", default=SIZES)
    parser.add_argument("--files", type=int, nargs="+", default=(1,))
    parser.add_argument("--profile", action="store_true", help="also tell what dominates")
    given = parser.parse_args(arguments)
    for files in given.files:
        before: Measured | None = None
        for stages in given.stages:
            found = measure(stages, files)
            print(found.text(), flush=True)
            if before:
                print(found.growth(before), flush=True)
            before = found
    if given.profile:
        size, files = min(given.stages), given.files[0]
        print(f"what dominates at {size:,} stages: {', '.join(dominating(size, files))}")


if __name__ == "__main__":
    main()
