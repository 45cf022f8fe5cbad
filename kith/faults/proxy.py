"""A TCP proxy that can be slow, cut, silent, or end a connection after some bytes.

It runs in a thread with a loop of its own, so that whoever makes faults may block.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)  # linger of 0 s: closing sends RST instead of FIN


@dataclass
class Weather:
    """What the network is like now; each chunk looks again."""

    delay: float = 0.0
    """Seconds before a chunk is passed on."""
    refuse: bool = False
    """New connections are closed at once."""
    silent: bool = False
    """Half open: connections stand, nothing gets through."""
    cut_after: int | None = None
    """Bytes that a client may still send before its connection is reset; None: any number."""


class FaultProxy:
    """Listens on a port of its own on loopback and passes everything on to another port of it."""

    def __init__(self, target: int, port: int = 0) -> None:
        self.weather = Weather()
        self.target = target
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server, self._serve, "127.0.0.1", port)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def clear(self) -> None:
        """Fine weather."""
        self.weather = Weather()

    def reset_all(self) -> int:
        """RST on every connection, both ways. How many there were."""
        return int(self._call(self._reset_all))

    def stop(self) -> None:
        self.reset_all()
        self._call(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(function(*arguments), self._loop).result(10)

    async def _until_heard(self) -> None:
        silent = self.weather.silent
        while silent:
            await asyncio.sleep(0.05)
            silent = self.weather.silent

    async def _close(self) -> None:
        self._server.close()
        await asyncio.sleep(0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _reset_all(self) -> int:
        pairs = list(self._pairs)
        for pair in pairs:
            _reset(*pair)
        return len(pairs)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.refuse:
            _reset(writer)
            return
        try:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _reset(writer)
            return
        pair = (writer, back_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(
                self._pump(reader, back_writer, pair, from_client=True),
                self._pump(back_reader, writer, pair, from_client=False),
            )
        except (OSError, asyncio.IncompleteReadError):
            _reset(*pair)
        finally:
            self._pairs.discard(pair)
            for end in pair:
                with contextlib.suppress(Exception):
                    end.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        *,
        from_client: bool,
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            if self.weather.delay:
                await asyncio.sleep(self.weather.delay)
            await self._until_heard()
            left = self.weather.cut_after
            if left is not None and from_client:
                self.weather.cut_after = max(0, left - len(chunk))
                if left < len(chunk):
                    writer.write(chunk[:left])
                    await writer.drain()
                    _reset(*pair)
                    return
            writer.write(chunk)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()


def _reset(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        held = writer.get_extra_info("socket")
        if held is not None:
            with contextlib.suppress(OSError):
                held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
