#!/usr/bin/env bash
# Builds ../out/greeter-py.wasm. Needs Python 3 with venv. No arguments.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../common.sh

python_tools
gather_wit
"$python/componentize-py" --quiet --wit-path build/wit --world greeter-py \
    componentize module --python-path src --output build/greeter-py.wasm
finish build/greeter-py.wasm
