#!/usr/bin/env python3
"""Writes a tar with exactly the entries that are asked for, sound or not.

    make_tar.py FILE < ENTRIES

ENTRIES is a list in JSON: {"path": …, "type": "file"|"dir"|"symlink"|"link"|"char"|"fifo", "mode": 0o644,
"uid": 0, "gid": 0, "data": "", "to": TARGET, "major": 0, "minor": 0, "xattrs": {NAME: VALUE}}; what
is left out is as shown, for directories mode 0755.
"""
import io
import json
import sys
import tarfile

TYPES = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE,
         "link": tarfile.LNKTYPE, "char": tarfile.CHRTYPE, "fifo": tarfile.FIFOTYPE}


def main():
    with tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT) as tar:
        for entry in json.load(sys.stdin):
            info = tarfile.TarInfo(entry["path"])
            kind = entry.get("type", "file")
            info.type = TYPES[kind]
            info.mode = entry.get("mode", 0o755 if kind == "dir" else 0o644)
            info.uid, info.gid = entry.get("uid", 0), entry.get("gid", 0)
            info.linkname = entry.get("to", "")
            info.devmajor, info.devminor = entry.get("major", 0), entry.get("minor", 0)
            info.pax_headers = {f"SCHILY.xattr.{name}": value
                                for name, value in entry.get("xattrs", {}).items()}
            data = entry.get("data", "").encode()
            info.size = len(data) if kind == "file" else 0
            tar.addfile(info, io.BytesIO(data))


main()
