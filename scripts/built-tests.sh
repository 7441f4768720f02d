#!/bin/sh
# Run the library's own tests as somebody does who has the built files alone: from the unpacked sdist, in a folder
# where nothing else of this repository is. $1 is the Python, $2 the folder with the sdist and the wheel; the rest
# goes to pytest.
set -eu

python=$(command -v "$1")
case $python in /*) ;; *) python=$PWD/$python ;; esac
dist=$(cd "$2" && pwd)
shift 2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/sdist" "$work/wheel"
tar -xzf "$dist"/*.tar.gz -C "$work/sdist" --strip-components=1
"$python" -m zipfile -e "$dist"/*.whl "$work/wheel"
# What is tested in the one is what is installed from the other.
diff -r "$work/sdist/sessions" "$work/wheel/sessions"

cd "$work/sdist"
# Nothing of Python's may change the folder of a test that looks at the files in it.
PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest tests -p no:cacheprovider "$@"
