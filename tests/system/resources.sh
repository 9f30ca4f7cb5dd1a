#!/usr/bin/env bash
# A host that runs out: disk, loop devices, descriptors.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

# small_root SIZE: the case's root on a file system of that size, for as long as the case lasts.
small_root() {
    mount -t tmpfs -o "size=$1,mode=0755" small "$root"
    trap 'mosb down >/dev/null 2>&1; umount "$root"' EXIT
    configure
}

test_case "a full disk is refused before anything is left in the store" disk_full
disk_full() {
    small_root 40M
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    refused 19 resource 'free|space' mosb apply m.yaml
    contains "$err" '^hint: '
    equal "$(find "$root/var/lib/mosb/store" -type f -size +64k | wc -l)" 0
    works mosb ps -o json
    equal "$(json length)" 0
}

test_case "a disk that is full to the last byte is refused, with what ran untouched" disk_filled
disk_filled() {
    small_root 100M
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    works mosb apply m.yaml
    dd if=/dev/zero of="$root/filler" bs=64k 2>"$work/dd" || true
    manifest_v2 more.yaml < <(
        shell_service one 'exec sleep 1000'
        shell_service two 'exec sleep 1'
    )
    refused 19 resource '.' mosb apply more.yaml
    eventually 5 runs one
    refused 19 resource '.' mosb stop one
    rm "$root/filler"
    works mosb apply m.yaml
    eventually 10 runs one
}

test_case "a host without loop devices is refused as a resource problem" no_loop
no_loop() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    : >no-loop-control
    run unshare --mount bash -c "mount --bind '$work/no-loop-control' /dev/loop-control &&
        exec '$MOSB_BIN/mosb' --root '$root' apply m.yaml"
    equal "$status" 19 "$err"
    contains "$err" '^mosb: resource: .*loop device'
    works mosb ps -o json
    equal "$(json length)" 0
    works mosb apply m.yaml
    eventually 10 runs one
}

test_case "too few file descriptors end in an error, not in half a service" few_descriptors
few_descriptors() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    local n
    for n in 12 16 20 24; do
        run bash -c "ulimit -n $n; exec '$MOSB_BIN/mosb' --root '$root' apply m.yaml"
        [[ $status == 0 || $status == 19 || $status == 16 || $status == 22 || $status == 15 ]] ||
            fail "with $n descriptors: status $status: $err"
    done
    works mosb apply m.yaml
    eventually 10 runs one
}

run_cases "$@"
