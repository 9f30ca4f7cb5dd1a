#!/usr/bin/env bash
# Runs the themes of this folder against the programs in MOSB_BIN (default build/release/bin).
#
#   tests/system/run.sh [THEME…]      e.g. tests/system/run.sh apply refusals
#   tests/system/THEME.sh [SENTENCE]  one theme, or the cases whose sentence contains the text
#
# As root. Status 0 if every case passed or was skipped with a reason.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
themes=("$@")
if ((!$#)); then
    themes=(commands images convert machine_args trust recheck platforms mounts rootless erofs corruption admission apply repair containers hostile refusals
        registry transport store resources crash quickstart network network_apart network_hosts network_firewalls network_crash
        machines machines_confined machines_crash)
fi
# shellcheck source=../support/assert.sh
source "$here/../support/assert.sh"
# shellcheck source=../support/fixtures.sh
source "$here/../support/fixtures.sh"
before_theme
failed=0
for theme in "${themes[@]}"; do
    echo "# $theme"
    cases=$(mktemp "$fixtures/cases-XXXXXX")
    bash "$here/$theme.sh" 2>&1 | tee "$cases" || failed=1
    # What these cases ran against, for the table of tests/run.sh.
    for what in $(sed -n 's/^# real: //p' "$here/$theme.sh"); do
        echo "real: $what $(grep -c '^ok - ' "$cases" || true)"
    done
done
exit "$failed"
