#!/bin/sh
# Compiles every header alone: whoever includes it needs nothing else before it.
set -eu
cd "$(dirname "$0")/.."
CC=${CC:-gcc}

roots=
for root in include src tests/support; do
    if [ -d "$root" ]; then roots="$roots $root"; fi
done
# A header is allowed not to use all that it defines, so no warnings here.
# shellcheck disable=SC2086
find $roots -name '*.h' -print0 | sort -z |
    xargs -0 -n 1 -P 2 "$CC" -std=gnu17 -D_GNU_SOURCE -Isrc -Iinclude -I. -fsyntax-only -w \
        -Werror=implicit-function-declaration -x c
echo "headers: ok"
