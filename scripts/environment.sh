#!/bin/sh
# Make the folder given as $1 a Python environment with exactly what $2 pins (requirements/dev.txt unless given).
# A run that finds nothing to do takes milliseconds: the file that was installed last is kept beside it.
set -eu

venv=$1
wanted=${2:-requirements/dev.txt}
installed=$venv/requirements.txt

cmp -s "$wanted" "$installed" && exit 0

# The system's python3 first, then any newer one beside it.
find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "No Python 3.11 or newer found (tried: ${PYTHON:-python3, python3.11 to python3.14})." >&2
    return 1
}

# Debian and Ubuntu keep the part of the standard library that venv needs in a package of its own.
require_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing $package"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package"
    else
        echo "Python's venv module is missing. Install it with: sudo apt-get install $package" >&2
        return 1
    fi
}

if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    require_venv "$python"
    echo "Creating $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi
echo "Installing $wanted"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$wanted"
cp "$wanted" "$installed"
