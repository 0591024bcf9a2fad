#!/usr/bin/env bash
# Installs mlops-ci from the action's own checkout into a virtual environment of its own: every package
# pinned and checked by hash, with uv where it can be had, else with pip. Says in the job summary when it fails.
set -euo pipefail

source_dir="$(cd "$GITHUB_ACTION_PATH/.." && pwd -P)"
home="${RUNNER_TEMP:?}/mlops-ci"
venv="$home/venv"
output="${GITHUB_OUTPUT:-/dev/null}"
summary="${GITHUB_STEP_SUMMARY:-/dev/null}"
step="Looking for a Python"
hint="install Python 3.11, 3.12 or 3.13 on the runner, or uv"
mkdir -p "$home"

finish() {
  local code=$?
  [ "$code" = 0 ] && return
  printf '::error title=mlops-ci was not installed::%s failed. To mend it: %s\n' "$step" "$hint"
  printf '### mlops-ci was not installed\n\n%s failed, so nothing was run and nothing was judged. To mend it: %s.\n' \
    "$step" "$hint" >> "$summary"
}
trap finish EXIT

# One certificate file and one package mirror are enough, whichever tool they were meant for.
share() {
  local one="${!1:-}" other="${!2:-}"
  [ -z "$one$other" ] || export "$1=${one:-$other}" "$2=${other:-$one}"
}
share SSL_CERT_FILE REQUESTS_CA_BUNDLE
share UV_DEFAULT_INDEX PIP_INDEX_URL
# Nothing of a person's own settings decides what is installed but where it comes from.
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PYTHONUTF8=1

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; }

find_python() {
  local want="$1" name
  local tools="${RUNNER_TOOL_CACHE:-/nonexistent}/Python"
  if [ -n "$want" ]; then
    set -- "python$want" "$tools/$want".*/*/bin/python
  else
    set -- python3 python python3.13 python3.12 python3.11 "$tools"/3.13.*/*/bin/python "$tools"/3.12.*/*/bin/python
  fi
  for name in "$@"; do
    if command -v "$name" >/dev/null && fits "$name"; then command -v "$name"; return; fi
  done
}

# uv of the runner, else a copy of our own, pinned by hash as well: it installs in seconds what takes pip a minute.
find_uv() {
  if command -v uv >/dev/null; then command -v uv; return; fi
  [ -n "$python" ] || return 0
  if "$python" -m pip install --quiet --require-hashes --no-deps --only-binary :all: --target "$home/uv" \
    -r "$GITHUB_ACTION_PATH/uv.txt" >"$home/uv.log" 2>&1; then
    echo "$home/uv/bin/uv"
  else
    echo "note: uv could not be had, so pip installs: $(tail -n 1 "$home/uv.log" | tr -s ' ')" >&2
  fi
}

case "${MLOPS_CI_PYTHON:-}" in
  "" | 3.11 | 3.12 | 3.13) ;;
  *)
    step="Reading python-version"
    hint="write 3.11, 3.12 or 3.13, in quotes"
    exit 2
    ;;
esac
begun=$SECONDS
python="$(find_python "${MLOPS_CI_PYTHON:-}")"
uv="$(find_uv)"

step="Making a virtual environment"
rm -rf "$venv"
if [ -n "$uv" ]; then
  "$uv" venv --quiet --python "${python:-${MLOPS_CI_PYTHON:->=3.11,<3.14}}" "$venv"
else
  [ -n "$python" ] || { step="Looking for a Python"; exit 2; }
  hint="on Debian and Ubuntu: apt-get install python3-venv"
  "$python" -m venv "$venv"
fi

install() {
  if [ -n "$uv" ]; then
    "$uv" pip install --quiet --python "$venv/bin/python" "$@"
  else
    "$venv/bin/python" -m pip install --quiet "$@"
  fi
}

step="Choosing the packages"
hint="see \`extras\` in docs/action.md"
"$venv/bin/python" -I "$GITHUB_ACTION_PATH/lock.py" "${MLOPS_CI_EXTRAS:-}" > "$home/locked.txt"

step="Installing the locked packages"
hint="see the lines above in the log; behind a firewall name a package mirror (PIP_INDEX_URL) and its certificate (SSL_CERT_FILE)"
install --require-hashes --no-deps -r "$home/locked.txt"

step="Installing mlops-ci itself"
install --no-deps --no-build-isolation "$source_dir"

if [ -n "${MLOPS_CI_REQUIREMENTS:-}" ]; then
  step="Installing ${MLOPS_CI_REQUIREMENTS//[^A-Za-z0-9_.\/-]/?}"
  hint="see the lines above in the log"
  install -r "./${MLOPS_CI_REQUIREMENTS#./}"
  step="Fitting the pipeline's requirements to those of mlops-ci"
  hint="leave \`requirements\` out and set your own Python up in a step before this one: stages then run with that"
  if [ -n "$uv" ]; then "$uv" pip check --python "$venv/bin/python"; else "$venv/bin/python" -m pip check; fi
fi

# Only a cache inside of the checkout is kept: a runner's own, shared one needs it not.
cache="$(git config --file .dvc/config --get cache.dir 2>/dev/null || true)"
case "$cache" in
  "") cache="$PWD/.dvc/cache" ;;
  /* | *..*..* | *:*) cache="" ;;
  *) cache="$PWD/.dvc/$cache" ;;
esac
[ -d .dvc ] || cache=""

{
  echo "venv=$venv"
  echo "cache-dir=$cache"
} >> "$output"
# On a runner the command also speaks to the runner, which must not be caught here.
version="$(env -u GITHUB_ACTIONS "$venv/bin/mlops-ci" --version)"
echo "$version, installed with $([ -n "$uv" ] && echo uv || echo pip) in $((SECONDS - begun)) s"
