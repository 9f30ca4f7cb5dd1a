#!/usr/bin/env bash
# kill -9 at any step, then again: no half state, nothing left behind.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"
source "${0%/*}/../support/kill_points.sh"
# shellcheck disable=SC2034 # read by judge
case_deadline=600

# shellcheck disable=SC2034 # read by points_of
changing=mount,umount2,fsopen,fsconfig,fsmount,move_mount,open_tree,mount_setattr,clone,clone3,fork,vfork,execve,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,ftruncate,fallocate,write,pwrite64,fsync,fdatasync,setns,unshare,ioctl,kill,pidfd_send_signal,wait4,waitid

# first_run MANIFEST: an instance that has run once, so that later runs make the same calls, and
# the machine as it is without it in the file `before`.
first_run() {
    "$support/leaks.sh" snapshot before
    works mosb apply "$1"
    works mosb down
    [[ -z ${MOSB_LEAKS_ONLY:-} ]] || MOSB_LEAKS_ONLY+="|mosb-$(instance_id)"
}
nothing_left() { "$support/leaks.sh" compare before >leaks || fail "killed at $1: $(cat leaks)"; }

test_case "apply killed at any step and run again makes the machine match" apply_again
apply_again() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    local point
    first_run m.yaml
    rm -rf "$root/var/lib/mosb/store"
    points_of 25 apply m.yaml
    works mosb down
    for point in $(cat "$work/points"); do
        rm -rf "$root/var/lib/mosb/store"
        killed_at "$point" apply m.yaml
        works mosb ps -o json
        works mosb apply m.yaml
        runs one || fail "killed at $point: the service does not run"
        works mosb exec one -- cat /etc/passwd
        works mosb plan m.yaml -o json
        equal "$(json .changed)" false "killed at $point"
        works mosb down
    done
    enough_kills
}

test_case "apply killed at any step and followed by down leaves nothing" apply_down
apply_down() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    local point
    first_run m.yaml
    points_of 16 apply m.yaml
    works mosb down
    for point in $(cat "$work/points"); do
        killed_at "$point" apply m.yaml
        works mosb down
        nothing_left "$point"
    done
    enough_kills
}

test_case "down killed at any step and run again leaves nothing" down_again
down_again() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    local point
    first_run m.yaml
    works mosb apply m.yaml
    points_of 12 down
    for point in $(cat "$work/points"); do
        works mosb apply m.yaml
        killed_at "$point" down
        works mosb down
        nothing_left "$point"
    done
    enough_kills
}

# killed_and_again VERB BEFORE CHECK: `mosb VERB one`, killed at any step and run again, each
# time after `mosb BEFORE one`; CHECK looks, and down leaves nothing.
killed_and_again() {
    local verb=$1 before=$2 check=$3 point
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    first_run m.yaml
    works mosb apply m.yaml
    works mosb "$before" one
    points_of 10 "$verb" one
    for point in $(cat "$work/points"); do
        works mosb apply m.yaml
        works mosb "$before" one
        killed_at "$point" "$verb" one
        works mosb ps -o json
        works mosb "$verb" one
        "$check" "$point"
        works mosb down
        nothing_left "$point"
    done
    enough_kills
}
is_up() {
    runs one || fail "killed at $1: the service is $(state one)"
    works mosb exec one -- cat /etc/passwd
    works mosb plan m.yaml -o json
    equal "$(json .changed)" false "killed at $1"
}
is_down() {
    equal "$(state one)" stopped "killed at $1"
    equal "$(grep -ls "/mosb-$(instance_id)/services/one" /proc/[0-9]*/cgroup)" "" "killed at $1"
    equal "$(grep -F "$root/run/mosb/" /proc/self/mountinfo || true)" "" "mounts, killed at $1"
}

test_case "start killed at any step and run again starts the service" start_again
start_again() { killed_and_again start stop is_up; }

test_case "stop killed at any step and run again ends the service" stop_again
stop_again() { killed_and_again stop start is_down; }

test_case "restart killed at any step and run again leaves one service that runs" restart_again
restart_again() { killed_and_again restart start is_up; }

test_case "a change killed at any step leaves the old or the new, and apply makes it the new" change
change() {
    manifest_v2 old.yaml < <(shell_service one 'exec sleep 1000')
    manifest_v2 new.yaml < <(shell_service one 'exec sleep 2000')
    works mosb apply old.yaml
    local point
    points_of 12 apply new.yaml
    for point in $(cat "$work/points"); do
        works mosb apply old.yaml
        killed_at "$point" apply new.yaml
        works mosb apply new.yaml
        works mosb exec one -- ps -o args
        contains "$out" 'sleep 2000'
        lacks "$out" 'sleep 1000'
    done
    enough_kills
}

# archive FILE TAG: an archive of the fixture's image with its signature, made by tar.
archive() { tar -C "$fixtures/layout" -cf "$1" oci-layout index.json blobs; }

test_case "an archive that was being unpacked at a kill leaves nothing after the next run" unpacking
unpacking() {
    archive image.tar
    local point
    mkdir temp
    export TMPDIR=$work/temp
    # without an instance, so without a store
    works mosb verify "oci-archive:$work/image.tar:shell"
    equal "$(find temp -mindepth 2)" ""
    points_of 6 verify "oci-archive:$work/image.tar:shell"
    local seen=0
    for point in $(cat "$work/points"); do
        killed_at "$point" verify "oci-archive:$work/image.tar:shell"
        [[ -z $(find temp -mindepth 2 -type f) ]] || seen=$((seen + 1))
        works mosb verify "oci-archive:$work/image.tar:shell"
        equal "$(find temp -mindepth 2)" "" "killed at $point"
    done
    ((seen > 0)) || fail "no kill came while the archive was unpacked"
    [[ $(stat -c %a temp/mosb-0) == 700 ]] || fail "others can look into it"
    # beside a store: there, where every later mosb cleans
    manifest_v2 m.yaml < <(service one "oci-archive:$work/image.tar:shell")
    works mosb apply m.yaml
    runs one
    seen=0
    points_of 6 plan m.yaml
    for point in $(cat "$work/points"); do
        killed_at "$point" plan m.yaml
        [[ -z $(find "$root/var/lib/mosb/store/tmp" "$root/run/mosb" -name '.mosb-tmp-*') ]] ||
            seen=$((seen + 1))
        works mosb restart one
        equal "$(find "$root" temp -name '.mosb-tmp-*')" "" "killed at $point"
    done
    ((seen > 0)) || fail "no kill came while the archive was unpacked"
}

test_case "a temporary directory that somebody else made is refused" foreign_temp
foreign_temp() {
    archive image.tar
    mkdir -m 1777 temp
    mkdir temp/mosb-0
    chown 1000 temp/mosb-0
    TMPDIR=$work/temp refused 22 host 'temp/mosb-0' \
        mosb verify "oci-archive:$work/image.tar:shell"
    rmdir temp/mosb-0
    mkdir evil
    ln -s "$work/evil" temp/mosb-0
    TMPDIR=$work/temp refused 22 host 'temp/mosb-0' \
        mosb verify "oci-archive:$work/image.tar:shell"
    equal "$(find evil -mindepth 1)" ""
}

test_case "an image build and a sign killed at any step and run again give the same image" build_again
build_again() {
    local point build sign
    build=(image build --rootfs "$fixtures/rootfs/www" -t oci:l:x --entrypoint /bin/sh)
    sign=(sign oci:l:x --key "$fixtures/keys/signing.key" --cert "$fixtures/keys/signing-chain.pem")
    works mosb image build --rootfs "$fixtures/rootfs/www" -t oci:sound:x --entrypoint /bin/sh
    points_of 12 "${build[@]}"
    for point in $(cat "$work/points"); do
        rm -rf l
        killed_at "$point" "${build[@]}"
        works mosb "${build[@]}"
        equal "$(image_digest l x)" "$(image_digest sound x)" "killed at $point"
        equal "$(find l "$TMPDIR" -name '*tmp-*')" "" "killed at $point"
    done
    points_of 12 "${sign[@]}"
    for point in $(cat "$work/points"); do
        rm -rf l
        works mosb "${build[@]}"
        killed_at "$point" "${sign[@]}"
        # with or without the signature, never half of it
        run mosb verify oci:l:x
        [[ $status == 0 || $status == 12 ]] || fail "killed at $point: $err"
        works mosb "${sign[@]}"
        works mosb verify oci:l:x
        equal "$(find l "$TMPDIR" -name '*tmp-*')" "" "killed at $point"
    done
}

test_case "a keyset create killed at any step leaves a whole keyset or none, and no key for others" keyset_again
keyset_again() {
    local point file seen=0 keyset=(keyset create in/k --name 'mosb test')
    umask 0
    mkdir in
    copy_layout l
    points_of 16 "${keyset[@]}"
    for point in $(cat "$work/points"); do
        rm -rf in/k
        killed_at "$point" "${keyset[@]}"
        for file in $(grep -rl 'BEGIN.*PRIVATE KEY' in); do
            seen=$((seen + 1))
            equal "$(stat -c '%a %U' "$file")" '600 root' "killed at $point: $file"
        done
        [[ -e in/k ]] || works mosb "${keyset[@]}"
        refused 2 usage "'in/k' exists already" mosb "${keyset[@]}"
        equal "$(find in -mindepth 1 -maxdepth 1)" in/k "killed at $point"
        contains "$err" '^hint: '
        works mosb sign oci:l:web --key in/k/signing.key --cert in/k/signing-chain.pem
        works mosb verify oci:l:web --notation-config in/k/notation
    done
    enough_kills
    ((seen > 0)) || fail "no kill came when there were keys"
}

test_case "mounts killed at random moments leave nothing after umount" mount_random
mount_random() {
    local i pid
    for i in $(seq "$([[ ${MOSB_LONG:-0} == 1 ]] && echo 200 || echo 10)"); do
        "$MOSB_BIN/mosb" --root "$root" mount "oci:$fixtures/layout:web" "$work/m" \
            >/dev/null 2>&1 </dev/null &
        pid=$!
        sleep "0.$(printf %03d $((i * 37 % 300)))"
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        run mosb umount "$work/m"
        [[ $status == 0 || $status == 3 ]] || fail "umount after a kill: $err"
    done
    works mosb mount "oci:$fixtures/layout:web" "$work/m"
    works mosb umount "$work/m"
}

# power_fails_during ARGUMENTS: mosb under strace, then each state that the disk might hold had the
# power failed meanwhile, in states/.
power_fails_during() {
    rm -rf before states traces traced
    cp -r "$root/var/lib/mosb" before
    mkdir traces
    # what mosb leaves running is traced, too, until then
    strace -I 1 -ff -ttt -y -xx -s 1000000000 -o traces/t -e trace=open,openat,creat,read,write,pwrite64,lseek,fsync,fdatasync,ftruncate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir \
        sh -c '"$@" >trace.log 2>&1; echo "$?" >traced' sh "$MOSB_BIN/mosb" --root "$root" "$@" \
        </dev/null &
    local strace_pid=$!
    eventually 100 test -s traced
    kill "$strace_pid"
    wait "$strace_pid" || true
    equal "$(cat traced)" 0 "$* => $(cat trace.log)"
    python3 "$support/lose_writes.py" --trace traces/t --before before --tree "$root/var/lib/mosb" \
        --out states >states.list 2>states.log || fail "$(tail -n 5 states.log)"
}

# sound_store DIR: every blob is what its name says, and what is recorded has its signature and its
# good layers, or none yet. Counts those that are whole in $whole.
sound_store() {
    local wrong digest
    wrong=$(cd "$1/store/blobs/sha256" 2>/dev/null && sha256sum -- * 2>/dev/null | awk '$1 != $2') || true
    equal "$wrong" "" "wrong blobs"
    works "$MOSB_BIN/mosb" --root "$lost" image ls -o json
    for digest in $(jq -r '.[].digest' <<<"$out"); do
        run "$MOSB_BIN/mosb" --root "$lost" --config "$root/etc/mosb/mosb.yaml" image verify "$digest"
        ((status != 0)) || whole=$((whole + 1))
        ((status == 0)) || { ((status == 3)) && contains "$err" 'blobs/sha256/.*No such file'; } || fail "$err"
    done
}

test_case "at whatever moment the power fails, the store is right and apply goes on" power_fails
power_fails() {
    local state lost=$work/lost whole=0
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    first_run m.yaml
    rm -rf "$root/var/lib/mosb/store"
    power_fails_during apply m.yaml
    works mosb down
    (($(wc -l <states.list) >= 40)) || fail "only $(wc -l <states.list) states"
    for state in $(awk '{ print $1 }' states.list); do
        rm -rf "$lost"
        mkdir -p "$lost/var/lib"
        mv "states/$state" "$lost/var/lib/mosb"
        sound_store "$lost/var/lib/mosb"
        # as after a reboot: the same instance, on what is left of it
        rm -rf "$root/var/lib/mosb"
        mv "$lost/var/lib/mosb" "$root/var/lib/mosb"
        run mosb plan m.yaml
        ((status == 0)) || fail "after $(grep "^$state " states.list): $err"
    done
    ((whole >= 5)) || fail "of $(wc -l <states.list) states, in $whole only the image was whole"
    works mosb apply m.yaml
    eventually 10 runs one
}

run_cases "$@"
