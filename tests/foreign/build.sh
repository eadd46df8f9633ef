#!/usr/bin/env bash
# Builds all modules into out/, runs them in wasmtime, and writes stats.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./common.sh

npm_tools
python_tools
times=
for language in js python c; do
    SECONDS=0
    "$language/build.sh"
    times+="  $(printf '%-17s%s' "$language" "$SECONDS s")"$'\n'
done
"$python/python" tools/check.py out
{
    printf 'Build times, with the tools installed\n%s\n' "$times"
    "$python/python" tools/stats.py out/*.wasm
} >stats.txt
