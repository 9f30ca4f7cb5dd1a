#!/usr/bin/env python3
"""What a disk may hold when the power fails during a command: makes each such state from a trace.

usage: lose_writes.py --trace PREFIX --before DIR --tree DIR --out DIR

--trace is what `strace -ff -ttt -y -xx -s 1000000000 -o PREFIX` wrote of the command, --tree the
directory that the command worked in, --before a copy of it from before. After each call that
changes the tree, two states are made, the extremes of what POSIX allows:

  lost      what was not fsynced is not there: a file has the bytes of its last fsync, a directory
            the names of its own last fsync
  renamed   all names are there, but a file has only the bytes of its last fsync

Each state that differs from all before it becomes a directory OUT/NUMBER-KIND; a line per state
with the call before the crash goes to standard output.
"""

import argparse
import glob
import hashlib
import os
import re
import sys

CALL = re.compile(r"^(\d+\.\d+) (\w+)\((.*)\)\s+= (-?\d+)(?:<(.*)>)?")
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
FD = re.compile(r"^(?:\d+|AT_FDCWD)<([^>]*)>")


def unhex(text):
    return bytes.fromhex(text.replace("\\x", ""))


def decode(path):
    return unhex(path).decode("utf-8", "replace") if "\\x" in path else path


def readable(arguments):
    return re.sub(r"(?:\\x[0-9a-f]{2})+", lambda m: decode(m[0]), arguments)


class File:
    def __init__(self, data=b""):
        self.data = bytearray(data)
        self.durable = bytes(data)


class Dir:
    def __init__(self):
        self.entries = {}
        self.durable = {}


def load(path):
    node = Dir()
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False):
            node.entries[entry.name] = load(entry.path)
        elif entry.is_file(follow_symlinks=False):
            with open(entry.path, "rb") as file:
                node.entries[entry.name] = File(file.read())
    node.durable = dict(node.entries)
    return node


def contents(node, kind, path=""):
    """(path, bytes or None for a directory) of everything in this state, in order."""
    entries = node.durable if kind == "lost" else node.entries
    for name in sorted(entries):
        child = entries[name]
        where = f"{path}/{name}"
        if isinstance(child, Dir):
            yield where, None
            yield from contents(child, kind, where)
        else:
            yield where, child.durable


class Tree:
    """The directory, as the calls change it."""

    def __init__(self, path, before):
        self.path = path.rstrip("/")
        self.root = load(before)
        self.by_fd = {}  # (process, fd) -> file: a name may be gone by the time of a write

    def relative(self, path):
        path = os.path.normpath(path)
        if path == self.path:
            return []
        return path[len(self.path) + 1 :].split("/") if path.startswith(self.path + "/") else None

    def find(self, parts):
        node = self.root
        for part in parts:
            node = node.entries.get(part) if isinstance(node, Dir) else None
        return node

    def parent(self, path):
        parts = self.relative(path)
        if not parts:
            return None, None
        node = self.find(parts[:-1])
        return (node, parts[-1]) if isinstance(node, Dir) else (None, None)

    def place(self, path, node):
        parent, name = self.parent(path)
        if parent is None:
            return False
        parent.entries[name] = node
        return True

    def take(self, path):
        parent, name = self.parent(path)
        return None if parent is None else parent.entries.pop(name, None)


PROC_FD = re.compile(r"^/proc/self/fd/(\d+)(?=/)")


def paths_of(arguments, directories, process):
    """The absolute paths that a call's path arguments name."""
    found, base = [], "/"
    real = lambda match: directories.get((process, match[1]), match[0])
    for part in re.split(r", ", arguments):
        fd = FD.match(part)
        text = STRING.fullmatch(part)
        if fd and not text:
            base = decode(fd.group(1))
        elif text:
            path = os.path.join(base, unhex(text.group(1)).decode("utf-8", "replace"))
            found.append(PROC_FD.sub(real, path))
    return found


def apply_call(tree, process, offsets, directories, name, arguments, result, result_path):
    """True if the tree, or what of it is durable, changed."""
    fd = re.match(r"(\d+)<", arguments)
    key = (process, int(fd.group(1))) if fd else None
    if name in ("openat", "open", "creat"):
        key = (process, result)
        tree.by_fd.pop(key, None)
        # what an inherited descriptor stands for is seen when something is opened below it
        below = PROC_FD.match(decode(arguments.split('"')[1]))
        if below and result_path:
            directories[process, below[1]] = os.path.dirname(decode(result_path))
        path = paths_of(arguments, directories, process)[0]
        parts = tree.relative(path)
        if parts is None:
            return False
        node = tree.find(parts)
        changed = False
        if node is None and "O_CREAT" in arguments:
            node = File()
            changed = tree.place(path, node)
        elif isinstance(node, File) and "O_TRUNC" in arguments:
            changed = bool(node.data)
            node.data.clear()
        if node is not None:
            tree.by_fd[key] = node
            offsets[key] = 0
        return changed
    if name in ("mkdir", "mkdirat"):
        path = paths_of(arguments, directories, process)[0]
        return tree.place(path, Dir())
    if name in ("rename", "renameat", "renameat2"):
        source, target = paths_of(arguments, directories, process)
        node = tree.take(source)
        return node is not None and tree.place(target, node)
    if name in ("unlink", "unlinkat", "rmdir"):
        return tree.take(paths_of(arguments, directories, process)[0]) is not None
    if name in ("link", "linkat", "symlink", "symlinkat"):
        if tree.relative(paths_of(arguments, directories, process)[-1]) is not None:
            raise SystemExit(f"{name} is not known here: {arguments[:200]}")
        return False
    # A number whose file was closed may stand for something else by now: close(2) is not traced.
    path = FD.match(arguments)
    parts = path and tree.relative(decode(path.group(1)).removesuffix(" (deleted)"))
    if parts is None:
        return False
    # One that a parent opened is known by its path.
    node = tree.by_fd.get(key) or tree.find(parts)
    if node is None:
        return False
    if name in ("fsync", "fdatasync"):
        if isinstance(node, Dir):
            changed, node.durable = node.durable != node.entries, dict(node.entries)
        else:
            changed, node.durable = node.durable != node.data, bytes(node.data)
        return changed
    if name in ("write", "pwrite64"):
        data = unhex(STRING.search(arguments).group(1))[:result]
        at = int(arguments.rsplit(", ", 1)[1]) if name == "pwrite64" else offsets.get(key, len(node.data))
        node.data[len(node.data) :] = bytes(max(0, at - len(node.data)))
        node.data[at : at + len(data)] = data
        if name == "write":
            offsets[key] = at + len(data)
        return True
    if name == "read":
        offsets[key] = offsets.get(key, 0) + result
    if name == "lseek":
        offsets[key] = result
    if name == "ftruncate":
        size = int(arguments.rsplit(", ", 1)[1])
        changed = len(node.data) != size
        del node.data[size:]
        node.data[len(node.data) :] = bytes(size - len(node.data))
        return changed
    return False


def calls_of(prefix):
    calls = []
    for path in glob.glob(glob.escape(prefix) + ".*"):
        process = path.rsplit(".", 1)[1]
        with open(path, encoding="ascii", errors="replace") as trace:
            for line in trace:
                match = CALL.match(line)
                if match and int(match[4]) >= 0:
                    calls.append((float(match[1]), process, *match.groups()[1:]))
    return sorted(calls)


def write_state(node, kind, out):
    os.makedirs(out)
    for path, data in contents(node, kind):
        if data is None:
            os.mkdir(out + path, 0o700)
        else:
            with open(out + path, "wb") as file:
                file.write(data)


def digest(node, kind):
    whole = hashlib.sha256()
    for path, data in contents(node, kind):
        whole.update(repr((path, data and hashlib.sha256(data).digest())).encode())
    return whole.digest()


def main():
    parser = argparse.ArgumentParser()
    for name in ("trace", "before", "tree", "out"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    tree = Tree(options.tree, options.before)
    offsets, directories, seen, number = {}, {}, set(), 0
    for _, process, name, arguments, result, result_path in calls_of(options.trace):
        if not apply_call(
            tree, process, offsets, directories, name, arguments, int(result), result_path
        ):
            continue
        number += 1
        for kind in ("lost", "renamed"):
            state = digest(tree.root, kind)
            if state in seen:
                continue
            seen.add(state)
            write_state(tree.root, kind, f"{options.out}/{number}-{kind}")
            print(f"{number}-{kind} {name}({readable(arguments)[:120]}")
    if tree_differs(tree):
        sys.exit("the trace does not lead to what the command left")


def tree_differs(tree):
    """Whether a call was missed: what the calls gave must be what is there."""
    there = {path: data for path, data in contents(load(tree.path), "renamed")}
    made = {}

    def walk(node, path=""):
        for name, child in node.entries.items():
            made[f"{path}/{name}"] = None if isinstance(child, Dir) else bytes(child.data)
            if isinstance(child, Dir):
                walk(child, f"{path}/{name}")

    walk(tree.root)
    for path in sorted(set(there) ^ set(made)):
        print("only", "there" if path in there else "in the trace", path, file=sys.stderr)
    for path in sorted(set(there) & set(made)):
        if there[path] != made[path]:
            print("differs", path, file=sys.stderr)
    return there != made


if __name__ == "__main__":
    main()
