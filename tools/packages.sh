# Sourced by ./run and ./test: makes sure that Debian packages are there. Silent and offline when they are.

# packages_missing NAME...: those that are not installed.
packages_missing() {
    local name
    for name in "$@"; do
        dpkg-query -W -f='${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || printf '%s\n' "$name"
    done
}

# As root, or by asking sudo.
packages_as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Servers that are installed for the tests must not be started by their installation.
packages_without_services() {
    local policy=/usr/sbin/policy-rc.d made=""
    if [ ! -e "$policy" ]; then
        packages_as_root sh -c "printf '#!/bin/sh\nexit 101\n' > $policy && chmod 755 $policy"
        made=yes
    fi
    "$@"
    local code=$?
    [ -z "$made" ] || packages_as_root rm -f "$policy"
    return $code
}

packages_apt() {
    packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq --no-install-recommends \
        -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@"
}

# packages_need NAME...: installs what is missing, or says what to do.
packages_need() {
    if ! command -v dpkg-query >/dev/null; then
        echo "This is not a Debian system; going on in the hope that these are there: $*" >&2
        return 0
    fi
    local missing
    mapfile -t missing < <(packages_missing "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    echo "Installing: ${missing[*]}" >&2
    packages_apt update >/dev/null 2>&1 || true
    if ! packages_without_services packages_apt install "${missing[@]}" >&2; then
        echo "These packages could not be installed: ${missing[*]}" >&2
        echo "Install them (apt-get install ${missing[*]}) and try again." >&2
        return 1
    fi
}
