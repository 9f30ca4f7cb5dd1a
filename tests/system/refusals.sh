#!/usr/bin/env bash
# What signature, policy and manifest rules refuse: exit code, message, nothing left behind.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

apply_image() { manifest_v2 m.yaml < <(service one "$@"); }

# nothing_came: no mount, no service, no layer in the store.
nothing_came() {
    equal "$(grep -c "$root" /proc/self/mountinfo || true)" 0 "mounts"
    works mosb ps -o json
    equal "$(json length)" 0
}

test_case "an unsigned image is refused" unsigned
unsigned() {
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sh
    apply_image "oci:$work/l:x"
    refused 12 signature 'no signature|not signed|unsigned' mosb apply m.yaml
    nothing_came
    refused 12 signature '.' mosb verify oci:l:x
    refused 12 signature '.' mosb mount oci:l:x "$work/m"
    run mosb verify oci:l:x -o json
    equal "$status" 12
}

test_case "an unsigned image runs only with the flag that says so, and ps says it" insecure
insecure() {
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sleep --cmd 1000
    apply_image "oci:$work/l:x"
    works mosb apply m.yaml --insecure-skip-signature
    works mosb ps -o json
    equal "$(json '.[0].signature.outcome')" skipped
}

test_case "an image signed by another authority is refused" another_ca
another_ca() {
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sh
    sign_image oci:l:x "$fixtures" other
    apply_image "oci:$work/l:x"
    refused 12 signature 'trust' mosb apply m.yaml
    nothing_came
}

test_case "another image's signature is refused" another_image
another_image() {
    copy_layout l
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sh --label a=b
    # web's signature, made to point at x: the envelope inside still says web
    python3 - "$(image_digest l web)" "$(image_digest l x)" <<'END'
import hashlib, json, os, sys
web, x = sys.argv[1:3]
blob = lambda digest: os.path.join("l", "blobs", *digest.split(":"))
index = json.load(open("l/index.json"))
target = {k: v for k, v in next(m for m in index["manifests"] if m["digest"] == x).items()
          if k in ("mediaType", "digest", "size")}
for entry in list(index["manifests"]):
    manifest = json.load(open(blob(entry["digest"])))
    if manifest.get("subject", {}).get("digest") == web:
        manifest["subject"] = target
        data = json.dumps(manifest).encode()
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        open(blob(digest), "wb").write(data)
        index["manifests"].append({**entry, "digest": digest, "size": len(data)})
json.dump(index, open("l/index.json", "w"))
END
    apply_image "oci:$work/l:x"
    refused 12 signature '.' mosb apply m.yaml
    nothing_came
}

test_case "a signature with one changed byte is refused" broken_signature
broken_signature() {
    copy_layout l
    local envelope
    envelope=$(envelope_of l web)
    flip "$envelope" $(($(stat -c %s "$envelope") - 20))
    apply_image "oci:$work/l:web"
    run mosb apply m.yaml
    [[ $status == 11 || $status == 12 ]] || fail "status $status: $err"
    nothing_came
}

# policy_for SCOPE: a notation configuration whose only statement is for that scope.
policy_for() {
    cp -r "$fixtures/keys/notation" policy
    local file
    file=$(find policy -name 'trustpolicy*.json')
    jq --arg s "$1" '.trustPolicies = [.trustPolicies[0] | .registryScopes = [$s]]' "$file" >new.json
    cp new.json "$file"
    notation_config=$work/policy
}

test_case "an image without an applicable policy statement is refused" no_policy
no_policy() {
    policy_for registry.example/other
    configure
    apply_image "oci:$fixtures/layout:web"
    refused 13 policy 'local/mosb' mosb apply m.yaml
    nothing_came
}

test_case "a missing policy is refused, not taken for permission" missing_policy
missing_policy() {
    mkdir empty
    notation_config=$work/empty
    configure
    apply_image "oci:$fixtures/layout:web"
    refused 13 policy 'trust policy|trustpolicy' mosb apply m.yaml
    nothing_came
}

test_case "accepted under one scope is not accepted under another" scopes
scopes() {
    policy_for local/a
    configure "  local_scope: local/a"
    apply_image "oci:$fixtures/layout:web" 'service_type: fs-only'
    works mosb apply m.yaml
    local digest
    digest=$(image_digest "$fixtures/layout" web)
    works mosb verify "$digest"
    refused 13 policy 'local/b' mosb verify "$digest" --scope local/b
    refused 13 policy 'local/b' mosb mount "$digest" "$work/m" --scope local/b
    works mosb down
    configure "  local_scope: local/b"
    refused 13 policy 'local/b' mosb apply m.yaml
}

test_case "an unknown manifest field is refused with line, column and the nearest name" unknown_field
unknown_field() {
    apply_image "oci:$fixtures/layout:web" 'netwrok: {type: none}'
    refused 14 manifest "netwrok" mosb apply m.yaml
    contains "$err" '8:5|line 8, column 5'
    contains "$err" "network"
    run mosb check m.yaml
    equal "$status" 14
    contains "$out$err" "netwrok"
}

test_case "check names every problem of a manifest at once" every_problem
every_problem() {
    cat >m.yaml <<'END'
version: 2
product: test
update_type: sometimes
targets:
  - service_name: One
    source: oci:x:y
    version: "1"
  - service_name: two
    sauce: oci:x:y
    version: "1"
END
    run mosb check m.yaml
    equal "$status" 14
    contains "$out$err" 'update_type'
    contains "$out$err" 'service_name'
    contains "$out$err" 'sauce'
    lacks "$out$err" 'exception'
}

test_case "newlines in names, labels, host names and destinations are refused" newlines
newlines() {
    local image="oci:$fixtures/layout:shell"
    printf 'version: 2\nproduct: t\nupdate_type: complete\ntargets:\n  - %s\n    source: %s\n    version: "1"\n' \
        'service_name: "one\nlxc.hook.pre-start = /bin/true"' "$image" >m.yaml
    refused 14 manifest 'service_name' mosb apply m.yaml
    apply_image "$image" 'hostname: "a\nlxc.cap.drop ="'
    refused 14 manifest 'hostname' mosb apply m.yaml
    {
        printf 'version: 2\nproduct: t\nupdate_type: complete\nstorage:\n  - label: "a\\nb"\n    persistent: true\ntargets:\n'
        service one "$image"
    } >m.yaml
    refused 14 manifest 'label' mosb apply m.yaml
    {
        printf 'version: 2\nproduct: t\nupdate_type: complete\nstorage:\n  - label: data\n    persistent: true\n    nsgroup: one\ntargets:\n'
        service one "$image" 'storage: [{dest: "/a\nb", label: data}]'
    } >m.yaml
    refused 14 manifest 'dest' mosb apply m.yaml
    nothing_came
}

test_case "a NUL in a manifest is refused" nul
nul() {
    apply_image "oci:$fixtures/layout:shell" 'environment: {A: "x\0y"}'
    run mosb apply m.yaml
    [[ $status == 14 || $status == 11 ]] || fail "status $status: $err"
    printf 'version: 2\0\n' >m.yaml
    refused 14 manifest '.' mosb apply m.yaml
}

test_case "YAML that hides things is refused: anchors, tags, duplicate keys, two documents" yaml_tricks
yaml_tricks() {
    local text
    for text in 'version: 2\nversion: 1\n' 'version: &a 2\n' 'version: !!int 2\n' \
        'version: 2\n---\nversion: 2\n' '<<: {}\nversion: 2\n' 'version: 02\n' '\x01\n' '[]\n' ''; do
        # shellcheck disable=SC2059 # the escapes are the test
        printf "$text" >m.yaml
        refused 14 manifest '.' mosb check m.yaml
    done
    head -c 2M /dev/zero | tr '\0' ' ' >m.yaml
    refused 14 manifest '.' mosb check m.yaml
}

test_case "host uids need the machine's permission, and never with network host" host_uids
host_uids() {
    apply_image "oci:$fixtures/layout:shell" 'nsgroup: none'
    refused 13 policy 'nsgroup|host' mosb apply m.yaml
    contains "$err" '^hint: '
    apply_image "oci:$fixtures/layout:shell" 'nsgroup: none' 'network: {type: host}'
    configure 'policy:' '  allow_host_ids: true'
    run mosb apply m.yaml
    [[ $status == 13 || $status == 14 ]] || fail "status $status: $err"
    nothing_came
}

test_case "a reference without a registry host is refused with the full name" short_name
short_name() {
    refused 2 usage 'busybox' mosb verify busybox
    contains "$err" '^hint: .*docker'
}

test_case "an image that is not there is not found" not_there
not_there() {
    refused 3 not-found 'nothing' mosb verify "oci:$fixtures/layout:nothing"
    apply_image "oci:$fixtures/layout:nothing"
    refused 3 not-found 'nothing' mosb apply m.yaml
    refused 3 not-found 'no/such' mosb verify "oci:/no/such:x"
}

test_case "a damaged state on disk is refused as such" damaged_state
damaged_state() {
    apply_image "oci:$fixtures/layout:shell"
    works mosb apply m.yaml
    works mosb down
    works mosb apply m.yaml
    works mosb stop one
    cp -a "$root/var/lib/mosb/state" kept
    local file
    file=$(find "$root/var/lib/mosb/state" -maxdepth 1 -type f -name '*applied*' | head -n 1)
    [[ -n $file ]] || fail "no applied state among: $(ls "$root/var/lib/mosb/state")"
    flip "$file" 100
    refused 21 state '.' mosb ps
    rm -rf "$root/var/lib/mosb/state"
    mv kept "$root/var/lib/mosb/state"
    works mosb ps
}

run_cases "$@"
