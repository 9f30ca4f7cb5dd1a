#!/usr/bin/env bash
# What a definition of a virtual machine gives, from outside: nothing is started, nothing written.
# real: qemu
source "${0%/*}/../support/assert.sh"

data=$repository/tests/data/machine

test_case "machine args shows the documented example's arguments and writes nothing" shows_example
shows_example() {
    works mosb machine args "$data/seed-nics.yaml"
    contains "$out" '^user,id=nic0,ipv4=on,hostfwd=tcp::22222-:22$'
    contains "$out" '^virtio-net-pci,netdev=nic0,mac=52:54:00:[0-9a-f:]{8}$'
    contains "$err" '^mosb: warning: .*seed-nics.yaml:13:9: .*open at all addresses of this host'
    [[ ! -e $root/var && ! -e $root/run && ! -e $root/etc ]] || fail "something was written below $root"
    local lines=$out
    works mosb -q -o json machine args "$data/seed-nics.yaml"
    equal "$(jq -r '.[]' <<<"$out")" "$lines"
    equal "$err" ""
}

test_case "machine args puts every path of the machine below the root" below_root
below_root() {
    works mosb -q machine args "$data/secure.yaml"
    contains "$out" "\"filename\":\"$root/var/lib/mosb/machines/secure/uefi-vars-secure.fd\""
    contains "$out" "logfile=$root/var/log/mosb/machines/secure.log"
}

test_case "qemu takes the printed command line as it is" qemu_takes_it
qemu_takes_it() {
    works mosb -q machine args "$data/vnc.yaml"
    mkdir -p "$root/var/lib/mosb/machines/vnc" "$root/var/log/mosb/machines" "$root/run/mosb/machines/vnc"
    cp /usr/share/OVMF/OVMF_VARS_4M.fd "$root/var/lib/mosb/machines/vnc/uefi-vars.fd"
    local -a argv
    mapfile -t argv <<<"$out"
    works bash -c '"$@" -S -qmp stdio <<<"{\"execute\":\"qmp_capabilities\"}{\"execute\":\"quit\"}"' \
        bash "${argv[@]}"
    contains "$out" '"QMP"'
    rm -rf "${root:?}"/*
}

test_case "every problem of a definition is told with its place, and the status is 14" tells_all
tells_all() {
    refused 14 manifest 'f-conflict.yaml: 2 problems' mosb machine args "$data/f-conflict.yaml"
    contains "$err" "f-conflict.yaml:7:37: config.nics\[0\].bootindex: bootindex 0 stands twice, first in line 5"
    contains "$err" "f-conflict.yaml:7:47: config.nics\[0\].mac: 'zz:zz' is not a MAC address"
    equal "$out" ""
    refused 14 manifest "h.yaml:4:11: config.memory: '2048M'" mosb machine args "$data/h.yaml"
    run mosb -o json machine args "$data/f-conflict.yaml"
    equal "$status" 14
    contains "$(jq -r .error.message <<<"$out")" 'bootindex 0 stands twice.*is not a MAC address'
}

test_case "machine args of a file that is not there, or of none, is refused" no_file
no_file() {
    refused 14 manifest 'No such file' mosb machine args "$work/nothing.yaml"
    refused 2 usage 'FILE is required' mosb machine args
    printf 'config: {}\n' >"$work/nameless.yaml"
    refused 14 manifest 'name: is missing' mosb machine args "$work/nameless.yaml"
}

run_cases "$@"
