"""A WebSocket server or client of python3-websockets, for one connection under test. Pings are the library's own.

server HOST PORT PAD        echoes each message and adds it to the file PAD
client URL INTERVAL TIMEOUT [LOCAL]
                            sends each line of its input as a message, prints what it gets, pings every INTERVAL seconds and
                            gives up TIMEOUT seconds after a ping without a pong ("never": waits for ever); from the address
                            LOCAL of this machine
"""

import asyncio
import sys

import websockets


async def serve(host, port, pad):
    async def echo(connection, _path):
        async for message in connection:
            with open(pad, "a", encoding="utf-8") as file:
                file.write(message)
            await connection.send(message)

    async with websockets.serve(echo, host, int(port), ping_interval=None):
        print("listening", flush=True)
        await asyncio.Future()


async def show(connection):
    async for message in connection:
        print(f"got {message}", flush=True)


async def type_lines(connection):
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        await connection.send(line.decode().rstrip("\n"))


async def connect(url, interval, timeout, local=None):
    ping_timeout = None if timeout == "never" else float(timeout)
    options = {} if local is None else {"local_addr": (local, 0)}
    options.update(ping_interval=float(interval), ping_timeout=ping_timeout, close_timeout=1)
    async with websockets.connect(url, **options) as connection:
        print("connected", flush=True)
        typing = asyncio.ensure_future(type_lines(connection))
        try:
            await show(connection)
        except websockets.ConnectionClosed as closed:
            print(f"closed {closed}", flush=True)
        typing.cancel()


PARTS = {"server": serve, "client": connect}
asyncio.run(PARTS[sys.argv[1]](*sys.argv[2:]))
