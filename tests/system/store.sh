#!/usr/bin/env bash
# The store of images: who needs what, what goes, and what becomes of damage.
# real: registry kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"
source "${0%/*}/../support/registries.sh"
# shellcheck disable=SC2034 # read by judge
case_deadline=300

store() { echo "$root/var/lib/mosb/store"; }
blobs() { ls "$(store)/blobs/sha256"; }
marks() { ls "$root/var/lib/mosb/state/suspects" 2>/dev/null || true; }
digests_are_right() {
    (cd "$(store)/blobs/sha256" && equal "$(sha256sum -- * | awk '$1 != $2')" "" "damaged blobs")
}
ref_of() { echo "oci:$fixtures/layout:$1"; }
pinned_by() {
    mosb image ls -o json | jq -r --arg r "$(ref_of "$1")" \
        '.[] | select(.ref == $r) | .pinned_by | join(" ")'
}
# pulled TAG…: images in the store that nothing uses.
pulled() {
    local tag
    for tag in "$@"; do
        works mosb mount "$(ref_of "$tag")" "$work/pulled"
        works mosb umount "$work/pulled"
    done
}
shell_runs() {
    manifest_v2 m.yaml < <(service one "$(ref_of shell)")
    works mosb apply m.yaml
    runs one
}
# own_image: one whose layer no other image has, in layout l.
own_image() {
    [[ -d $work/l ]] || {
        works mosb image build --rootfs "$fixtures/rootfs/www" -t oci:l:own --entrypoint /bin/sh
        sign_image oci:l:own
    }
    own=oci:$work/l:own own_layer=$(layer_blob "$work/l" own "$(store)")
}
own_pulled() {
    own_image
    works mosb mount "$own" "$work/pulled"
    works mosb umount "$work/pulled"
}
# without_record REF: as a kill of rm leaves it.
without_record() {
    jq --arg r "$1" '.manifests |= map(select(.annotations["io.mosb.store.reference"] != $r))' \
        "$(store)/index.json" >index && cp index "$(store)/index.json"
}
# image_size TAG: what its manifest adds up to.
image_size() {
    local manifest
    manifest=$(image_manifest "$fixtures/layout" "$1")
    jq --argjson own "$(stat -c %s "$manifest")" '$own + .config.size + ([.layers[].size] | add)' \
        "$manifest"
}

test_case "image ls shows what an image takes and who uses it" lists
lists() {
    works mosb image ls -o json
    equal "$(json length)" 0
    shell_runs
    works mosb mount "$(ref_of web)" "$work/m"
    works mosb image ls -o json
    equal "$(json '[.[].size] | join(" ")')" "$(image_size shell) $(image_size web)"
    equal "$(pinned_by shell)" "service one"
    equal "$(pinned_by web)" "mount $work/m"
    works mosb stop one
    equal "$(pinned_by shell)" "service one" "stopped"
    works mosb umount "$work/m"
    equal "$(pinned_by web)" ""
    works mosb image ls
    contains "$out" 'SIZE .*PINNED BY'
    contains "$out" " $(image_size shell) +service one"
    works mosb down
    equal "$(pinned_by shell)" ""
}

test_case "image rm removes a record and what only it needed, and refuses what is used" removes
removes() {
    shell_runs
    pulled web
    refused 20 busy 'used by service one' mosb image rm "$(ref_of shell)"
    contains "$err" '^hint: .*mosb down'
    works mosb mount "$(ref_of web)" "$work/m"
    refused 20 busy "used by mount $work/m" mosb image rm "$(ref_of web)"
    contains "$err" "^hint: .*mosb umount $work/m"
    works mosb umount "$work/m"
    refused 3 not-found 'oci:/no/such:x' mosb image rm oci:/no/such:x
    contains "$err" '^hint: .*image ls'
    local before after
    before=$(cat "$(store)"/blobs/sha256/* | wc -c)
    works mosb image rm "$(ref_of web)" -o json
    after=$(cat "$(store)"/blobs/sha256/* | wc -c)
    equal "$(json .bytes)" $((before - after)) "bytes that became free"
    equal "$(json '.removed | map(.size) | add')" "$(json .bytes)"
    equal "$(json .kept)" "$(blobs | wc -l)"
    works mosb image ls -o json
    equal "$(json '[.[].ref] | join(" ")')" "$(ref_of shell)"
    works mosb restart one
    works mosb image gc -o json
    equal "$(json .bytes)" 0 "what was left for gc"
    works mosb down
    works mosb image rm "$(image_digest "$fixtures/layout" shell)"
    equal "$(blobs)" ""
    pulled shell
    digests_are_right
}

test_case "image rm wants a scope where an image was accepted under several" scopes
scopes() {
    pulled shell
    local digest
    digest=$(image_digest "$fixtures/layout" shell)
    works mosb mount "$(ref_of shell)" "$work/pulled" --scope local/other \
        --insecure-skip-signature
    works mosb umount "$work/pulled"
    refused 2 usage "'local/mosb', 'local/other'" mosb image rm "$digest"
    contains "$err" '^hint: .*--scope'
    refused 3 not-found 'local/third' mosb image rm "$digest" --scope local/third
    works mosb image rm "$digest" --scope local/other -o json
    equal "$(json .bytes)" 0 "the other record needs all of it"
    works mosb image rm "$digest"
    equal "$(blobs)" ""
}

test_case "image gc removes what nothing needs, and --dry-run only says so" collects
collects() {
    shell_runs
    own_pulled
    local before garbage
    before=$(blobs)
    garbage=$(printf 'nobody needs this' | sha256sum | cut -d' ' -f1)
    printf 'nobody needs this' >"$(store)/blobs/sha256/$garbage"
    head -c 1000 /dev/zero >"$(store)/tmp/.mosb-tmp-left"
    head -c 1000 /dev/zero >"$(store)/index.json.tmp-0123456789abcdef"
    works mosb image gc --dry-run -o json
    equal "$(json '.removed | map(.digest) | join(" ")')" "sha256:$garbage"
    equal "$(json .bytes)" 17
    [[ -f $(store)/blobs/sha256/$garbage ]] || fail "--dry-run removed it"
    works mosb image gc -o json
    equal "$(json .bytes)" 17
    equal "$(json .kept)" "$(wc -l <<<"$before")"
    equal "$(blobs)" "$before"
    equal "$(find "$(store)" -name '*tmp-*')" ""
    works mosb image gc
    contains "$out" '^0 blobs'
    without_record "$own"
    works mosb image gc -o json
    [[ ! -e $own_layer ]] || fail "a layer that nothing needs is still there"
    [[ -e $(stored_layer shell) ]] || fail "the layer of shell is gone"
    equal "$(jq '.manifests | length' "$(store)/index.json")" 2 "a record and its signature"
    works mosb restart one
    digests_are_right
}

test_case "image gc leaves what is not mosb's, with a warning" foreign
foreign() {
    pulled shell
    local link
    link=$(printf link | sha256sum | cut -d' ' -f1)
    mkdir "$(store)/blobs/sha512"
    echo mine >"$(store)/blobs/sha256/notes.txt"
    echo mine >"$work/target"
    ln -s "$work/target" "$(store)/blobs/sha256/$link"
    # an image that another tool put there
    skopeo copy -q "$(ref_of web)" "oci:$(store):mine"
    local before
    before=$(blobs)
    works mosb image gc
    equal "$(blobs)" "$before"
    contains "$err" 'sha512'
    contains "$err" 'notes.txt'
    contains "$err" "$link"
    equal "$(cat "$work/target")" mine
    skopeo inspect --raw "oci:$(store):mine" >/dev/null
}

test_case "a mount keeps its layers while its image is called otherwise" renamed
renamed() {
    copy_layout l
    works mosb mount "oci:$work/l:shell" "$work/m"
    works mosb image build --rootfs "$fixtures/rootfs/www" -t oci:l:shell --entrypoint /bin/sh
    sign_image oci:l:shell
    works mosb mount "oci:$work/l:shell" "$work/n"
    works mosb umount "$work/n"
    works mosb image gc
    works cat "$work/m/www/index.html"
    [[ -e $(stored_layer shell) ]] || fail "a mounted layer was removed"
    works mosb umount "$work/m"
    works mosb image gc
    [[ ! -e $(stored_layer shell) ]] || fail "a layer that nothing needs was left"
}

test_case "a service keeps its image when its reference comes to mean another one" moved_tag
moved_tag() {
    copy_layout l
    manifest_v2 m.yaml < <(service one "oci:$work/l:shell")
    works mosb apply m.yaml
    works mosb image build --rootfs "$fixtures/rootfs/www" -t oci:l:shell --entrypoint /no/such
    sign_image oci:l:shell
    # the new one does not start: the old one is put back
    refused 16 runtime '.' mosb apply m.yaml
    lacks "$err" 'could not be put back'
    runs one
    works mosb stop one
    works mosb image gc
    works mosb start one
    works mosb exec one -- cat /www/index.html
}

# start_registry: one in $registry with the image shell, signed; it ends with the case.
start_registry() {
    registry=127.0.0.1:$(free_port)
    printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "%s"}\n' \
        "$work/registry" "$registry" >registry.yml
    docker-registry serve registry.yml >registry.log 2>&1 &
    registry_pid=$!
    eventually 10 bash -c "echo >/dev/tcp/127.0.0.1/${registry#*:}"
    configure 'registries:' "  - host: $registry" '    insecure: true'
    skopeo copy -q --dest-tls-verify=false "$(ref_of shell)" "docker://$registry/test/shell:v1"
    "$MOSB_BIN/mosb" sign "docker://$registry/test/shell:v1" --insecure-registry \
        --key "$fixtures/keys/signing.key" --cert "$fixtures/keys/signing-chain.pem"
}

test_case "while a pull runs gc and rm are refused, and the pull ends well" during_pull
during_pull() {
    pulled web
    mkfifo hold
    # whoever writes into the store holds this lock together with others
    flock -s "$(store)/.mosb-users" cat hold &
    local holder=$!
    exec 8>hold
    eventually 5 bash -c "! flock -xn '$(store)/.mosb-users' true"
    refused 20 busy 'a pull .* is running' mosb image gc
    refused 20 busy 'a pull .* is running' mosb image rm "$(ref_of web)"
    exec 8>&-
    wait "$holder"
    works mosb image gc
    # and with real ones, at any moment
    start_registry
    manifest_v2 m.yaml < <(service one "docker://$registry/test/shell:v1")
    local i pid
    for i in 1 2 3 4 5; do
        works mosb down
        run mosb image rm "docker://$registry/test/shell:v1"
        "$MOSB_BIN/mosb" --root "$root" apply m.yaml >/dev/null 2>apply.err </dev/null &
        pid=$!
        while kill -0 "$pid" 2>/dev/null; do
            run mosb image gc
            [[ $status == 0 || $status == 20 ]] || fail "gc ended with $status: $err"
        done
        wait "$pid" || grep -q '^mosb: busy' apply.err || fail "apply: $(cat apply.err)"
        works mosb apply m.yaml
        runs one
        digests_are_right
    done
}

changing=rename,unlink,unlinkat,write,fsync,ftruncate
# killed_everywhere ARGUMENTS: mosb killed at each of its changing calls in turn; `again` after each.
killed_everywhere() {
    local again=$1 n call
    shift
    "$again" 0
    strace -f -o calls -e trace="$changing" "$MOSB_BIN/mosb" --root "$root" "$@" >/dev/null 2>&1 ||
        true
    for call in ${changing//,/ }; do
        for n in $(seq "$(grep -c " $call(" calls || true)"); do
            "$again" "$call:$n"
            strace -o /dev/null -e trace="$call" -e inject="$call:signal=SIGKILL:when=$n" \
                "$MOSB_BIN/mosb" --root "$root" "$@" >/dev/null 2>&1 </dev/null || true
            sound "$call:$n"
        done
    done
}
# sound POINT: what is recorded is whole, what is not is garbage.
sound() {
    works mosb image ls -o json
    works mosb image gc
    digests_are_right
    equal "$(find "$(store)" -name '*tmp-*')" "" "killed at $1"
    works mosb restart one
    if mosb image ls -o json | grep -qF "$own"; then
        works mosb image verify "$(image_digest "$work/l" own)"
    else
        [[ ! -e $own_layer ]] || fail "killed at $1: gc left a layer"
    fi
}

test_case "image rm killed at any step leaves a whole image or garbage for gc" rm_killed
rm_killed() {
    shell_runs
    own_image
    killed_everywhere own_pulled image rm "$own"
}

test_case "image gc killed at any step leaves at most garbage for the next" gc_killed
gc_killed() {
    shell_runs
    own_image
    killed_everywhere prepare_gc image gc
}
prepare_gc() {
    own_pulled
    without_record "$own"
}

test_case "image scrub finds damage, names who uses it, and lets apply fetch it again" scrubs
scrubs() {
    shell_runs
    pulled web
    works mosb image scrub -o json
    equal "$(json .checked)" "$(blobs | wc -l)"
    equal "$(json .bytes)" "$(cat "$(store)"/blobs/sha256/* | wc -c)"
    equal "$(json '.damaged | length')" 0
    local web shell
    web=$(stored_layer web) shell=$(stored_layer shell)
    # both images have one layer
    equal "$web" "$shell"
    flip "$shell" 2000000
    run mosb image scrub -o json
    equal "$status" 11
    equal "$(json '.damaged[0].digest')" "sha256:$(basename "$shell")"
    equal "$(json '.damaged[0].path')" "$shell"
    equal "$(json '.damaged[0].removed')" false "of a layer that is mounted"
    equal "$(json '.damaged[0].used_by | join(",")')" \
        "image $(ref_of shell),service one,image $(ref_of web)"
    equal "$(marks)" "$(basename "$shell")"
    works mosb exec one -- cat /www/index.html
    refused 15 verity 'damaged before' mosb restart one
    contains "$err" '^hint: '
    runs one
    works mosb apply m.yaml
    runs one
    digests_are_right
    equal "$(marks)" ""
    # nothing mounted: out of the way
    works mosb stop one
    truncate -s 4096 "$shell"
    refused 11 content '1 are damaged' mosb image scrub
    contains "$out" "removed.*used by image $(ref_of shell), service one"
    [[ ! -e $shell ]] || fail "a damaged layer was left"
    refused 11 content "layer sha256:$(basename "$shell") is not in the store" mosb start one
    works mosb apply m.yaml
    runs one
    works mosb image scrub
    contains "$out" 'all good'
}

test_case "a mount fetches a layer anew that was found damaged" mount_fetches
mount_fetches() {
    shell_runs
    local shell
    shell=$(stored_layer shell)
    flip "$shell" 2000000
    refused 11 content '1 are damaged' mosb image scrub
    equal "$(marks)" "$(basename "$shell")"
    # the store has nothing else to give
    refused 15 verity 'damaged before' mosb mount \
        "sha256:$(basename "$(image_manifest "$fixtures/layout" shell)")" "$work/m"
    contains "$err" '^hint: '
    works mosb mount "$(ref_of shell)" "$work/m"
    digests_are_right
    equal "$(marks)" ""
    works mosb umount "$work/m"
    works mosb restart one
    works mosb exec one -- sh -c 'cat $(find /bin -type f) >/dev/null'
}

# damaged TAG WAY: one of the ways to damage what a stopped service needs.
damage() {
    local layer manifest config
    layer=$(stored_layer shell)
    manifest=$(store)/blobs/sha256/$(basename "$(image_manifest "$fixtures/layout" shell)")
    config=$(store)/blobs/$(jq -r '.config.digest | sub(":"; "/")' \
        "$(image_manifest "$fixtures/layout" shell)")
    case $1 in
        'layer gone') rm "$layer" ;;
        'layer cut') truncate -s -4096 "$layer" ;;
        'layer empty') : >"$layer" ;;
        'layer a symlink') mv "$layer" "$work/elsewhere" && ln -s "$work/elsewhere" "$layer" ;;
        'layer changed and marked')
            flip "$layer" 2000000
            mkdir -p "$root/var/lib/mosb/state/suspects"
            echo x >"$root/var/lib/mosb/state/suspects/$(basename "$layer")"
            ;;
        'manifest changed') flip "$manifest" 20 ;;
        'manifest empty') : >"$manifest" ;;
        'manifest gone') rm "$manifest" ;;
        'config changed') flip "$config" 20 ;;
        'config gone') rm "$config" ;;
        'signatures gone')
            rm "$(store)/blobs/sha256/$(basename "$(envelope_of "$fixtures/layout" shell)")"
            ;;
    esac
}
ways=('layer gone' 'layer cut' 'layer empty' 'layer a symlink' 'layer changed and marked'
    'manifest changed' 'manifest empty' 'manifest gone' 'config changed' 'config gone'
    'signatures gone')
# named_at_start WAY: start says what is wrong with which blob; nothing starts.
named_at_start() {
    run mosb start one
    case $1 in
        'layer changed and marked') equal "$status" 15 "$1: $err" ;;
        *) equal "$status" 11 "$1: $err" ;;
    esac
    [[ $err =~ sha256[:/]?[0-9a-f]{8} || $1 == signatures* ]] || fail "$1: no blob is named: $err"
    contains "$err" '^hint: '
    equal "$(state one)" stopped "$1"
}

test_case "damage in the store is named at a start and fetched again by apply, from a layout" mended
mended() {
    local way
    shell_runs
    for way in "${ways[@]}"; do
        works mosb stop one
        damage "$way"
        named_at_start "$way"
        works mosb apply m.yaml
        runs one || fail "$way: the service does not run"
        digests_are_right
        equal "$(marks)" "" "$way"
    done
}

test_case "damage in the store is fetched again from a registry, and without it named" registry
registry() {
    start_registry
    manifest_v2 m.yaml < <(service one "docker://$registry/test/shell:v1")
    works mosb apply m.yaml
    local way
    for way in 'layer gone' 'layer changed and marked' 'manifest changed'; do
        works mosb stop one
        damage "$way"
        works mosb apply m.yaml
        runs one || fail "$way: the service does not run"
    done
    works mosb stop one
    damage 'layer changed and marked'
    kill "$registry_pid"
    wait "$registry_pid" || true
    refused 10 network "$registry" mosb apply m.yaml
    refused 15 verity "$(basename "$(stored_layer shell)")" mosb start one
    [[ -e $(stored_layer shell) ]] || fail "what may be of use was thrown away"
}

test_case "a layer that went bad while it runs is fetched again by apply, and the service is well" bad_while_running
bad_while_running() {
    shell_runs
    local blob superblock
    blob=$(stored_layer shell)
    read -r superblock _ < <(verity_offsets "$blob")
    flip "$blob" $((superblock / 2))
    echo 3 >/proc/sys/vm/drop_caches
    run mosb exec one -- md5sum /data/big
    [[ $status != 0 ]] || fail "the corrupt file was read"
    eventually 10 state_is one degraded
    works mosb apply m.yaml
    eventually 10 state_is one ready
    works mosb exec one -- md5sum /data/big
    digests_are_right
}

test_case "of a damaged layer only the bad blocks are fetched, by ranges, and put right in place" mended_by_ranges
mended_by_ranges() {
    start_registry
    echo '[]' >faults.json
    start_faults
    configure 'registries:' "  - host: $faulty" '    insecure: true'
    manifest_v2 m.yaml < <(service one "docker://$faulty/test/shell:v1" "args: ['exec sleep 1000']")
    works mosb apply m.yaml
    local blob superblock inode
    blob=$(stored_layer shell)
    read -r superblock _ < <(verity_offsets "$blob")
    inode=$(stat -c %i "$blob")
    # two data blocks, and a leaf of the tree
    flip "$blob" $((superblock / 8192 * 4096))
    flip "$blob" $((superblock / 8192 * 4096 + 16384))
    flip "$blob" $(($(stat -c %s "$blob") - 4096 + 8))
    echo 3 >/proc/sys/vm/drop_caches
    run mosb exec one -- md5sum /data/big
    [[ $status != 0 ]] || fail "the corrupt file was read"
    eventually 10 state_is one degraded
    : >faults.log
    works mosb plan m.yaml
    contains "$out" 'the bad blocks of 1 layers'
    works mosb apply m.yaml
    contains "$err" "warning: layer sha256:$(basename "$blob") was damaged in the store: 3 blocks were put right, 12288 bytes"
    equal "$(blob_requests | jq -r '.headers.range' | sort | tr '\n' ' ')" "$(ranges "$blob")"
    equal "$(stat -c %i "$blob")" "$inode" "the blob is another file"
    digests_are_right
    runs one
    eventually 10 state_is one ready
    works mosb exec one -- md5sum /data/big
    equal "$(marks)" ""
}
# blob_requests: those for the layer of shell.
blob_requests() { jq -c --arg d "$(basename "$(stored_layer shell)")" 'select(.path | endswith($d))' faults.log; }
# ranges BLOB: of the blocks that the case above spoils.
ranges() {
    local superblock at
    read -r superblock _ < <(verity_offsets "$1")
    for at in $((superblock / 8192 * 4096)) $((superblock / 8192 * 4096 + 16384)) \
        $(($(stat -c %s "$1") - 4096)); do
        echo "bytes=$at-$((at + 4095))"
    done | sort | tr '\n' ' '
}

test_case "a damaged layer is fetched as a whole where there are no ranges, or wrong ones" mended_whole
mended_whole() {
    start_registry
    local blob superblock at range
    blob=$(layer_blob "$fixtures/layout" shell)
    read -r superblock _ < <(verity_offsets "$blob")
    at=$((superblock / 8192 * 4096)) range=bytes=$at-$((at + 4095))
    jq -n --arg r "$range" --arg answered "bytes $at-$((at + 4095))/$(stat -c %s "$blob")" \
        '[{status: 200, fill: 100}, {status: 416},
          {status: 206, headers: {"Content-Range": "bytes 0-4095/8192"}, fill: 4096},
          {status: 206, headers: {"Content-Range": $answered}, fill: 4096}] |
         map(. + {method: "GET", when: {range: $r}, times: 1})' >faults.json
    start_faults
    configure 'registries:' "  - host: $faulty" '    insecure: true'
    manifest_v2 m.yaml < <(service one "docker://$faulty/test/shell:v1" "args: ['exec sleep 1000']")
    works mosb apply m.yaml
    blob=$(stored_layer shell)
    local round
    for round in 1 2 3 4; do
        works mosb stop one
        flip "$blob" "$at"
        mkdir -p "$root/var/lib/mosb/state/suspects"
        touch "$root/var/lib/mosb/state/suspects/$(basename "$blob")"
        works mosb apply m.yaml
        lacks "$err" 'put right'
        equal "$(jq -r --arg r "$range" 'select(.headers.range == $r) | 1' faults.log | wc -l)" "$round"
        digests_are_right
        runs one
    done
    # the same, and now the ranges are right
    works mosb stop one
    flip "$blob" "$at"
    touch "$root/var/lib/mosb/state/suspects/$(basename "$blob")"
    works mosb mount "docker://$faulty/test/shell:v1" "$work/m"
    contains "$err" '1 blocks were put right, 4096 bytes'
    works mosb umount "$work/m"
    digests_are_right
}

test_case "a broken index.json is made anew by apply, start and mount, with what is applied" broken_index
broken_index() {
    local way
    manifest_v2 m.yaml < <(service one "$(ref_of shell)"; service two "$(ref_of web)" "args: ['-p', '127.0.0.1:1']")
    works mosb apply m.yaml
    for way in 'start one' 'apply m.yaml' 'apply --applied' "mount $(ref_of shell) $work/m"; do
        works mosb stop one
        case $way in
            start*) printf '{"schemaVersion":2,"manif' >"$(store)/index.json" ;;
            *m.yaml) rm "$(store)/index.json" ;;
            *) : >"$(store)/index.json" ;;
        esac
        refused 21 state 'index.json' mosb image ls
        contains "$err" '^hint: .*mosb apply'
        refused 21 state 'index.json' mosb image gc
        # shellcheck disable=SC2086 # words
        works mosb $way
        contains "$err" 'warning: .*index'
        works mosb start one
        works mosb restart two
        equal "$(mosb image ls -o json | jq -r '[.[].pinned_by[]] | unique | map(select(startswith("service"))) | join(",")')" \
            'service one,service two'
        works mosb image gc -o json
        equal "$(json .bytes)" 0 "$way"
    done
    works mosb umount "$work/m"
}

test_case "an image whose manifest is damaged holds up gc by its name, and can be removed" gc_damaged
gc_damaged() {
    pulled shell web
    damage 'manifest changed'
    local before
    before=$(blobs)
    refused 11 content "$(image_digest "$fixtures/layout" shell)" mosb image gc
    contains "$err" '^hint: .*image rm'
    equal "$(blobs)" "$before"
    works mosb image ls
    works mosb image rm "$(ref_of shell)"
    works mosb image gc
    works mosb image verify "$(image_digest "$fixtures/layout" web)"
}

run_cases "$@"
