"""A TCP proxy that does to HTTP what bad days do: answers 5xx, cuts, stalls, and swallows answers.

One request a connection, as versitygw without keep-alive has it.
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from typing import Self

FAULTS = ("refused", "busy", "broken", "request cut", "reply cut", "headers cut", "swallowed", "stalled")
_BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_XML = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>no</Message></Error>"
_BROKEN = b"HTTP/1.1 500 Error\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_XML), _XML)


class FaultyProxy:
    """Use it with `with`. `choose(head)` says a fault of FAULTS, or None to pass, by a request's first bytes.

    `stall` is for how many seconds a stalled reply is held; `seen` counts what was done to the requests.
    """

    def __init__(self, port: int, choose: Callable[[bytes], str | None], stall: float = 3.0) -> None:
        self.upstream, self.choose, self.stall, self.seen = port, choose, stall, Counter[str]()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        serving = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = serving.result(10)
        self.endpoint = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        [task.cancel() for task in serving]
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            fault = self.choose(head)
            self.seen[fault or "passed"] += 1
            if fault in ("busy", "broken"):
                writer.write(_BUSY if fault == "busy" else _BROKEN)
                await writer.drain()
            elif fault != "refused":
                await self._pass(head, reader, writer, fault)
        with contextlib.suppress(OSError):
            writer.close()

    async def _pass(self, head: bytes, reader, writer, fault: str | None) -> None:
        to, back = None, None
        try:
            back, to = await asyncio.open_connection("127.0.0.1", self.upstream)
            to.write(head)
            sending = asyncio.ensure_future(self._send(reader, to, writer, fault == "request cut"))
            if fault != "request cut":
                await self._answer(back, writer, fault)
            else:
                await sending
            sending.cancel()
        finally:
            if to:
                to.close()

    async def _send(self, reader, to, writer, cut: bool) -> None:
        """The request's body on its way to the server; `cut`: the server gets all but its last 10 bytes.

        A body that waits for `100 Continue` is told to come by us, so that there is something to cut.
        """
        if cut:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
            body = await asyncio.wait_for(reader.read(1 << 20), 2) or b""
            to.write(body[:-10])
            await to.drain()
            return
        while data := await reader.read(1 << 16):
            to.write(data)
            await to.drain()

    async def _answer(self, back, writer, fault: str | None) -> None:
        reply = b""
        while data := await back.read(1 << 16):
            if fault is None or data.startswith(b"HTTP/1.1 100"):  # or a body would never be sent
                writer.write(data)
                await writer.drain()
            else:
                reply += data
        # The server is done: what it wrote stays written, whatever the client gets to hear.
        if fault == "stalled":
            await asyncio.sleep(self.stall)
        elif fault in ("reply cut", "headers cut"):
            writer.write(reply[: -1 if fault == "reply cut" else len(b"HTTP/1.1 200 OK\r\nServ")])
            await writer.drain()
