#!/bin/sh
# Install what the package-lock.json in the folder given as $1 pins into that folder's node_modules.
# A run that finds nothing to do takes milliseconds: the lock that was installed last is kept beside it.
set -eu

cd "$1"
installed=node_modules/.installed.json

cmp -s package-lock.json "$installed" && exit 0

command -v npm >/dev/null || { echo "Node 20 and npm are needed for $1; no npm was found." >&2; exit 1; }
node -e 'process.exit(+(parseInt(process.versions.node) < 20))' || {
    echo "Node 20 is needed for $1, this is $(node --version)." >&2
    exit 1
}
echo "Installing $1/package-lock.json"
npm ci --no-audit --no-fund --loglevel=error
cp package-lock.json "$installed"
