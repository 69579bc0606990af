"""A line between the pods of a training group: when one is gone, the others know within seconds.

A collective operation may wait for a lost process for ten minutes and more, with every accelerator held. So the
parent process of each pod keeps a connection to that of pod 0, at the port after the group's own; a connection that
ends without a goodbye, or is silent for long, means that the group is broken.
"""

import contextlib
import socket
import threading
import time

from thinksafe.stages.group import Group

BEAT_SECONDS = 1.0
SILENCE_SECONDS = 30.0
_BEAT, _GOODBYE = b".", b"!"


class Link:
    """Pod 0 listens, the others call. `broken` says who was lost; "" while all is well."""

    def __init__(self, group: Group, uid: str) -> None:
        self._group, self._hello = group, f"thinksafe {uid} "
        self.broken, self.ready = "", group.pod == 0
        self._left = threading.Event()
        self._open: list[socket.socket] = []
        self._server = _listen(group.port + 1) if group.pod == 0 else None
        threading.Thread(target=self._accept if self._server else self._call, name="link", daemon=True).start()

    def leave(self, *, done: bool) -> None:
        """End all connections; with `done` the others are told that nothing is wrong."""
        self._left.set()
        for connection in self._open:
            with contextlib.suppress(OSError):
                if done:
                    connection.sendall(_GOODBYE)
                connection.close()
        if self._server:
            self._server.close()

    # --- the threads ------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        assert self._server
        while not self._left.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._greeted, args=(connection,), daemon=True).start()

    def _greeted(self, connection: socket.socket) -> None:
        """Hold a connection that is of this run; anything else that calls is none of our business."""
        with contextlib.suppress(OSError):
            connection.settimeout(10)
            hello = connection.recv(200).decode(errors="replace").partition("\n")[0]
            if hello.startswith(self._hello):
                self._hold(connection, f"pod {hello.removeprefix(self._hello)[:4]}")
                return
        connection.close()

    def _call(self) -> None:
        """Call pod 0 until it answers: it may not be scheduled yet."""
        while not self._left.is_set():
            try:
                connection = socket.create_connection((self._group.address, self._group.port + 1), timeout=5)
                connection.sendall(f"{self._hello}{self._group.pod}\n".encode())
            except OSError:
                time.sleep(BEAT_SECONDS)
                continue
            self.ready = True
            self._hold(connection, "pod 0")
            return

    def _hold(self, connection: socket.socket, who: str) -> None:
        """Beat and listen until the other end says goodbye or is lost."""
        self._open.append(connection)
        connection.settimeout(BEAT_SECONDS)
        heard = time.monotonic()
        while not self._left.is_set():
            try:
                connection.sendall(_BEAT)
                said = connection.recv(4096)
            except TimeoutError:
                said = None
            except OSError:
                said = b""
            if said and _GOODBYE in said:
                return
            heard = time.monotonic() if said else heard
            if (said == b"" or time.monotonic() - heard > SILENCE_SECONDS) and not self._left.is_set():
                self.broken = self.broken or f"{who} of the training group is gone"
                return
            if said:
                self._left.wait(BEAT_SECONDS)


def _listen(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
