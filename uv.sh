#!/usr/bin/env bash
# uv in the version of uv_requirements.txt, which pip installs once, and with pip's settings of indexes and proxies:
#   ./uv.sh python list
# It runs on any Python from 3.8 on. A machine without Python needs its own uv, which can install a Python.
set -euo pipefail

lock=$(dirname "$0")/uv_requirements.txt
environments=${CREDIT_RISK_ENVIRONMENTS:-$(dirname "$0")/.venv}
folder=$environments/uv

fail() { echo "$1" >&2; exit 1; }

runs() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; }

bring_uv() {
  { rm -rf "$folder" && mkdir -p "$folder/bin"; } 2>/dev/null ||
    fail "Cannot write to $environments: name another place with 'CREDIT_RISK_ENVIRONMENTS=/path make ...'."
  local candidate python= unusable= log=$folder/install.log
  for candidate in "${PYTHON:-python3}" python3 python; do
    if ! runs "$candidate"; then continue; fi
    if "$candidate" -m pip --version >"$log" 2>&1; then python=$candidate; break; fi
    rm -rf "$folder/venv"
    if "$candidate" -m venv "$folder/venv" >"$log" 2>&1; then python=$folder/venv/bin/python; break; fi
    unusable=${unusable:-$candidate}
  done
  if [ -z "$python" ] && [ -n "$unusable" ]; then
    fail "No virtual environment can be made with $unusable: on Debian, 'apt install python3-venv' adds what it lacks; $log has the details."
  fi
  if [ -z "$python" ]; then
    ln -s "$(command -v uv)" "$folder/bin/uv" 2>/dev/null ||
      fail "No Python found: install one of 3.11 to 3.14, or name it with 'make PYTHON=/path/to/python3.13 ...'."
    return
  fi
  "$python" -c 'import sys; print(sys.executable)' >"$folder/python.txt"
  local index=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-}}
  if [ -n "$index" ]; then export PIP_INDEX_URL=${PIP_INDEX_URL:-$index}; fi
  if ! PIP_USER=no PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --disable-pip-version-check --progress-bar off \
      --only-binary :all: --no-deps --require-hashes --upgrade --target "$folder" -r "$lock" >>"$log" 2>&1; then
    fail "Installing uv failed; $log has the details, the same command tries again. $(awk '
      /^ERROR/ {error = $0} /^ / && error {error = error $0} END {print error ? error : $0}' "$log")"
  fi
}

# uv does not read pip's configuration: $1 is a setting of pip, $2 the variable of uv that has the same meaning.
pass_on() {
  local section value
  for section in :env: install global; do
    value=$(sed -n "s/^$section\.$1='\(.*\)'$/\1/p" <<<"$settings")
    if [ -n "$value" ] && [ -z "${!2+set}" ]; then export "$2=${value//\\n/ }"; fi
  done
}

if ! cmp -s "$lock" "$folder/installed.txt"; then
  bring_uv
  cp "$lock" "$folder/installed.txt"
fi

settings=
if [ -e "$folder/python.txt" ]; then settings=$("$(<"$folder/python.txt")" -m pip config list 2>/dev/null || true); fi
[ -n "${UV_INDEX_URL:-}" ] || pass_on index-url UV_DEFAULT_INDEX
[ -n "${UV_EXTRA_INDEX_URL:-}" ] || pass_on extra-index-url UV_INDEX
pass_on find-links UV_FIND_LINKS
pass_on no-index UV_NO_INDEX
pass_on proxy ALL_PROXY
pass_on trusted-host UV_INSECURE_HOST
pass_on cert SSL_CERT_FILE
export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true}
if [ -z "${UV_CACHE_DIR:-}${XDG_CACHE_HOME:-}" ] && [ ! -w "${HOME:-/no home}" ]; then
  export UV_CACHE_DIR=$folder/cache
fi
# Any index may have a package, as with pip: its hash decides.
export UV_INDEX_STRATEGY=${UV_INDEX_STRATEGY:-unsafe-best-match}
exec "$folder/bin/uv" "$@"
