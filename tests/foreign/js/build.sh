#!/usr/bin/env bash
# Builds ../out/greeter-js.wasm. Needs Node.js with npm, and Python 3. No arguments.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../common.sh

npm_tools
gather_wit
"$npm/componentize-js" src/module.js --wit build/wit --world-name greeter-js --out build/greeter-js.wasm
finish build/greeter-js.wasm
