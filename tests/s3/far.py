#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Usage: far.py PORT_FILE HOST:PORT MS

Makes a server as slow as one that is far away: an answer begins MS milliseconds later than it
would. The port it listens at (on 127.0.0.1) is written to PORT_FILE. Bytes are passed on as they
are; that they are HTTP matters only in that an answer comes after its question.
"""

import asyncio
import os
import sys

CHUNK = 256 << 10


class Connection:
    def __init__(self, delay):
        self.delay = delay
        self.asked = False

    async def questions(self, reader, writer):
        try:
            while data := await reader.read(CHUNK):
                self.asked = True
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    async def answers(self, reader, writer):
        while data := await reader.read(CHUNK):
            if self.asked:
                self.asked = False
                await asyncio.sleep(self.delay)
            writer.write(data)
            await writer.drain()
        writer.close()


async def main(port_file, server, delay):
    host, port = server.split(":")

    async def accept(reader, writer):
        c = Connection(delay)
        try:
            up_reader, up_writer = await asyncio.open_connection(host, int(port))
            await asyncio.gather(c.questions(reader, up_writer), c.answers(up_reader, writer))
        except OSError:
            writer.close()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, limit=CHUNK)
    with open(port_file + ".new", "w", encoding="ascii") as f:
        print(listener.sockets[0].getsockname()[1], file=f)
    os.rename(port_file + ".new", port_file)
    await listener.serve_forever()


asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]) / 1000))
