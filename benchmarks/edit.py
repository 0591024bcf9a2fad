"""One edit of a manifest with its proof, how it grows, and a round trip by ruamel.yaml beside it.

    python -m benchmarks.edit [--rounds 5] [--manifests 3000]

The manifests are those of the tests. In each one value is set and one key is inserted; the peer loads the
file, sets the same value and dumps it, with its settings that keep most (quotes, long lines). A file is
changed by the peer beyond the edit where its bytes differ from those of the file with that one value
replaced. Growth: a file with ever more documents, the edit in the middle. Planning reads many small files:
the last line. The exit code is 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import difflib
import io
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit import Address, Set, documents, edit, value
from tests.yaml_edit.corpus import FILES, Place, places, roots, text_of

# What the acceptance asks for, in milliseconds; all is work of one thread, so its CPU time is measured.
MOST_EDIT, MOST_READ = 50.0, 1.0
NEW = "v2"
NAMING = ("apiVersion", "kind", "name", "namespace")
SIZES = (1, 2, 4, 8, 16, 32, 64)
DOCUMENT = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: model-{at}   # one of many
  annotations: {{serving.kserve.io/deploymentMode: "Knative"}}
spec:
  predictor:
    minReplicas: 1
    model:
      modelFormat: {{name: sklearn}}
      storageUri: "s3://models/model-{at}/sha256-aaaa"
      env:
        - name: THREADS
          value: "4"
"""


@dataclass(frozen=True)
class Case:
    """A file, the value that is set in it, and the milliseconds of each way."""

    name: str
    setting: float
    inserting: float
    peer: float
    # Lines that the peer changed and the edit did not; None: the peer cannot read the file.
    noise: int | None


def timed(call: Callable[[], Any], rounds: int) -> float:
    """The median of some calls in milliseconds of CPU time, after one that warms up."""
    call()
    spent = []
    for _ in range(rounds):
        begun = time.process_time()
        call()
        spent.append(1000 * (time.process_time() - begun))
    return statistics.median(spent)


def target(name: str) -> Place:
    """The first value of a file that stands there as it is read and may be edited alone; its name last."""
    text = text_of(name)
    for one in sorted(places(name), key=lambda place: place.keys[-1] in NAMING):
        if isinstance(one.value, str | int) and str(one.value) in text and is_editable(text, one):
            return one
    raise SystemExit(f"{name}: has nothing to edit")


def is_editable(text: str, place: Place) -> bool:
    """Whether nothing else of the file refers to the place."""
    try:
        return edit(text, Set(place.address, NEW)) != text
    except ManifestError:
        return False


def round_trip(text: str, keys: Sequence[str | int], new: str) -> str:
    """What the peer makes of a text with one value replaced."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 2**31
    found = list(yaml.load_all(text))
    holder: Any = found
    for key in keys[:-1]:
        holder = holder[key]
    # The quotes of a value belong to its type there.
    old = holder[keys[-1]]
    holder[keys[-1]] = type(old)(new) if isinstance(old, str) else new
    written = io.StringIO()
    yaml.dump_all(found, written)
    return written.getvalue()


def noise(text: str, keys: Sequence[str | int], wanted: str) -> int | None:
    """The lines in which the peer's file differs from the one where only the value was replaced."""
    try:
        written = round_trip(text, keys, NEW)
    except (YAMLError, ValueError):
        return None
    lines = difflib.unified_diff(wanted.splitlines(keepends=True), written.splitlines(keepends=True), n=0)
    return sum(line[0] in "+-" and not line.startswith(("+++", "---")) for line in lines)


def measured(name: str, rounds: int) -> Case:
    """One file, all ways."""
    text, place = text_of(name), target(name)
    order = Set(place.address, NEW)
    inserted = Set(roots(name)[0].address.at("inserted"), NEW)
    wanted = edit(text, order)
    found = noise(text, place.keys, wanted)
    is_mapping = isinstance(roots(name)[0].value, dict)
    return Case(
        name,
        timed(lambda: edit(text, order), rounds),
        timed(lambda: edit(text, inserted), rounds) if is_mapping else 0.0,
        timed(lambda: round_trip(text, place.keys, NEW), rounds) if found is not None else 0.0,
        found,
    )


def corpus(rounds: int) -> bool:
    """Print the medians over the manifests; whether the bound is kept."""
    cases = [measured(name, rounds) for name in FILES]
    read = [one for one in cases if one.noise is not None]
    noisy = [one.noise for one in read if one.noise]
    ours, inserting = (
        [one.setting for one in cases],
        [one.inserting for one in cases if one.inserting],
    )
    peer = [one.peer for one in read]
    ratio = statistics.median(one.peer / one.setting for one in read)
    print(f"{len(cases)} manifests, one edit each, proof included{'':14}median ms  slowest ms")
    print(f"  a value set{'':44}{statistics.median(ours):9.2f}{max(ours):12.2f}")
    print(f"  a key inserted{'':41}{statistics.median(inserting):9.2f}{max(inserting):12.2f}")
    print(f"  ruamel.yaml: load, set, dump (no proof){'':16}{statistics.median(peer):9.2f}{max(peer):12.2f}")
    print(f"  times as long as ours (median of the ratios){'':11}{ratio:9.0f}")
    print(
        f"  files that ruamel changes beyond the edit: {len(noisy)} of {len(cases)} "
        f"({sum(noisy)} lines), {len(cases) - len(read)} it cannot read; ours: 0"
    )
    return statistics.median(ours) <= MOST_EDIT and statistics.median(inserting) <= MOST_EDIT


def growth(rounds: int) -> bool:
    """Print how the edit grows with the file; whether twice the file takes about twice the time."""
    print("a file that grows, the edit in its middle")
    before, factors = 0.0, []
    for size in SIZES:
        text = "---\n".join(DOCUMENT.format(at=at) for at in range(size))
        order = Set(Address.parse(f"InferenceService/model-{size // 2}:spec.predictor.model.storageUri"), NEW)
        if value(edit(text, order), order.address) != NEW:
            raise SystemExit("the edit is not there")
        spent = timed(lambda text=text, order=order: edit(text, order), rounds)  # type: ignore[misc]
        factor = spent / before if before else 0.0
        factors.append(factor)
        told = f"x2 size, x{factor:.2f} time" if before else ""
        print(f"  {text.count(chr(10)):6,} lines {len(text):8,} bytes {spent:9.2f} ms   {told}")
        before = spent
    return statistics.median(factors[1:]) <= 2.5


def reading(manifests: int) -> bool:
    """Print what reading many small manifests takes; whether the bound is kept."""
    texts = [DOCUMENT.format(at=at) for at in range(manifests)]
    begun = time.process_time()
    names = {one.name for text in texts for one in documents(text)}
    spent = 1000 * (time.process_time() - begun)
    if len(names) != manifests:
        raise SystemExit("some were not read")
    print(f"{manifests:,} manifests read as plain values: {spent:.0f} ms, {spent / manifests:.3f} ms each")
    return spent / manifests <= MOST_READ


def main() -> int:
    """Print all figures; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--manifests", type=int, default=3000)
    options = parser.parse_args()
    kept = {
        f"an edit takes at most {MOST_EDIT:.0f} ms": corpus(options.rounds),
        "twice the file takes at most 2.5 times the time": growth(options.rounds),
        f"reading takes at most {MOST_READ:.0f} ms a manifest": reading(options.manifests),
    }
    for bound, is_kept in kept.items():
        print(f"{'ok' if is_kept else 'MISSED':8}{bound}")
    return 0 if all(kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
