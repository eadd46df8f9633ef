# What the builds share; sourced by each `build.sh`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out="$root/out"

# The contract, of the package ropewalk:action with ropewalk:host below it.
for contract in "${ROPEWALK_WIT:-}" "$root/contract" "$root/../../actions/wit"; do
    [ -e "$contract/action.wit" ] && break
done

missing() {
    printf '%s\n' "$@" >&2
    exit 1
}

# need PROGRAM PACKAGE
need() {
    command -v "$1" >/dev/null || missing "$1 is missing: apt-get install $2"
}

# The tools from npm, at the versions in package-lock.json: then in $npm.
npm_tools() {
    need node 'nodejs npm'
    need npm npm
    node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 12) ? 0 : 1)' ||
        missing "Node.js $(node --version) is too old: 20.12 or later is needed (Debian 13 has it)"
    if [ ! "$root/node_modules/.package-lock.json" -nt "$root/package-lock.json" ]; then
        npm --prefix "$root" install --no-save --no-audit --no-fund
    fi
    npm="$root/node_modules/.bin"
}

# The tools from PyPI, at the versions in requirements.txt: then in $python.
python_tools() {
    need python3 python3
    if ! cmp -s "$root/requirements.txt" "$root/.venv/requirements.txt"; then
        python3 -m venv --clear "$root/.venv" || missing 'venv is missing: apt-get install python3-venv'
        "$root/.venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/requirements.txt"
        cp "$root/requirements.txt" "$root/.venv/"
    fi
    python="$root/.venv/bin"
}

# Makes build/wit of this folder: its world, and the contract among its dependencies.
gather_wit() {
    [ -e "$contract/action.wit" ] || missing 'the contract is missing: set ROPEWALK_WIT to the folder actions/wit'
    rm -rf build/wit
    mkdir -p build/wit/deps/action
    cp wit/world.wit build/wit/
    cp "$contract"/*.wit build/wit/deps/action/
    cp -r "$contract/deps/host" build/wit/deps/
}

# finish COMPONENT: writes into it what module.json says, and puts it into out/.
finish() {
    need python3 python3
    python3 "$root/tools/metadata.py" "$1" module.json
    mkdir -p "$out"
    mv "$1" "$out/"
}
