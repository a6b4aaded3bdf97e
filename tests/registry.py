#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A registry that misbehaves, for the integration tests.

    tests/registry.py BUSYBOX LOG PORTFILE

Serves images that it makes itself, on two ports of the loopback addresses; the numbers are written to PORTFILE when
it answers.  Every request is a JSON line in LOG: port, path, range, authorization.  The first part of a repository's
name says how it behaves, the tag which kind of image it is:

    cut norange corrupt other short long endless busy broken redirect basic token expiring realm gone slow
    oci docker tar index list arm schema1 foreign artifact deep both windows diff junk huge many bomb
"""
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import random
import sys
import tarfile
import threading
import time
import urllib.parse

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
USER, PASSWORD = "user", "secret"
EXPIRING_USES = 3


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content, mode in files:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
                continue
            info.size, info.mode = len(content), mode
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Store:
    """All images: blobs and manifests by digest, manifests by tag."""

    def __init__(self, busybox):
        self.blobs, self.manifests, self.tags = {}, {}, {}
        with open(busybox, "rb") as file:
            program = file.read()
        noise = random.Random(1).randbytes(3 << 20)
        base = tar_of([("bin/busybox", program, 0o755)] +
                      [("bin/" + name, "busybox", 0) for name in ("sh", "cat", "sleep", "echo")])
        top = tar_of([("noise", noise, 0o644), ("kind", b"", 0o644)])
        self.layers = [base, top]
        oci, self.big = self.image(OCI + "manifest.v1+json", OCI + "config.v1+json", OCI + "layer.v1.tar+gzip")
        self.tags["oci"] = oci
        docker, _ = self.image(DOCKER + "distribution.manifest.v2+json", DOCKER + "container.image.v1+json",
                               DOCKER + "image.rootfs.diff.tar.gzip")
        self.tags["docker"] = docker
        self.tags["tar"] = self.image(OCI + "manifest.v1+json", OCI + "config.v1+json", OCI + "layer.v1.tar",
                                      pack=lambda data: data)[0]
        arm = self.image(OCI + "manifest.v1+json", OCI + "config.v1+json", OCI + "layer.v1.tar+gzip",
                         arch="arm64")[0]
        self.tags["windows"] = self.image(OCI + "manifest.v1+json", OCI + "config.v1+json",
                                          OCI + "layer.v1.tar+gzip", system="windows")[0]
        self.tags["diff"] = self.image(OCI + "manifest.v1+json", OCI + "config.v1+json",
                                       OCI + "layer.v1.tar+gzip", lie=True)[0]
        self.tags["foreign"] = self.image(OCI + "manifest.v1+json", OCI + "config.v1+json",
                                          OCI + "layer.nondistributable.v1.tar+gzip")[0]
        self.tags["artifact"] = self.image(OCI + "manifest.v1+json", "application/vnd.example.chart+json",
                                           OCI + "layer.v1.tar+gzip")[0]
        self.tags["index"] = self.index(OCI + "index.v1+json", [(oci, "amd64"), (arm, "arm64"), (arm, "unknown")])
        self.tags["list"] = self.index(DOCKER + "distribution.manifest.list.v2+json",
                                       [(docker, "amd64"), (arm, "arm64")])
        self.tags["arm"] = self.index(OCI + "index.v1+json", [(arm, "arm64")])
        self.tags["bomb"] = self.image(OCI + "manifest.v1+json", OCI + "config.v1+json", OCI + "layer.v1.tar+gzip",
                                       plain=[base, tar_of([("zeros", bytes(200 << 20), 0o644)])])[0]
        self.tags["schema1"] = self.manifest({"schemaVersion": 1, "fsLayers": [], "name": "x"})
        self.tags["deep"] = self.raw(b'{"schemaVersion":2,"a":' + b"[" * 5000 + b"]" * 5000 + b"}")
        self.tags["both"] = self.manifest(dict(self.read(oci), manifests=[]))
        self.tags["junk"] = self.raw(b"<html>\x1b[31mlog in</html>")
        self.tags["huge"] = self.raw(b'{"schemaVersion":2,"a":"' + b"x" * (5 << 20) + b'"}')
        self.tags["many"] = self.manifest(dict(self.read(oci), layers=self.read(oci)["layers"] * 300))

    def blob(self, data):
        self.blobs[digest(data)] = data
        return digest(data)

    def raw(self, data, media=""):
        self.manifests[digest(data)] = (data, media)
        return digest(data)

    def manifest(self, value):
        return self.raw(json.dumps(value).encode(), value.get("mediaType", ""))

    def read(self, name):
        return json.loads(self.manifests[name][0])

    def image(self, kind, config_kind, layer_kind, arch="amd64", system="linux", lie=False, plain=None,
              pack=lambda data: gzip.compress(data, 1, mtime=0)):
        plain = plain or self.layers
        diffs = [digest(data) for data in plain]
        if lie:
            diffs[1] = digest(b"something else")
        config = json.dumps({"architecture": arch, "os": system, "config": {"Cmd": ["/bin/sh"], "Env": ["A=1"]},
                             "created": "2020-01-02T03:04:05Z", "rootfs": {"type": "layers", "diff_ids": diffs},
                             "history": [{"created_by": "base"}, {"created_by": "top"}]}).encode()
        blobs = [pack(data) for data in plain]
        layers = [{"mediaType": layer_kind, "digest": self.blob(data), "size": len(data)} for data in blobs]
        value = {"schemaVersion": 2, "mediaType": kind, "layers": layers,
                 "config": {"mediaType": config_kind, "digest": self.blob(config), "size": len(config)}}
        return self.manifest(value), layers[1]["digest"]

    def index(self, kind, images):
        return self.manifest({"schemaVersion": 2, "mediaType": kind, "manifests": [
            {"mediaType": self.read(name)["mediaType"], "digest": name, "size": len(self.manifests[name][0]),
             "platform": {"os": "unknown" if arch == "unknown" else "linux", "architecture": arch}}
            for name, arch in images]})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store = log = ports = None
    lock = threading.Lock()
    seen, tokens = {}, {}

    def log_message(self, *args):
        pass

    # ---- answers

    def answer(self, status, body=b"", headers=(), length=True):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if length:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, message, headers=()):
        self.answer(status, json.dumps({"errors": [{"code": "X", "message": message}]}).encode(), headers)

    def hang_up(self):
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(2)

    # ---- who is it

    def basic(self):
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return self.headers.get("Authorization") == wanted

    def let_in(self, how):
        if how == "basic" and not self.basic():
            self.refuse(401, "who are you", [("WWW-Authenticate", 'Basic realm="here"')])
            return False
        if how == "realm":
            self.refuse(401, "who are you",
                        [("WWW-Authenticate", 'Bearer realm="http://registry.invalid/token",service="x"')])
            return False
        if how in ("token", "expiring"):
            with self.lock:
                token = self.headers.get("Authorization", "")
                left = self.tokens.get(token, 0)
                if left:
                    self.tokens[token] = left - 1
            if not left:
                realm = f"http://127.0.0.1:{self.ports[0]}/token?how={how}"
                self.refuse(401, "token needed",
                            [("WWW-Authenticate", f'Bearer realm="{realm}",service="tests",scope="x"')])
                return False
        return True

    def token(self, query):
        scope = query.get("scope", [""])[0]
        if query.get("service") != ["tests"] or not scope.startswith("repository:") or not scope.endswith(":pull"):
            self.refuse(400, "strange question")
        elif self.headers.get("Authorization") and not self.basic():
            self.refuse(401, "incorrect username or password")
        else:
            with self.lock:
                token = f"t{len(self.tokens)}"
                self.tokens["Bearer " + token] = EXPIRING_USES if query["how"] == ["expiring"] else 1000
            self.answer(200, json.dumps({"token": token}).encode())

    # ---- what is asked for

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path, _, query = self.path.partition("?")
        with self.lock:
            self.log.write(json.dumps({"port": self.server.server_port, "path": path, "range": self.headers.get("Range"),
                                       "authorization": self.headers.get("Authorization")}) + "\n")
            self.log.flush()
            count = self.seen[path] = self.seen.get(path, 0) + 1
        if path == "/token":
            self.token(urllib.parse.parse_qs(query))
            return
        parts = path.split("/")
        if len(parts) < 6 or parts[1] != "v2":
            self.refuse(404, "no such page")
            return
        how, kind, name = parts[2], parts[-2], parts[-1]
        if not self.let_in(how):
            return
        if how == "broken":
            self.refuse(500, "out of order")
        elif how == "busy" and count <= 2:
            self.refuse(429 if count == 1 else 503, "too many requests", [("Retry-After", "0")])
        elif kind == "manifests":
            self.manifest(how, name)
        elif kind == "blobs":
            self.blob(how, name, count)
        else:
            self.refuse(404, "no such page")

    def manifest(self, how, name):
        data, media = self.store.manifests.get(self.store.tags.get(name, name), (None, None))
        if data is None:
            self.refuse(404, "manifest unknown")
            return
        if how == "other" and name.startswith("sha256:"):
            data = data[:-1] + b" "
        self.answer(200, data, [("Content-Type", media or "application/json")])

    def blob(self, how, name, count):
        data = self.store.blobs.get(name)
        if data is None or how == "gone" and name == self.store.big:
            time.sleep(1)
            self.refuse(404, "blob unknown")
        elif how == "redirect" and self.server.server_port == self.ports[0]:
            place = f"http://localhost:{self.ports[1]}{self.path}?key=hidden"
            if name == self.store.big and count > 1:
                place = place.replace("/blobs/", "/nothing/")
            self.answer(307, b"", [("Location", place)])
        elif name != self.store.big:
            self.answer(200, data)
        else:
            getattr(self, "big_" + how, self.big_plain)(data, count)

    def part(self, data):
        """The data from where a Range header says, with what belongs to it in the answer."""
        text = self.headers.get("Range")
        if not text:
            return 200, data, []
        start = int(text[len("bytes="):].rstrip("-"))
        return 206, data[start:], [("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")]

    def big_plain(self, data, _):
        status, rest, headers = self.part(data)
        self.answer(status, rest, headers)

    def big_cut(self, data, count):
        status, rest, headers = self.part(data)
        self.send_response(status)
        for header in headers + [("Content-Length", str(len(rest)))]:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(rest if count >= 4 else rest[:700000])
        if count < 4:
            self.hang_up()

    def big_norange(self, data, count):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data if count >= 3 else data[:count * 900000])
        if count < 3:
            self.hang_up()

    def big_corrupt(self, data, _):
        self.answer(200, data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])

    def big_short(self, data, _):
        self.answer(200, data[:-1000] if not self.headers.get("Range") else b"")

    def big_long(self, data, _):
        self.answer(200, data + b"x" * 100000)

    def big_endless(self, data, _):
        self.answer(200, data, length=False)
        try:
            while True:
                self.wfile.write(data)
        except OSError:
            pass

    def big_slow(self, data, _):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            for at in range(0, len(data), 50000):
                self.wfile.write(data[at:at + 50000])
                time.sleep(0.1)
        except OSError:
            pass

    def big_dead(self, data, _):
        self.hang_up()


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # clients that go away are what is tested


def main():
    store = Store(sys.argv[1])
    servers = [Server(("127.0.0.1", 0), Handler) for _ in range(2)]
    Handler.store, Handler.log = store, open(sys.argv[2], "a")
    Handler.ports = [server.server_port for server in servers]
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(sys.argv[3] + ".new", "w") as file:
        file.write(" ".join(map(str, Handler.ports)))
    os.rename(sys.argv[3] + ".new", sys.argv[3])
    threading.Event().wait()


main()
