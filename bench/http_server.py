"""The HTTP server of bench/stream: http_server.py COUNTERS gives JSON answers over kept connections until its input ends.

After each answer it writes to the file COUNTERS when that was, its CPU time, both in ns, and the number of answers.
"""
import asyncio
import json
import mmap
import os
import sys
import threading
import time


class Request:
    def __init__(self, method, path, headers):
        self.method, self.path, self.headers = method, path, headers


class Item:
    def __init__(self, number):
        self.number = number
        self.name = "item %d" % number

    def shown(self):
        return {"number": self.number, "name": self.name, "links": ["/items/%d" % self.number, "/items"]}


class Response:
    def __init__(self, status, body):
        self.status, self.body = status, body

    def lines(self):
        head = {"Content-Type": "application/json", "Content-Length": len(self.body), "Connection": "keep-alive"}
        return ["HTTP/1.1 %s" % self.status] + ["%s: %s" % pair for pair in head.items()] + ["", ""]


async def read_request(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    method, path, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    return Request(method, path, headers)


async def answer(request):
    page = int(request.path.rsplit("/", 1)[1])
    items = [Item(page * 10 + row) for row in range(10)]
    return Response("200 OK", json.dumps([item.shown() for item in items]).encode())


async def serve_connection(reader, writer):
    try:
        while True:
            response = await answer(await read_request(reader))
            writer.write("\r\n".join(response.lines()).encode("latin-1") + response.body)
            await writer.drain()
            counters[0], counters[1] = time.monotonic_ns(), time.thread_time_ns()
            counters[2] += 1
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def leave_at_end_of_input():
    sys.stdin.read()
    os._exit(0)


async def main():
    server = await asyncio.start_server(serve_connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"version": sys.version.split()[0], "port": port}), flush=True)
    await asyncio.Event().wait()


with open(sys.argv[1], "r+b") as file:
    counters = memoryview(mmap.mmap(file.fileno(), 4096)).cast("Q")
threading.Thread(target=leave_at_end_of_input, daemon=True).start()
asyncio.run(main())
