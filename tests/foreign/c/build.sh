#!/usr/bin/env bash
# Builds ../out/shout-c.wasm. Needs clang with lld, Node.js with npm, and Python 3. No
# arguments.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../common.sh

need clang clang
need wasm-ld lld
npm_tools
gather_wit

# No libc: bulk memory gives the compiler copying and filling. The stack lies first, so
# that running over its end traps.
rm -f build/*.o
for source in src/*.c; do
    clang --target=wasm32-unknown-unknown -std=c2x -Oz -Wall -Wextra -Werror -ffreestanding -mbulk-memory \
        -c "$source" -o "build/$(basename "$source" .c).o"
done
wasm-ld --no-entry --gc-sections --strip-all --stack-first -z stack-size=65536 build/*.o -o build/core.wasm

# A core module becomes a component: its types are attached, then it is wrapped.
# `wasm-tools component embed` and `wasm-tools component new` do the same.
"$npm/jco" embed build/core.wasm --wit build/wit --world-name shout-c --output build/typed.wasm
"$npm/jco" new build/typed.wasm --output build/shout-c.wasm
finish build/shout-c.wasm
