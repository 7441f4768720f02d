#!/bin/sh
# Resolve every requirements/*.in into a .txt for Python 3.11 and newer on any platform, with the hash of
# each file. No index address goes into the result: pip asks whichever index it is configured for.
set -eu

tool=.cache/lock
[ -x "$tool/bin/uv" ] || { python3 -m venv "$tool" && "$tool/bin/pip" install --quiet uv; }
for wanted in requirements/*.in; do
    "$tool/bin/uv" pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
        "$wanted" -o "${wanted%.in}.txt"
done
