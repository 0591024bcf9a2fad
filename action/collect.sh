#!/usr/bin/env bash
# Puts what the run wrote into one folder for the artifact: files of known names, the logs of stages, no links, none too large.
# Says in the job summary when the run came to no verdict.
set -euo pipefail

limit=$((64 << 20))
output="${GITHUB_OUTPUT:-/dev/null}"
summary="${GITHUB_STEP_SUMMARY:-/dev/null}"
verb="${MLOPS_CI_VERB//[^a-z-]/?}"

# install.sh has told of its own failures.
if [ "${MLOPS_CI_INSTALLED:-}" = success ] && [ "${MLOPS_CI_RAN:-}" = failure ] && [ -z "${MLOPS_CI_VERDICT:-}${MLOPS_CI_PROMOTED:-}" ]; then
  case "$verb" in
    plan | promote | repro) title="mlops-ci $verb did not come to its end" ;;
    *) title="mlops-ci came to no verdict" ;;
  esac
  printf '### %s\n\n`mlops-ci %s` ended early; the last lines of the step "Run mlops-ci" in the log say why.\n' \
    "$title" "$verb" >> "$summary"
fi

uploads() {
  case "${MLOPS_CI_ARTIFACTS:-auto}" in
    always) return 0 ;;
    never) return 1 ;;
  esac
  # GitHub Enterprise Server does not have the service that current versions of actions/upload-artifact speak to.
  case "${GITHUB_SERVER_URL:-https://github.com}" in
    https://github.com | https://*.ghe.com | http://127.0.0.1:* | http://localhost:*) return 0 ;;
  esac
  return 1
}

from="$(dirname "${MLOPS_CI_EVIDENCE:-.dvc/tmp/mlops-ci/evidence.json}")"
into="${RUNNER_TEMP:?}/mlops-ci/artifact"
rm -rf "$into"
mkdir -p "$into"
found=0
for name in report.html evidence.json findings.json comment.md summary.md lock.patch; do
  file="$from/$name"
  [ -f "$file" ] && [ ! -L "$file" ] || continue
  if [ "$(wc -c < "$file")" -gt "$limit" ]; then
    echo "::warning::$name is larger than 64 MiB and is not uploaded"
    continue
  fi
  cp -- "$file" "$into/$name"
  found=$((found + 1))
done
# What stages printed: the end of each, the newest logs first, as far as there is room for them.
room=$((32 << 20))
logs=0
if [ -d "$from/logs" ] && [ ! -L "$from/logs" ]; then
  while [ "$room" -gt 0 ] && [ "$logs" -lt 300 ] && IFS= read -r name; do
    file="$from/logs/$name"
    [[ "$name" =~ ^[A-Za-z0-9_][A-Za-z0-9._@+=-]*\.log$ ]] && [ -f "$file" ] && [ ! -L "$file" ] && [ -s "$file" ] || continue
    mkdir -p "$into/logs"
    tail -c "$((1 << 20))" -- "$file" > "$into/logs/$name"
    room=$((room - $(wc -c < "$into/logs/$name")))
    logs=$((logs + 1))
  done < <(ls -t "$from/logs")
fi
echo "$found files and $logs logs for the artifact"
if [ "$found" -gt 0 ] && uploads; then
  echo "folder=$into" >> "$output"
fi

# The run may have made new data; where it never began there is nothing new to keep.
if [ -n "${MLOPS_CI_NEEDS:-}" ] && [ -n "${MLOPS_CI_CACHE:-}" ] && [ -d "$MLOPS_CI_CACHE" ] && [ "${MLOPS_CI_RAN:-}" != skipped ] \
  && [ "${MLOPS_CI_VERDICT:-}" != waiting ]; then
  "$MLOPS_CI_VENV/bin/python" -I "$GITHUB_ACTION_PATH/cache.py" save \
    || echo "::warning::the DVC cache is not kept, see the lines above"
fi
