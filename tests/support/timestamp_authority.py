#!/usr/bin/env python3
"""A timestamping authority over HTTP: `openssl ts -reply` for each query, in a folder of its own.

usage: timestamp_authority.py DIR

It makes its certificates (DIR/root.pem is the root's), listens on a free port of 127.0.0.1, prints
the port and a newline, and ends when its standard input does.
"""

import http.server
import subprocess
import sys
import threading

CONFIG = """
[tsa]
default_tsa = main
[main]
serial = serial
signer_cert = signer.pem
certs = root.pem
signer_key = signer.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
"""


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def make_certificates(folder):
    with open(f"{folder}/tsa.cnf", "w", encoding="utf-8") as file:
        file.write(CONFIG)
    with open(f"{folder}/serial", "w", encoding="utf-8") as file:
        file.write("01\n")
    key = ["-newkey", "rsa:2048", "-nodes", "-sha256"]
    openssl(folder, "req", *key, "-keyout", "signer.key", "-out", "signer.csr",
            "-subj", "/C=US/ST=WA/O=mosb tests/CN=tsa signer")
    openssl(folder, "req", *key, "-keyout", "root.key", "-out", "root.csr",
            "-subj", "/C=US/ST=WA/O=mosb tests/CN=tsa root")
    openssl(folder, "x509", "-req", "-in", "root.csr", "-signkey", "root.key", "-sha256", "-days",
            "30", "-extfile", "tsa.cnf", "-extensions", "root", "-out", "root.pem")
    openssl(folder, "x509", "-req", "-in", "signer.csr", "-CA", "root.pem", "-CAkey", "root.key",
            "-CAcreateserial", "-sha256", "-days", "30", "-extfile", "tsa.cnf", "-extensions",
            "signer", "-out", "signer.pem")


class Authority(http.server.BaseHTTPRequestHandler):
    folder = ""

    def do_POST(self):
        query = self.rfile.read(int(self.headers["Content-Length"]))
        with open(f"{self.folder}/query", "wb") as file:
            file.write(query)
        openssl(self.folder, "ts", "-reply", "-config", "tsa.cnf", "-section", "main",
                "-queryfile", "query", "-out", "reply")
        with open(f"{self.folder}/reply", "rb") as file:
            reply = file.read()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


def main():
    Authority.folder = sys.argv[1]
    make_certificates(Authority.folder)
    server = http.server.HTTPServer(("127.0.0.1", 0), Authority)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
