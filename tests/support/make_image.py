#!/usr/bin/env python3
"""Writes an image into an OCI layout from its parts, sound or not: what `mosb image build` would
refuse to make is exactly what the refusal tests need.

    make_image.py LAYOUT TAG < SPEC      prints the digest of the manifest

SPEC is JSON:
  layers      list of {"file": PATH, "root_hash": HEX or absent, "media_type": …, "annotations":
              {…}, "digest": …, "size": …}; what is given wins over what is computed
  config      the object under "config" of the image configuration
  platform    {"architecture": …, "os": …} of the image configuration; default: this host's
  manifest    members that replace or add to those of the manifest
"""
import hashlib
import json
import os
import platform
import shutil
import sys

ROOT_HASH = "io.stackeroci.stacker.atomfs_verity_root_hash"
SQUASHFS = "application/vnd.stacker.image.layer.squashfs+zstd+verity"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def blob_path(layout, digest):
    return os.path.join(layout, "blobs", *digest.split(":"))


def put_bytes(layout, media_type, data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    with open(blob_path(layout, digest), "wb") as out:
        out.write(data)
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def put_file(layout, media_type, path):
    hasher = hashlib.sha256()
    with open(path, "rb") as source:
        while chunk := source.read(1 << 20):
            hasher.update(chunk)
    digest = "sha256:" + hasher.hexdigest()
    shutil.copyfile(path, blob_path(layout, digest))
    return {"mediaType": media_type, "digest": digest, "size": os.path.getsize(path)}


def put_layer(layout, layer):
    descriptor = put_file(layout, layer.get("media_type", SQUASHFS), layer["file"])
    annotations = dict(layer.get("annotations", {}))
    if "root_hash" in layer:
        annotations[ROOT_HASH] = layer["root_hash"]
    if annotations:
        descriptor["annotations"] = annotations
    for key in ("digest", "size"):
        if key in layer:
            descriptor[key] = layer[key]
    return descriptor


def main():
    layout, tag = sys.argv[1:3]
    spec = json.load(sys.stdin)
    os.makedirs(os.path.join(layout, "blobs", "sha256"), exist_ok=True)
    with open(os.path.join(layout, "oci-layout"), "w", encoding="utf-8") as out:
        json.dump({"imageLayoutVersion": "1.0.0"}, out)

    layers = [put_layer(layout, layer) for layer in spec.get("layers", [])]
    config = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": spec.get("config", {}),
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
    }
    config.update(spec.get("platform", {}))
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": put_bytes(
            layout,
            "application/vnd.oci.image.config.v1+json",
            json.dumps(config).encode("utf-8"),
        ),
        "layers": layers,
    }
    manifest.update(spec.get("manifest", {}))
    descriptor = put_bytes(layout, manifest["mediaType"], json.dumps(manifest).encode("utf-8"))

    index_path = os.path.join(layout, "index.json")
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [],
    }
    if os.path.exists(index_path):
        with open(index_path, encoding="utf-8") as source:
            index = json.load(source)
    name = "org.opencontainers.image.ref.name"
    index["manifests"] = [
        entry
        for entry in index["manifests"]
        if entry.get("annotations", {}).get(name) != tag
    ]
    index["manifests"].append({**descriptor, "annotations": {name: tag}})
    with open(index_path, "w", encoding="utf-8") as out:
        json.dump(index, out)
    print(descriptor["digest"])


main()
