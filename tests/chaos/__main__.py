"""python -m tests.chaos --runs 1000 --seed 1 [--workers 1] [--keep] [--only ATTACK] [--folder DIR]

Plays so many runs under attack and prints what came of them; the exit code is 1 where anything is wrong.
A run that failed is played again with its seed: `--runs 1 --seed N --keep` leaves its folder.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.attacks import ATTACKS
from tests.chaos.campaign import Campaign, Summary


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument(
        "--seed", type=int, default=1, help="the first run's seed; the next ones count on from it"
    )
    parser.add_argument("--workers", type=int, default=1, help="runs at once")
    parser.add_argument("--keep", action="store_true", help="leave the folders of runs that failed")
    parser.add_argument("--only", choices=list(ATTACKS), help="one attack a run, of this kind")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder else")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    begun, summary = time.monotonic(), Summary()
    kinds = (asked.only,) if asked.only else ()
    for report in Campaign(folder.resolve(), asked.seed, asked.runs, asked.workers, asked.keep, kinds).play():
        summary.add(report)
        for complaint in report.complaints:
            print(f"seed {report.seed}: {complaint}", flush=True)
        if summary.runs % 25 == 0:
            minutes = (time.monotonic() - begun) / 60
            print(
                f"{summary.runs:5} of {asked.runs}, {len(summary.failed)} failed, {minutes:.1f} min",
                flush=True,
            )
    print(f"{summary.text()}\n{(time.monotonic() - begun) / 60:.1f} minutes; folder {folder}")
    return 1 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main())
