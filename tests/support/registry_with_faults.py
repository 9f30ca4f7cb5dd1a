#!/usr/bin/env python3
"""An HTTP(S) server that answers as a script says, for tests of what a client takes from it.

usage: registry_with_faults.py --script FILE --log FILE [--cert FILE --key FILE] [--address ADDRESS]
                               [--behind HOST:PORT]

It listens on a free port of ADDRESS (127.0.0.1), prints the port and a newline, and ends when its
standard input does. The script is a JSON array of rules; the first that fits a request and is not
used up answers it, else the registry at HOST:PORT (plain HTTP), else 404. In headers and bodies @PORT@ stands for the server's own port. The log
gets one JSON object per request before it is answered: method, path, headers (names in lower case),
size and sha256 of the body, the body itself if it is short text, and the connection's number.

A rule's members:
  method, path     what it fits; a path that ends in '*' fits what begins so. Default: everything
  when             headers the request must have with exactly these values
  without          names of headers that the request must not have
  times            how often it is used; default: always
  status           default 200
  headers          object; a value may be an array of values
  body             text; or body_base64, or fill: that many bytes 'x'
  endless          true: the body goes on for ever (chunked unless `length` says otherwise)
  chunked          true: Transfer-Encoding chunked
  length           the Content-Length to claim; null: none at all
  cut_after        close the connection after so many bytes of the body
  delay_ms         before the answer begins
  piece            bytes of the body sent at once, with piece_delay_ms in between
  raw_base64       sent instead of everything else
  close            true: close the connection afterwards
  behind           true: status, headers and body are those of the registry at HOST:PORT
  leave            true: the server ends afterwards, and later connections are refused
"""

import argparse
import base64
import hashlib
import http.client
import itertools
import json
import os
import socket
import ssl
import sys
import threading
import time

REASONS = {200: "OK", 201: "Created", 202: "Accepted", 401: "Unauthorized", 404: "Not Found"}


class Script:
    def __init__(self, rules, log_path, behind):
        self.rules = rules
        self.behind = behind
        self.used = [0] * len(rules)
        self.log = open(log_path, "a", encoding="utf-8")
        self.lock = threading.Lock()

    def fits(self, rule, request):
        path = rule.get("path", "*")
        if path.endswith("*"):
            if not request["path"].startswith(path[:-1]):
                return False
        elif path != request["path"]:
            return False
        if rule.get("method", request["method"]) != request["method"]:
            return False
        headers = request["headers"]
        if any(headers.get(k.lower()) != v for k, v in rule.get("when", {}).items()):
            return False
        return not any(name.lower() in headers for name in rule.get("without", []))

    def answer_to(self, request):
        with self.lock:
            self.log.write(json.dumps(request) + "\n")
            self.log.flush()
            for i, rule in enumerate(self.rules):
                if self.used[i] < rule.get("times", sys.maxsize) and self.fits(rule, request):
                    self.used[i] += 1
                    return rule
        if self.behind:
            return {"behind": True}
        return {"status": 404, "body": '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'}


class Connection:
    def __init__(self, sock, script, port, number):
        self.number = number
        self.sock = sock
        self.script = script
        self.port = port
        self.buffer = b""

    def ask_behind(self, request):
        """The answer of the registry behind this one, as a rule."""
        connection = http.client.HTTPConnection(self.script.behind, timeout=60)
        headers = {k: v for k, v in request["headers"].items() if k != "connection"}
        connection.request(request["method"], request["path"], request.get("body"), headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        own = ("connection", "content-length", "transfer-encoding")
        rule = {"status": response.status, "body_base64": base64.b64encode(body).decode("ascii"),
                "headers": {k: v for k, v in response.getheaders() if k.lower() not in own}}
        if request["method"] == "HEAD":
            rule["length"] = int(response.getheader("content-length", "0"))
        return rule

    def read_until(self, mark):
        while mark not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                return None
            self.buffer += data
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def read_exactly(self, size, digest, keep):
        kept = b""
        while size > 0:
            if not self.buffer:
                self.buffer = self.sock.recv(65536)
                if not self.buffer:
                    return None
            data, self.buffer = self.buffer[:size], self.buffer[size:]
            digest.update(data)
            size -= len(data)
            if len(kept) < keep:
                kept += data
        return kept

    def read_request(self):
        head = self.read_until(b"\r\n\r\n")
        if head is None:
            return None
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        size = int(headers.get("content-length", "0"))
        digest = hashlib.sha256()
        body = self.read_exactly(size, digest, 65536)
        if body is None:
            return None
        request = {"method": method, "path": path, "headers": headers, "size": size,
                   "sha256": digest.hexdigest(), "connection": self.number}
        if size < 65536:
            request["body"] = body.decode("utf-8", "replace")
        return request

    def fill_in(self, text):
        return text.replace("@PORT@", str(self.port))

    def head_of(self, rule, size):
        status = rule.get("status", 200)
        lines = ["HTTP/1.1 %d %s" % (status, REASONS.get(status, "Status"))]
        for name, value in rule.get("headers", {}).items():
            for one in value if isinstance(value, list) else [value]:
                lines.append("%s: %s" % (name, self.fill_in(one)))
        if rule.get("chunked") or (rule.get("endless") and "length" not in rule):
            lines.append("Transfer-Encoding: chunked")
        elif "length" not in rule:
            lines.append("Content-Length: %d" % size)
        elif rule["length"] is not None:
            lines.append("Content-Length: %d" % rule["length"])
        if rule.get("close") or rule.get("length", 0) is None:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def body_of(self, rule):
        if "fill" in rule:
            return b"x" * rule["fill"]
        if "body_base64" in rule:
            return base64.b64decode(rule["body_base64"])
        return self.fill_in(rule.get("body", "")).encode("utf-8")

    def pieces_of(self, rule, body):
        if rule.get("endless"):
            while True:
                yield b"x" * rule.get("piece", 65536)
        if "cut_after" in rule:
            body = body[:rule["cut_after"]]
        step = rule.get("piece", 65536)
        for at in range(0, len(body), step):
            yield body[at:at + step]

    def send_body(self, rule, body):
        chunked = rule.get("chunked") or (rule.get("endless") and "length" not in rule)
        for piece in self.pieces_of(rule, body):
            if chunked:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            self.sock.sendall(piece)
            time.sleep(rule.get("piece_delay_ms", 0) / 1000)
        if chunked and "cut_after" not in rule:
            self.sock.sendall(b"0\r\n\r\n")

    def serve_one(self):
        """Answers one request. False: the connection ends."""
        request = self.read_request()
        if request is None:
            return False
        rule = self.script.answer_to(request)
        if rule.get("behind"):
            rule = {**rule, **self.ask_behind(request)}
        time.sleep(rule.get("delay_ms", 0) / 1000)
        if "raw_base64" in rule:
            self.sock.sendall(base64.b64decode(rule["raw_base64"]))
            return False
        body = self.body_of(rule)
        self.sock.sendall(self.head_of(rule, len(body)))
        if request["method"] != "HEAD":
            self.send_body(rule, body)
        if rule.get("leave"):
            self.sock.shutdown(socket.SHUT_WR)
            os._exit(0)
        return not ("cut_after" in rule or rule.get("close") or rule.get("length", 0) is None)

    def serve(self):
        try:
            while self.serve_one():
                pass
            # Lets the client read what was sent before it learns of the end.
            self.sock.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            pass
        finally:
            self.sock.close()


def start(listener, context, script, port):
    for number in itertools.count():
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def run(sock=sock, number=number):
            try:
                if context is not None:
                    sock = context.wrap_socket(sock, server_side=True)
            except OSError:
                sock.close()
                return
            Connection(sock, script, port, number).serve()

        threading.Thread(target=run, daemon=True).start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--script", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--behind")
    options = parser.parse_args()
    with open(options.script, encoding="utf-8") as file:
        script = Script(json.load(file), options.log, options.behind)
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
    listener = socket.create_server((options.address, 0), backlog=64)
    port = listener.getsockname()[1]
    threading.Thread(target=start, args=(listener, context, script, port), daemon=True).start()
    print(port, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


main()
