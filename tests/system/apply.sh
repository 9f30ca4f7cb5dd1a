#!/usr/bin/env bash
# Manifests: what apply does, does again, and leaves alone.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

test_case "a service of a version 2 manifest runs and serves a page" serves
serves() {
    local port
    port=$(free_port)
    manifest_v2 m.yaml < <(web_service web "$port")
    works mosb check m.yaml
    works mosb apply m.yaml
    eventually 10 fetch_page "$port"
    equal "$(fetch_page "$port")" "a page from a verified image"
    works mosb ps -o json
    equal "$(json '.[0].service')" web
    equal "$(json '.[0].verified_by')" fuse-verity
    equal "$(json '.[0].signature.outcome')" verified
    contains "$(json '.[0].signature.subject')" 'mosb test'
    equal "$(json '.[0].network.type')" host
    works mosb down
    works mosb ps -o json
    equal "$(json length)" 0
    ! fetch_page "$port" 2>/dev/null || fail "the page is still there"
}

test_case "a version 1 manifest of mos works unchanged" version_1
version_1() {
    cat >m.yaml <<END
version: 1
product: de6c82c5-2e01-4c92-949b-a6545d30fc06
update_type: complete
storage:
  - label: data
    persistent: true
    nsgroup: group
    size: 30G
targets:
  - service_name: one
    source: oci:$fixtures/layout:shell
    version: 1.0.0
    service_type: container
    nsgroup: group
    network:
      type: none
    storage:
      - dest: /data/volume
        label: data
END
    works mosb plan m.yaml
    contains "$out$err" 'size is not enforced'
    works mosb apply m.yaml
    eventually 10 runs one
    works mosb exec one -- sh -c 'touch /written; touch /data/volume/kept'
    works mosb restart one
    run mosb exec one -- ls /written
    equal "$status" 1 "what a version 1 service writes is gone when it stops"
    works mosb exec one -- ls /data/volume/kept
}

test_case "a field that is not built yet is refused by name" not_built
not_built() {
    manifest_v2 m.yaml < <(service one "oci:$fixtures/layout:shell" 'secrets: [a]')
    refused 14 manifest "secrets" mosb apply m.yaml
    manifest_v2 m.yaml < <(service one "oci:$fixtures/layout:shell" 'network: {type: internal}')
    refused 14 manifest "internal" mosb apply m.yaml
}

# What a changing mosb would call; reading is not among it.
changing='trace=mount,umount2,fsopen,fsmount,fsconfig,move_mount,open_tree,mount_setattr,clone,clone3,fork,vfork,execve,sendto,sendmsg,write,pwrite64,writev,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,chmod,fchmod,fchmodat,chown,fchown,fchownat,truncate,ftruncate,fallocate,mknod,mknodat,setxattr,kill,pidfd_send_signal,ioctl,utimensat,fsync,fdatasync'

test_case "a second apply makes no mount, clone, netlink or write call" idempotent
idempotent() {
    manifest_v2 m.yaml < <(
        web_service web "$(free_port)"
        shell_service one 'exec sleep 1000'
        service files "oci:$fixtures/layout:web" 'service_type: fs-only'
    )
    works mosb apply m.yaml
    works strace -f -e "$changing" -o calls "$MOSB_BIN/mosb" --root "$root" apply m.yaml
    # its own start and words; questions about terminals and loop devices; directories that are there
    grep -vE 'execve\("[^"]*/mosb", |write\([12],|ioctl\([0-9]+, (TCGETS|TIOCGWINSZ|LOOP_GET_STATUS)|mkdir.*EEXIST|^[0-9]+ +(\+\+\+|---)' \
        calls >rest || true
    [[ ! -s rest ]] || fail "a second apply called: $(cat rest)"
    works mosb plan m.yaml -o json
    equal "$(json .changed)" false
    equal "$(json '.steps | length')" 0
}

test_case "plan prints the steps first and changes nothing" plans
plans() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    works mosb plan m.yaml -o json
    equal "$(json .changed)" true
    json '[.steps[].action] | index("pull") != null and index("start") != null'
    works mosb plan m.yaml
    contains "$out" 'start'
    works mosb ps -o json
    equal "$(json length)" 0
    equal "$(grep -c "$root" /proc/self/mountinfo || true)" 0
}

test_case "update_type complete removes what is not listed, partial leaves it" update_types
update_types() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000'; shell_service two 'exec sleep 1000')
    works mosb apply m.yaml
    update_type=partial manifest_v2 only.yaml < <(shell_service two 'exec sleep 1000')
    works mosb apply only.yaml
    state_is one running || state_is one ready
    update_type=complete manifest_v2 only.yaml < <(shell_service two 'exec sleep 1000')
    works mosb plan only.yaml
    contains "$out" 'remove.*one|one.*remove'
    works mosb apply only.yaml
    equal "$(state one)" ""
    runs two
}

test_case "a change restarts only the service that changed" restarts_one
restarts_one() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000'; shell_service two 'exec sleep 1000')
    works mosb apply m.yaml
    pid_of() { mosb ps -o json | jq -r --arg n "$1" '.[] | select(.service == $n) | .pid'; }
    local one two
    one=$(pid_of one) two=$(pid_of two)
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000'; shell_service two 'exec sleep 2000')
    works mosb apply m.yaml
    equal "$(pid_of one)" "$one"
    [[ $(pid_of two) != "$two" ]] || fail "the changed service was not restarted"
}

test_case "a bad target stops phase 1 before anything that runs is touched" phase_1
phase_1() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    works mosb apply m.yaml
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:unsigned --entrypoint /bin/sh
    kernel_facts before
    manifest_v2 bad.yaml < <(
        shell_service one 'exec sleep 2000'
        service two "oci:$work/l:unsigned"
    )
    refused 12 signature 'two' mosb apply bad.yaml
    kernel_facts after
    works diff before after
    works mosb plan m.yaml -o json
    equal "$(json .changed)" false
}

test_case "a service that fails in phase 2 puts back what ran before" put_back
put_back() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000'; shell_service two 'exec sleep 1000')
    works mosb apply m.yaml
    manifest_v2 bad.yaml < <(
        shell_service one 'exec sleep 2000'
        service two "oci:$fixtures/layout:shell" 'entrypoint: [/no/such/program]' 'args: []'
    )
    refused 16 runtime 'two' mosb apply bad.yaml
    eventually 10 runs one
    eventually 10 runs two
    works mosb exec one -- sh -c 'tr "\0" " " </proc/1/cmdline; ps -o args'
    contains "$out" 'sleep 1000'
    works mosb plan m.yaml -o json
    equal "$(json .changed)" false
}

test_case "with --keep-going a service that fails leaves the others running" keep_going
keep_going() {
    pid_of() { mosb ps -o json | jq -r --arg n "$1" '.[] | select(.service == $n) | .pid'; }
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    works mosb apply m.yaml
    three() {
        shell_service one 'exec sleep 2000'
        service two "oci:$fixtures/layout:shell" "entrypoint: [$1]" 'args: [sleep, "1000"]'
        shell_service three 'exec sleep 3000'
    }
    manifest_v2 bad.yaml < <(three /no/such/program)
    refused 16 runtime 'two.*/no/such/program' mosb apply bad.yaml --keep-going
    runs one && runs three || fail "the others do not run: $(mosb ps)"
    works mosb exec one -- ps -o args
    contains "$out" 'sleep 2000'
    state_is two failed || fail "the failed one is $(state two)"
    works mosb plan bad.yaml -o json
    equal "$(json '[.steps[].object] | unique | join(" ")')" two "what is left to do"
    # it is what was applied: without the source at hand, and for who corrects the failed one
    works mosb restart three
    local one three
    one=$(pid_of one) three=$(pid_of three)
    manifest_v2 good.yaml < <(three /bin/busybox)
    works mosb apply good.yaml
    eventually 10 runs two
    equal "$(pid_of one) $(pid_of three)" "$one $three" "the others were touched"
}

test_case "a layer that services share is fetched once" fetched_once
fetched_once() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000'; shell_service two 'exec sleep 1000')
    works mosb apply m.yaml
    equal "$(grep -c '^fetched' <<<"$err")" 1
}

test_case "apply --applied --keep-going brings back what it can" applied_keep_going
applied_keep_going() {
    # the program of `two` lies in a volume, where no signature protects it
    with_two() {
        printf 'version: 2\nproduct: test\nupdate_type: complete\n'
        printf 'storage:\n  - label: data\n    persistent: true\n    nsgroup: two\ntargets:\n'
        shell_service one 'exec sleep 1000'
        service two "oci:$fixtures/layout:shell" "entrypoint: [$1]" 'args: [sleep, "1000"]' \
            'storage: [{dest: /data, label: data}]'
        shell_service zwei 'exec sleep 1000'
    }
    with_two /bin/busybox >m.yaml
    works mosb apply m.yaml
    works mosb exec two -- cp /bin/busybox /data/busybox
    with_two /data/busybox >m.yaml
    works mosb apply m.yaml
    mv "$root/var/lib/mosb/volumes/data/busybox" kept
    local name
    for name in one two zwei; do
        kill -KILL "$(mosb ps -o json | jq -r --arg n "$name" '.[] | select(.service == $n) | .pid')"
        eventually 10 state_is "$name" failed
    done
    refused 16 runtime 'two.*/data/busybox' mosb apply --applied --keep-going
    runs one && runs zwei || fail "the others do not run: $(mosb ps)"
    mv kept "$root/var/lib/mosb/volumes/data/busybox"
    works mosb apply --applied
    eventually 10 runs two
}

# two_layers: `one` with the fixtures' image and `two` with one of its own, which the keyset `other`
# signed and the notation configuration `both` accepts.
two_layers() {
    cp -r "$fixtures/keys/notation" both
    cp "$fixtures/other/root.crt" "$(dirname "$(find both -name '*.crt' | head -n 1)")/other.crt"
    policy=$(find both -name 'trustpolicy*.json')
    jq '.trustPolicies[].trustedIdentities = ["*"]' "$policy" >policy.json
    cp policy.json "$policy"
    mkdir -p small/{bin,dev,proc,sys,tmp,run}
    cp /bin/busybox small/bin/busybox
    works mosb image build --rootfs small -t oci:l:small --entrypoint /bin/busybox \
        --cmd sleep --cmd 1000
    sign_image oci:l:small "$fixtures" other
    manifest_v2 m.yaml < <(
        shell_service one 'exec sleep 1000'
        service two "oci:$work/l:small"
        shell_service zwei 'exec sleep 1000'
    )
    works mosb apply m.yaml --notation-config "$work/both"
}
kill_all() {
    local name
    for name in one two zwei; do
        kill -KILL "$(mosb ps -o json | jq -r --arg n "$name" '.[] | select(.service == $n) | .pid')"
        eventually 10 state_is "$name" failed
    done
}

test_case "apply --applied starts the others when one image is no longer accepted" applied_refused
applied_refused() {
    two_layers
    kill_all
    find both -name other.crt -delete
    refused 12 signature "service 'two'" mosb apply --applied --dry-run
    state_is one failed || fail "a plan started it"
    refused 12 signature "service 'two'" mosb apply --applied
    runs one && runs zwei || fail "the others do not run: $(mosb ps)"
    state_is two failed || fail "two: $(mosb ps)"
}

test_case "apply --applied starts the others when one has a bad layer" applied_bad_layer
applied_bad_layer() {
    two_layers
    kill_all
    # as after a reboot, nothing is mounted
    awk -v r="$root" 'index($5, r) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
        while read -r point; do umount -l "$point" || true; done
    flip "$(layer_blob l small "$root/var/lib/mosb/store")" 3
    refused 15 verity "service 'two'" mosb apply --applied
    runs one && runs zwei || fail "the others do not run: $(mosb ps)"
}

test_case "apply --applied --dry-run plans what was applied" applied_dry_run
applied_dry_run() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000'; shell_service two 'exec sleep 1000')
    works mosb apply m.yaml
    works mosb apply --applied --dry-run -o json
    equal "$(json .changed)" false
    kill -KILL "$(mosb ps -o json | jq -r '.[] | select(.service == "one") | .pid')"
    eventually 10 state_is one failed
    works mosb apply --applied --dry-run -o json
    equal "$(json '[.steps[].object] | unique | join(" ")')" one
    equal "$(json '.steps[-1].action')" start
    state_is one failed || fail "the plan started it"
    works mosb start one -o json
    equal "$(json '.steps[-1].action')" start
    works mosb restart one -o json
    equal "$(json '.steps[-1].action')" start
}

test_case "apply remembers the notation configuration wherever it was named from" relative_notation
relative_notation() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    rm "$root/etc/mosb/mosb.yaml"
    cp -r "$fixtures/keys/notation" notation
    works mosb apply m.yaml --notation-config notation
    works mosb stop one
    cd /
    works mosb start one
    eventually 10 runs one
}

test_case "an fs-only target is mounted and runs nothing" fs_only
fs_only() {
    manifest_v2 m.yaml < <(service files "oci:$fixtures/layout:web" 'service_type: fs-only')
    works mosb apply m.yaml
    works diff "$fixtures/rootfs/www/index.html" "$root/run/mosb/fs/files/www/index.html"
    works mosb ps -o json
    equal "$(json '.[0].type')" fs-only
    works mosb down
    [[ ! -e $root/run/mosb/fs/files/www ]] || fail "still mounted"
}

test_case "volumes outlive their services and are removed only when asked" volumes
volumes() {
    {
        printf 'version: 2\nproduct: test\nupdate_type: complete\n'
        printf 'storage:\n  - label: data\n    persistent: true\n    nsgroup: one\ntargets:\n'
        shell_service one 'exec sleep 1000' 'storage: [{dest: /data, label: data}]'
    } >m.yaml
    works mosb apply m.yaml
    works mosb exec one -- sh -c 'echo kept >/data/file; id -u; grep " /data " /proc/self/mountinfo'
    contains "$out" 'nosuid'
    contains "$out" 'nodev'
    works mosb down
    equal "$(cat "$root/var/lib/mosb/volumes/data/file")" kept
    works mosb apply m.yaml
    works mosb exec one -- cat /data/file
    equal "$out" kept
    works mosb down --volumes
    [[ ! -e $root/var/lib/mosb/volumes/data/file ]] || fail "the volume is still there"
}

test_case "a persistent volume is not emptied because a new manifest says otherwise" volume_kept
volume_kept() {
    with_volume() {
        printf 'version: 2\nproduct: test\nupdate_type: complete\n'
        printf 'storage:\n  - label: data\n    persistent: %s\ntargets:\n' "$1"
        shell_service one "exec sleep $2" 'storage: [{dest: /data, label: data}]'
    }
    with_volume true 1000 >m.yaml
    works mosb apply m.yaml
    works mosb exec one -- sh -c 'echo kept >/data/file'
    with_volume false 1001 >n.yaml
    refused 18 volume "'data'.*persistent" mosb plan n.yaml
    refused 18 volume "'data'.*persistent" mosb apply n.yaml
    contains "$err" '^hint: '
    works mosb plan m.yaml -o json
    equal "$(json .changed)" false
    works mosb down
    refused 18 volume "'data'.*persistent" mosb apply n.yaml
    equal "$(cat "$root/var/lib/mosb/volumes/data/file")" kept
}

test_case "stop, start and restart hold until told otherwise" stop_start
stop_start() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    works mosb apply m.yaml
    works mosb stop one
    equal "$(state one)" stopped
    works mosb stop one
    works mosb apply --applied
    equal "$(state one)" stopped
    works mosb start one
    eventually 10 runs one
    works mosb start one
    works mosb restart one
    eventually 10 runs one
}

test_case "services that leave together are asked together, and each has its own time" leave_together
leave_together() {
    # Ends when it was asked and saw that the other one was.
    asked_with() {
        echo "trap 'touch /data/asked-$1; while [ ! -e /data/asked-$2 ]; do sleep 0.1; done; touch /data/clean-$1; exit 0' TERM; touch /data/up-$1; while :; do sleep 0.1; done"
    }
    pair() {
        printf 'version: 2\nproduct: test\nupdate_type: complete\n'
        printf 'storage:\n  - {label: data, persistent: true, nsgroup: pair}\ntargets:\n'
        shell_service other 'exec sleep 1000'
        shell_service left "$(asked_with left right)" 'nsgroup: pair' 'storage: [{dest: /data, label: data}]' \
            'stop: {grace_period: 20s}'
        shell_service right "$(asked_with right left)" 'nsgroup: pair' 'storage: [{dest: /data, label: data}]' \
            'stop: {grace_period: 20s}'
        shell_service deaf 'trap "" TERM; while :; do sleep 0.1; done' 'stop: {grace_period: 1s}'
    }
    pair >m.yaml
    manifest_v2 n.yaml < <(shell_service other 'exec sleep 1000')
    local data=$root/var/lib/mosb/volumes/data way
    for way in 'apply n.yaml' down; do
        works mosb apply m.yaml
        eventually 10 test -e "$data/up-left"
        eventually 10 test -e "$data/up-right"
        # shellcheck disable=SC2086 # two words
        works mosb $way
        [[ -e $data/clean-left && -e $data/clean-right ]] || fail "$way: one waited in vain for the other"
        rm "$data"/*
    done
}

# bytes_read ARGUMENTS: how many bytes a mosb with these arguments reads by itself.
bytes_read() {
    python3 - "$MOSB_BIN/mosb" --root "$root" "$@" <<'END' || fail "mosb $*: $(cat said)"
import os, subprocess, sys
with open("said", "wb") as said:
    mosb = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    # it has ended, and its account is still there
    os.waitid(os.P_PID, mosb.pid, os.WEXITED | os.WNOWAIT)
with open(f"/proc/{mosb.pid}/io") as io:
    print(next(line for line in io if line.startswith("rchar:")).split()[1])
sys.exit(mosb.wait())
END
}

test_case "a start does not read the layer to compute its digest again" start_reads
start_reads() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    local size read command
    size=$(stat -c %s "$(layer_blob "$fixtures/layout" shell)")
    ((size > 4 * 1024 * 1024)) || fail "a layer of $size bytes shows nothing"
    # a pull does, so this way of counting sees it
    read=$(bytes_read apply m.yaml)
    ((read > size)) || fail "a pull reads $read of $size bytes"
    for command in start restart; do
        [[ $command == restart ]] || works mosb stop one
        read=$(bytes_read "$command" one)
        runs one
        ((read < size / 4)) || fail "mosb $command reads $read bytes, and the layer has $size"
    done
}

test_case "digest and size of a target must match the image" pinned
pinned() {
    local digest size
    digest=$(image_digest "$fixtures/layout" shell)
    size=$(stat -c %s "$(image_manifest "$fixtures/layout" shell)")
    manifest_v2 m.yaml < <(service one "oci:$fixtures/layout:shell" "digest: $digest" "size: $size")
    works mosb apply m.yaml
    manifest_v2 m.yaml < <(service one "oci:$fixtures/layout:shell" "size: $((size + 1))")
    refused 11 content 'size|bytes' mosb apply m.yaml
    manifest_v2 m.yaml < <(service one "oci:$fixtures/layout:shell" \
        "digest: $(image_digest "$fixtures/layout" web)")
    refused 11 content 'is sha256:.*, not sha256:' mosb apply m.yaml
}

test_case "apply without an argument that exists is refused with the name" no_file
no_file() {
    run mosb apply "$work/nothing.yaml"
    [[ $status == 3 || $status == 14 ]] || fail "status $status: $err"
    contains "$err" 'nothing.yaml'
}

run_cases "$@"
