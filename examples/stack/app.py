#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small application: says who answers and counts its visits in redis and in PostgreSQL."""
import os
import signal
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import redis

cache = redis.Redis(host=os.environ.get("REDIS_HOST", "cache"), socket_timeout=2)
local = threading.local()


def database():
    """One connection a thread; made anew when it has been lost."""
    if getattr(local, "db", None) is None or local.db.closed:
        local.db = psycopg2.connect(connect_timeout=2)
        local.db.autocommit = True
    return local.db


def visits_of(name):
    with database().cursor() as cursor:
        cursor.execute(
            "INSERT INTO visits (container, count) VALUES (%s, 1) "
            "ON CONFLICT (container) DO UPDATE SET count = visits.count + 1 RETURNING count",
            (name,))
        return cursor.fetchone()[0]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = socket.gethostname()
        if self.path == "/healthz":
            self.answer(200, "ok\n")
            return
        try:
            total = cache.incr("visits")
            mine = visits_of(name)
        except (redis.RedisError, psycopg2.Error) as error:
            self.answer(503, f"{name}: {error}\n")
            return
        self.answer(200, f"{name} answers: visit {total}, {mine} of them here\n")

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    with database().cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS visits (container text PRIMARY KEY, count bigint NOT NULL)")
    server = ThreadingHTTPServer(("", 8000), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"{socket.gethostname()} serves port 8000", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except psycopg2.Error as error:
        sys.exit(f"database: {error}")
