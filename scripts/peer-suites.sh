#!/bin/sh
# Fetch the source distributions of django and starlette that requirements/peer-suites.txt pins, and lay the tests
# that `make peer-suites` runs into .cache/peer-suites. $1 is the Python whose pip does it. Nothing of theirs becomes
# part of this project. A run that finds nothing to do takes milliseconds: the pins are kept beside the tests.
# starsessions is left out: its tests are in its repository alone, none of its source distributions has them.
set -eu

python=$1
cache=.cache/peer-suites
# A requirement is a line that starts with its name, and indented lines with its hashes.
pins=$(awk '/^[^ ]/ { wanted = /^(django|starlette)==/ } wanted' requirements/peer-suites.txt)

[ "$pins" = "$(cat $cache/pins.txt 2>/dev/null)" ] && exit 0

echo "Fetching the peers' tests"
rm -rf $cache
mkdir -p $cache/fetched
echo "$pins" >$cache/fetched/pins.txt
# pip reads a source distribution's metadata by its build tool, which is pinned as well, hence no isolation.
"$python" -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --no-binary :all: \
    --no-build-isolation --dest $cache/fetched --requirement $cache/fetched/pins.txt
for peer in django starlette; do
    tar -xzf $cache/fetched/$peer-*.tar.gz -C $cache/fetched
done
# The tests alone: beside them lie the libraries, which are installed already.
mv $cache/fetched/django-*/tests/sessions_tests $cache/fetched/starlette-*/tests $cache/
mv $cache/fetched/pins.txt $cache/
rm -rf $cache/fetched
