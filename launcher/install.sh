#!/bin/sh
# Makes .venv and installs requirements/$1.txt (local or dev) into it, unless that has been done. Plain sh: it runs before anything is here.
set -eu
cd "$(dirname "$0")/.."
wanted=$1

# A name on the PATH is not enough: a version manager's shim is there and fails.
find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "Opie needs Python 3.11, 3.12 or 3.13, and none of them is on the PATH." >&2
    return 1
}

make_environment() {
    python=$(find_python)
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "$python has no venv module, which Opie needs: on Debian and Ubuntu, apt-get install python$version-venv." >&2
        return 1
    fi
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

# Working means more than being there: the Python behind it may have been removed, or making it was interrupted.
.venv/bin/python -m pip --version >/dev/null 2>&1 || make_environment

fingerprint() { cksum <"requirements/$1.txt"; }
installed() { [ "$(cat ".venv/.opie-$1" 2>/dev/null)" = "$(fingerprint "$1")" ]; }

if ! installed "$wanted"; then
    echo "Installing requirements/$wanted.txt (a minute or two the first time)"
    # The pins are complete; to resolve them again could find a newer release of what is needed with an extra, and fail.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes -r "requirements/$wanted.txt"
    # So that .venv/bin/pytest finds the project from anywhere, as python manage.py does.
    .venv/bin/python -c 'import os, pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "opie.pth").write_text(os.getcwd() + "\n")'
    fingerprint "$wanted" >".venv/.opie-$wanted"
    # dev.txt contains local.txt, pin by pin.
    [ "$wanted" != dev ] || fingerprint local >.venv/.opie-local
fi
