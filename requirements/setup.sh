#!/bin/sh
# Makes .venv with everything the project needs and the `kith` command in it; quick when nothing changed.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)

python=
for candidate in python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Kith needs Python 3.11 or newer: install it (apt-get install python3 python3-venv) and run this again." >&2
    exit 1
fi

wanted=$({ echo "$root"; "$python" --version; cat requirements/dev.txt requirements/assets.txt requirements/setup.sh; } | sha256sum)
stamp=.venv/.set-up
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || ! .venv/bin/python -c '' 2>/dev/null; then
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        rm -rf .venv
        # Debian keeps the part of venv that installs pip in a package of its own.
        if ! "$python" -c 'import ensurepip' 2>/dev/null; then
            if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
                echo "Installing python3-venv with apt-get …"
                apt-get update -qq >/dev/null
                DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$(basename "$python")-venv" >/dev/null
            else
                echo "Python's venv module is missing: sudo apt-get install $(basename "$python")-venv, then run this again." >&2
                exit 1
            fi
        fi
        "$python" -m venv .venv
    fi
    echo "Installing the packages of requirements/dev.txt …"
    pip() { .venv/bin/python -m pip --quiet --disable-pip-version-check "$@"; }
    pip install --require-hashes --requirement requirements/dev.txt
    pip install --require-hashes --no-deps --requirement requirements/assets.txt
    # Folders are the packages: they are put on the path, not installed.
    packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$root/libs" "$root/services" "$root" > "$packages/kith.pth"
    printf '#!/bin/sh\nexec "%s/.venv/bin/python" -m kith.main "$@"\n' "$root" > .venv/bin/kith
    chmod +x .venv/bin/kith
    printf '%s\n' "$wanted" > "$stamp"
fi
