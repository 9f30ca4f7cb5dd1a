# shellcheck shell=bash
# Registries for the themes that pull from one: Debian's docker-registry, and one with faults before
# it. Source it after fixtures.sh.
# shellcheck disable=SC2034,SC2154 # what the themes use, and what assert.sh and fixtures.sh set

notation_bin=${MOSB_NOTATION:-$("$support/fetch_notation.sh" 2>/dev/null)}

# start_registry [LINE…]: a registry on a free port in $registry; further configuration lines go
# under `http:`. It ends with the case.
registry_pid=
trap '[[ -z $registry_pid ]] || kill "$registry_pid" 2>/dev/null || true' EXIT
# shellcheck disable=SC2120 # themes pass lines
start_registry() {
    local port
    port=$(free_port)
    registry=127.0.0.1:$port
    {
        printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\n' \
            "$work/registry"
        printf 'http:\n  addr: %s\n' "$registry"
        ((!$#)) || printf '  %s\n' "$@"
    } >registry.yml
    docker-registry serve registry.yml >registry.log 2>&1 &
    registry_pid=$!
    eventually 10 bash -c "echo >/dev/tcp/127.0.0.1/$port"
}

insecure() { configure 'registries:' "  - host: $registry" '    insecure: true'; }

# push TAG: the fixture's image and its signature, with tools that are not mosb.
push() {
    skopeo copy -q --dest-tls-verify=false "oci:$fixtures/layout:$1" "docker://$registry/test/$1:v1"
    oras_sign "$registry/test/$1"
}
oras_sign() {
    mkdir -p home
    cp -r "$fixtures/keys/notation" home/
    jq -n --arg k "$fixtures/keys/signing.key" --arg c "$fixtures/keys/signing-chain.pem" \
        '{default: "k", keys: [{name: "k", keyPath: $k, certPath: $c}]}' \
        >home/notation/signingkeys.json
    XDG_CONFIG_HOME=$work/home "$notation_bin/notation" sign --insecure-registry "$1:v1" \
        >notation.log 2>&1 || fail "notation: $(cat notation.log)"
}

# start_registry_with_password: it has test/shell:v1, for `user` with the password `secret`.
start_registry_with_password() {
    python3 -W ignore - >htpasswd <<'END'
import crypt
print("user:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2**4)))
END
    # the registry's htpasswd knows bcrypt only, in its 2a or 2y spelling
    sed -i 's/\$2b\$/$2y$/' htpasswd
    start_registry
    kill "$registry_pid"
    wait "$registry_pid" || true
    printf 'auth: {htpasswd: {realm: test, path: %s}}\n' "$work/htpasswd" >>registry.yml
    docker-registry serve registry.yml >registry.log 2>&1 &
    registry_pid=$!
    eventually 10 bash -c "echo >/dev/tcp/127.0.0.1/${registry#*:}"
    skopeo copy -q --dest-tls-verify=false --dest-creds user:secret \
        "oci:$fixtures/layout:shell" "docker://$registry/test/shell:v1"
}

# start_faults: a registry on a free port in $faulty that answers by the rules in faults.json, and
# else as the one in $registry. What came in is in faults.log.
start_faults() {
    rm -f faults.end faults.port faults.log
    mkfifo faults.end
    python3 "$support/registry_with_faults.py" --script faults.json --log faults.log \
        --behind "$registry" <faults.end >faults.port &
    faulty_pid=$!
    # it ends with this shell
    exec 9>faults.end
    eventually 10 test -s faults.port
    faulty=127.0.0.1:$(cat faults.port)
}
