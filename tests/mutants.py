#!/usr/bin/env python3
"""Changes each decision of the code that judges signatures, and asks whether a test notices.

  tests/mutants.py [--jobs N] [--only FILE…] [--update]

A decision is a condition or a part of one (of `if`, a loop, `?:`, `&&`, `||`), a comparison, a
returned truth value, a MOSB_CHECK, or a status that is returned. Changes: it is always true, always
false, its limit is off by one, its error is ignored. One program is built in which an environment
variable chooses the change. First each test case runs once by itself, which shows what difference
each change would make in which case; then each change runs those cases, fast ones first, until one
fails. A time-out or a crash counts as noticed.

What no test notices must stand in tests/trust/mutants.expected with a reason, and nothing else may:
lines of `file | function | text | change | reason`, where `#2` after the text means the second such
place in the function. --update writes new survivors there with `?` for a reason and removes those
that tests notice now. --only judges some files only, named without their ending.

Needs a build of the release preset, and python3-clang-14.
"""
import argparse
import concurrent.futures
import ctypes
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

try:
    from clang import cindex
except ImportError:
    sys.exit("tests/mutants.py needs Debian's python3-clang-14 (and Debian's python3)")

ROOT = Path(__file__).resolve().parent.parent
EXPECTED = ROOT / "tests/trust/mutants.expected"
RELEASE = ROOT / "build/release"
SCRATCH = ROOT / "build/mutants"
HEADER = ROOT / "tests/support/mutants.h"

# Makes signatures, keys and texts for people; decides nothing about an image.
NO_VERDICT = {
    "cbor_writer", "certificate_builder", "inspect", "keyset", "keyset_readme", "notation_cache_dir", "pkcs7_signature",
    "private_key", "report", "sign", "signing_key", "signing_key_list", "trust_store_edit",
}
# Slow, and about time and memory or what other cases show as well.
LEFT_OUT = {
    "a keyset of every algorithm trusts its own signer strictly and nobody else",
    "huge and deep texts are refused by every parser without delay",
    "judging all cases takes less than 64 MiB",
    "what mosb signs with any of the six algorithms, mosb verifies",
}
# More decisions than any source has, and State::kMost of mutants.h.
STRIDE, MOST = 256, 16384
# How much of a decision's text names it.
LONGEST = 90
FALSE, TRUE, BOUNDARY, IGNORED = 1, 2, 4, 8
CHANGES = {FALSE: "false", TRUE: "true", BOUNDARY: "off by one", IGNORED: "ignored"}
COMPARISONS = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}

Kind = cindex.CursorKind


class Locations:
    """Offsets in the source, also inside a macro's arguments."""

    @staticmethod
    def offset(location):
        file, offset = cindex.c_object_p(), ctypes.c_uint()
        cindex.conf.lib.clang_getFileLocation(
            location, ctypes.byref(file), None, None, ctypes.byref(offset))
        return cindex.File(file).name if file else "", offset.value


def top_level(text, pattern):
    """The matches of a pattern outside of all brackets and strings."""
    found, depth, at = [], 0, 0
    while at < len(text):
        if text[at] in "\"'":
            end = at + 1
            while end < len(text) and text[end] != text[at]:
                end += 2 if text[end] == "\\" else 1
            at = end + 1
            continue
        match = re.compile(pattern).match(text, at)
        if depth == 0 and match:
            found.append(match)
            at = match.end()
            continue
        depth += (text[at] in "([{") - (text[at] in ")]}")
        at += 1
    return found


def normal(text):
    return re.sub(r"\s+", " ", text).strip()


class Source:
    """One source, its decisions, and its text with them wrapped."""

    def __init__(self, path, command, first):
        # One character for each byte, as the compiler counts.
        self.path, self.text, self.next = path, path.read_text(encoding="latin-1"), first
        self.decisions, self.edits, self.taken = [], [], set()
        self.functions = []
        arguments = [a for a in command if re.match(r"-(I|isystem|D|std)", a)]
        arguments += ["-iquote", str(ROOT), "-fno-spell-checking"]
        unit = cindex.Index.create().parse(str(path), arguments)
        errors = [str(d) for d in unit.diagnostics if d.severity >= 3]
        if errors:
            sys.exit("\n".join(errors))
        self._walk(unit.cursor, None)
        self._find_checks()

    def _range(self, cursor):
        name, start = Locations.offset(cursor.extent.start)
        other, end = Locations.offset(cursor.extent.end)
        return (start, end) if name == other == str(self.path) and start < end else None

    def _start(self, cursor):
        return Locations.offset(cursor.extent.start)[1]

    def _function_at(self, offset):
        inside = [f for f in self.functions if f[0] <= offset < f[1]]
        return min(inside, key=lambda f: f[1] - f[0])[2] if inside else ""

    def _decision(self, start, end, text, changes):
        number = self.next
        self.next += 1
        shown = normal(text.encode("latin-1").decode())
        if len(shown) > LONGEST:
            shown = shown[:LONGEST].rstrip() + " …"
        self.decisions.append((number, start, shown, changes))
        return number

    def _wrap(self, start, end, before, after):
        self.edits.append((start, end, before, after))

    def _condition(self, cursor):
        """Wraps an expression of truth, or the parts that && and || join in it."""
        place = self._range(cursor)
        if place is None or place in self.taken:
            return
        start, end = place
        text = self.text[start:end]
        if top_level(text, r"&&|\|\||\?"):
            return  # Its parts are met by themselves.
        # The body of a macro has no place of its own.
        if text in ("true", "false") or re.fullmatch(r"MOSB_(TRY|CHECK)", text):
            return
        if text.startswith("(") and not top_level(text[1:-1], r"\)"):
            return
        self.taken.add(place)
        compared = top_level(text, r"\s(<=|>=|<|>)\s")
        number = self._decision(
            start, end, text, (FALSE, TRUE) + ((BOUNDARY,) if len(compared) == 1 else ()))
        if len(compared) == 1:
            operator = compared[0]
            self._wrap(start, end, f"mosb_mutants::decide({number}, mosb_mutants::"
                       f"{COMPARISONS[operator[1]]}({number}, (", ")))")
            self.edits.append((start + operator.start(), start + operator.end(), "), (", None))
        else:
            self._wrap(start, end, f"mosb_mutants::decide({number}, static_cast<bool>(", "))")

    def _declared_condition(self, cursor):
        """`if (auto a = b)`: what is declared is judged after it."""
        variable = next((c for c in cursor.get_children() if c.kind == Kind.VAR_DECL), cursor)
        if (place := self._range(variable)) is None or place in self.taken:
            return
        start, end = place
        self.taken.add((start, end))
        number = self._decision(start, end, self.text[start:end], (FALSE, TRUE))
        self._wrap(start, end, "",
                   f"; mosb_mutants::decide({number}, static_cast<bool>({variable.spelling}))")

    def _returned_status(self, cursor):
        """`return check(x);` where it could be success."""
        while len(children := list(cursor.get_children())) == 1 and \
                cursor.kind in (Kind.UNEXPOSED_EXPR, Kind.CALL_EXPR) and \
                self._range(children[0]) == self._range(cursor):
            cursor = children[0]
        place = self._range(cursor)
        if place is None or place in self.taken or not re.fullmatch(
                r"(const )?(mosb::)?(Status|Result<(std::monostate)?>)", cursor.type.spelling):
            return
        text = self.text[place[0]:place[1]]
        if text == "ok()" or top_level(text, r"\?"):
            return
        self.taken.add(place)
        number = self._decision(*place, text, (IGNORED,))
        self._wrap(*place, f"mosb_mutants::status({number}, ", ")")

    def _walk(self, cursor, name):
        for child in cursor.get_children():
            if cursor.kind == Kind.TRANSLATION_UNIT and \
                    Locations.offset(child.location)[0] != str(self.path):
                continue
            inside = name
            if child.kind in (Kind.FUNCTION_DECL, Kind.CXX_METHOD, Kind.CONSTRUCTOR,
                              Kind.FUNCTION_TEMPLATE) and child.is_definition():
                owner = child.semantic_parent
                prefix = owner.spelling + "::" if owner.kind in (
                    Kind.CLASS_DECL, Kind.STRUCT_DECL, Kind.CLASS_TEMPLATE) else ""
                inside = prefix + child.spelling
                if place := self._range(child):
                    self.functions.append((*place, inside))
            self._visit(child)
            self._walk(child, inside)

    def _visit(self, cursor):
        children = list(cursor.get_children())
        # What a macro's body says stands elsewhere.
        own = self.text.startswith(("if", "while", "for", "return"), self._start(cursor))
        if cursor.kind in (Kind.IF_STMT, Kind.WHILE_STMT) and own:
            skip = 1 if len(children) > 2 and children[0].kind == Kind.DECL_STMT and \
                self._has_init(cursor) else 0
            condition = children[skip]
            if condition.kind in (Kind.DECL_STMT, Kind.VAR_DECL):
                if cursor.kind == Kind.IF_STMT:  # `while` has no place for it
                    self._declared_condition(condition)
            else:
                self._condition(condition)
        elif cursor.kind == Kind.FOR_STMT and own:
            for child in children:
                if child.type.spelling == "bool" and child.kind != Kind.DECL_STMT:
                    self._condition(child)
        elif cursor.kind == Kind.CONDITIONAL_OPERATOR:
            self._condition(children[0])
        elif cursor.kind == Kind.RETURN_STMT and own and children:
            if children[0].type.get_canonical().spelling == "bool":
                self._condition(children[0])
            else:
                self._returned_status(children[0])
        elif cursor.kind.is_expression() and cursor.type.get_canonical().spelling == "bool":
            place = self._range(cursor)
            text = self.text[place[0]:place[1]] if place else ""
            if top_level(text, r"\s(&&|\|\|)\s") and not top_level(text, r"\?| = "):
                for child in children:
                    if child.kind.is_expression():
                        self._condition(child)
            elif top_level(text, r"\s(==|!=|<=|>=|<|>)\s") and \
                    not top_level(text, r"&&|\|\||\?| = |\breturn\b|;"):
                self._condition(cursor)

    def _has_init(self, cursor):
        start = self.text.index("(", self._start(cursor))
        depth = 0
        for at in range(start, len(self.text)):
            depth += (self.text[at] in "([{") - (self.text[at] in ")]}")
            if depth == 1 and self.text[at] == ";":
                return True
            if depth == 0:
                return False
        return False

    def _find_checks(self):
        for match in re.finditer(r"\bMOSB_CHECK\(", self.text):
            at, depth = match.end(), 1
            while depth:
                depth += (self.text[at] == "(") - (self.text[at] == ")")
                at += 1
            place = (match.end(), at - 1)
            number = self._decision(*place, self.text[place[0]:place[1]], (IGNORED,))
            self._wrap(*place, f"mosb_mutants::status({number}, ", ")")

    def mutated(self):
        inserts = []
        for start, end, before, after in self.edits:
            if after is None:
                inserts.append(((start, 1, 0), before, end - start))
            else:
                # What opens last at a place closes first.
                inserts.append(((start, 1, -end), before, 0))
                inserts.append(((end, 0, -start), after, 0))
        text, at = [], 0
        for (offset, _, _), piece, skipped in sorted(inserts, key=lambda i: i[0]):
            text.append(self.text[at:offset] + piece)
            at = offset + skipped
        return "".join(text) + self.text[at:]

    def mutants(self):
        counts = {}
        for number, start, text, changes in sorted(self.decisions, key=lambda d: d[1]):
            function = self._function_at(start)
            count = counts[function, text] = counts.get((function, text), 0) + 1
            shown = text + (f" #{count}" if count > 1 else "")
            for change in changes:
                yield (number, change), (self.path.stem, function, shown, CHANGES[change])


def run_all(jobs, function, items):
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(function, items))


def commands_of_trust():
    commands = json.loads((RELEASE / "compile_commands.json").read_text())
    return {Path(c["file"]): shlex.split(c["command"]) for c in commands
            if Path(c["file"]).parent == ROOT / "mosb/trust"}


def build(sources, commands, jobs):
    """The test program with the changed sources in the place of the trust library."""
    if SCRATCH.exists():
        shutil.rmtree(SCRATCH)
    SCRATCH.mkdir(parents=True)

    def compile_one(changed):
        command = [a for a in commands[changed.path] if a != "-Werror"]
        source = SCRATCH / changed.path.name
        source.write_text(changed.mutated(), encoding="latin-1")
        command[command.index("-c") + 1] = str(source)
        # As the library's member is called that it takes the place of.
        command[command.index("-o") + 1] = str(SCRATCH / (changed.path.name + ".o"))
        command += ["-w", "-O1", "-include", str(HEADER)]
        if shutil.which("ccache"):
            command.insert(0, "ccache")
        result = subprocess.run(command, cwd=RELEASE, capture_output=True, text=True)
        if result.returncode:
            sys.stderr.write(result.stderr[:4000])
        return result.returncode

    if any(run_all(jobs, compile_one, sources)):
        sys.exit("the changed sources do not compile")
    library = SCRATCH / "libmosb_trust.a"
    shutil.copy(RELEASE / "mosb/trust/libmosb_trust.a", library)
    subprocess.run(["ar", "rs", library, *SCRATCH.glob("*.o")], check=True)
    listed = subprocess.run(["ninja", "-C", RELEASE, "-t", "commands", "bin/trust_test"],
                            check=True, capture_output=True, text=True).stdout
    link = listed.strip().splitlines()[-1]
    link = re.sub(r"\S*libmosb_trust\.a", str(library), link)
    program = SCRATCH / "trust_test"
    link = link.replace("-o bin/trust_test", f"-o {program}")
    subprocess.run(link, shell=True, cwd=RELEASE, check=True, stdout=subprocess.DEVNULL)
    return program


class Tests:
    """Runs test cases, each time in a folder of its own."""

    def __init__(self, program):
        self.program = program
        listed = subprocess.run([program, "--list-test-names-only"], capture_output=True, text=True)
        self.names = [n for n in listed.stdout.splitlines() if n.strip() and n not in LEFT_OUT]
        self.local = threading.local()

    def _folder(self):
        if not hasattr(self.local, "folder"):
            base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
            self.local.folder = tempfile.TemporaryDirectory(prefix="mosb-mutants-", dir=base)
        return Path(self.local.folder.name)

    def run(self, names, timeout, **environment):
        """Whether they all pass."""
        folder = self._folder()
        listed = folder / "names"
        listed.write_text("".join(re.sub(r"([\\,\[\]\"])", r"\\\1", n) + "\n" for n in names))
        work = folder / "tmp"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            result = subprocess.run(
                [self.program, "--abort", "--input-file", listed], timeout=timeout, cwd=work,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(work), **environment})
        except subprocess.TimeoutExpired:
            return False
        return result.returncode == 0 and b"No test cases matched" not in result.stdout


def record(tests, jobs):
    """For each test case how long it takes and which changes would make a difference."""
    def one(item):
        index, name = item
        seen = SCRATCH / f"seen-{index}"
        start = time.monotonic()
        if not tests.run([name], 300, MOSB_MUTANTS_SEEN=str(seen)):
            sys.exit(f"without any change this fails: {name}")
        took = time.monotonic() - start
        # A case that meets no decision writes nothing.
        return name, took, seen.read_bytes() if seen.exists() else bytes(MOST)
    return run_all(jobs, one, list(enumerate(tests.names)))


def judge(tests, recorded, mutants, jobs):
    """The names of the mutants that no test notices."""
    quick = 0.3
    done = [0]

    def survives(item):
        (number, change), name = item
        cases = sorted((took, case) for case, took, seen in recorded if seen[number] & change)
        batches = [[c for c in cases if c[0] <= quick]] + [[c] for c in cases if c[0] > quick]
        result = all(
            not batch or tests.run([c for _, c in batch], 10 + 10 * sum(t for t, _ in batch),
                                   MOSB_MUTANT=f"{number} {change}")
            for batch in batches)
        done[0] += 1
        if result or done[0] % 100 == 0:
            print(f"{done[0]}/{len(mutants)}" + (": survives: " + " | ".join(name) if result else ""),
                  flush=True)
        return name if result else None

    return [name for name in run_all(jobs, survives, mutants) if name]


def read_expected():
    lines = EXPECTED.read_text().splitlines() if EXPECTED.exists() else []
    comments = [line for line in lines if line.startswith("#")]
    fields = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    # A text may hold the separator's sign, the others not.
    reasons = {(f[0], f[1], " | ".join(f[2:-2]), f[-2]): f[-1] for f in fields}
    return comments, reasons


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    os.nice(10)
    commands = commands_of_trust()
    chosen = [path for path in sorted(commands) if path.stem not in NO_VERDICT and (
        not arguments.only or path.stem in arguments.only)]
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as pool:
        sources = list(pool.map(Source, chosen, [commands[path] for path in chosen],
                                range(0, STRIDE * len(chosen), STRIDE)))
    mutants = [m for s in sources for m in s.mutants()]
    print(f"{len(mutants)} changes to {sum(len(s.decisions) for s in sources)} decisions in "
          f"{len(sources)} sources", flush=True)
    tests = Tests(build(sources, commands, arguments.jobs))
    start = time.monotonic()
    recorded = record(tests, arguments.jobs)
    print(f"{len(tests.names)} test cases recorded in {time.monotonic() - start:.0f} s", flush=True)
    survivors = judge(tests, recorded, mutants, arguments.jobs)
    comments, reasons = read_expected()
    judged = {name for _, name in mutants}
    known = {s.path.stem for s in sources}
    new = [name for name in survivors if name not in reasons]
    stale = [name for name in reasons if name not in survivors and (
        name in judged or name[0] in known or not arguments.only)]
    if arguments.update:
        kept = {n: r for n, r in reasons.items() if n not in stale} | {n: "?" for n in new}
        EXPECTED.write_text("".join(
            line + "\n" for line in comments + sorted(" | ".join((*n, r)) for n, r in kept.items())))
    for name in new:
        print("not ok - no test notices: " + " | ".join(name))
    for name in stale:
        print("not ok - listed, but noticed or gone: " + " | ".join(name))
    unexplained = [n for n in survivors if reasons.get(n, "?").strip() in ("", "?")]
    print(f"{len(mutants)} changes, {len(mutants) - len(survivors)} noticed, "
          f"{len(survivors)} not, of which {len(survivors) - len(unexplained)} have a reason")
    sys.exit(1 if new or stale or unexplained else 0)


if __name__ == "__main__":
    main()
