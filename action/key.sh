#!/usr/bin/env bash
# One digest of what dvc.lock and the .dvc files say, for the key of the DVC cache. Git names the files; a walk over
# the checkout, as hashFiles does it, would go through the whole cache.
set -euo pipefail

git ls-files -z --cached --others --exclude-standard -- ':(glob)**/dvc.lock' ':(glob)**/*.dvc' |
  while IFS= read -r -d '' file; do
    if [ -f "$file" ]; then printf '%s\n' "$file" && cat -- "$file"; fi
  done |
  git hash-object --stdin
