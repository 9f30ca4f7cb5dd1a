#!/usr/bin/env python3
"""Puts a certificate into the firmware's `db`, in a file of OVMF's variables that has none yet.

    uefi_variables.py EMPTY_VARIABLES CERTIFICATE_DER OUT

Linux takes what `db` has into its keyring of the platform's keys, whether Secure Boot is on or not.
Spec: UEFI 2.10, 8.2 and 32.4.1; edk2's MdeModulePkg/Include/Guid/VariableFormat.h.
"""
import struct
import sys
import uuid

IMAGE_SECURITY = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
OWNER = uuid.UUID("6d6f7362-0000-4000-8000-000000000000")
AUTHENTICATED_STORE = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792")
# Non-volatile, seen by boot services and at run time, changed by time-based authentication only.
ATTRIBUTES = 0x1 | 0x2 | 0x4 | 0x20
ADDED = 0x3F
VOLUME_HEADER_LENGTH_AT = 48
STORE_HEADER = 28


def main(empty, certificate, out):
    with open(empty, "rb") as file:
        image = bytearray(file.read())
    with open(certificate, "rb") as file:
        der = file.read()
    store = struct.unpack_from("<H", image, VOLUME_HEADER_LENGTH_AT)[0]
    if bytes(image[store:store + 16]) != AUTHENTICATED_STORE.bytes_le:
        sys.exit(f"{empty}: no store of authenticated variables")
    end = store + struct.unpack_from("<I", image, store + 16)[0]
    signature = OWNER.bytes_le + der
    data = X509.bytes_le + struct.pack("<III", 28 + len(signature), 0, len(signature)) + signature
    name = "db\0".encode("utf-16-le")
    time = struct.pack("<HBBBBBBIhBB", 2026, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    variable = struct.pack("<HBBIQ", 0x55AA, ADDED, 0, ATTRIBUTES, 0) + time
    variable += struct.pack("<III", 0, len(name), len(data)) + IMAGE_SECURITY.bytes_le + name + data
    at = store + STORE_HEADER
    if any(byte != 0xFF for byte in image[at:at + len(variable)]) or at + len(variable) > end:
        sys.exit(f"{empty}: has variables already, or no room")
    image[at:at + len(variable)] = variable
    with open(out, "wb") as file:
        file.write(image)


if __name__ == "__main__":
    main(*sys.argv[1:])
