"""Put a gateway together: journal, keys, cards, node and sockets, all under one home folder.

home/journal.db   the journal        home/keys.db   terminals' keys, sealed
home/cards.db     day keys of sealed card numbers    home/master.key   unless STORNO_MASTER_KEY is set
"""

from __future__ import annotations

import gc
import os
import resource
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from storno.app.settings import LOOPBACK, Settings, SettingsError, TlsFiles
from storno.gateway.node import Node
from storno.gateway.serve import Gateway
from storno.gateway.tracing import TracedNode
from storno.journal.sqlite_reader import SqliteReader
from storno.journal.writer import JournalWriter
from storno.vault import FileCardVault, FileKeyStore, load_master
from storno.vault.testkeys import TEST_LINK_MAK, TEST_TMK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from storno.app.otel import OtelTracer
    from storno.gateway import events as ev
    from storno.iso8583.mac import Mac

JOURNAL = "journal.db"
KEYS = "keys.db"
CARDS = "cards.db"
MASTER = "master.key"
SPARE_FILES = 256
"""Files beside the terminals' connections: journal, stores, host links, the control socket."""


class TrialKeyStore(FileKeyStore):
    """A key store that takes in any terminal and link with the published test keys: for trials on this machine only."""

    def has_terminal(self, tid: str) -> bool:
        """Say yes to every plausible TID, loading the test key for one that is new."""
        if super().has_terminal(tid):
            return True
        if not tid.strip() or not (tid.isascii() and tid.isprintable()):
            return False
        self.add_master_key(tid, TEST_TMK)
        return True

    def link_mac(self, link: str, profile: str) -> Mac | None:
        """Give the MAC of a link to a host, loading the test key for one that has none."""
        mac = super().link_mac(link, profile)
        if mac is None:
            self.add_link_key(link, TEST_LINK_MAK)
            mac = super().link_mac(link, profile)
        return mac


@dataclass(slots=True)
class Parts:
    """What a gateway is made of, to be closed when it ends."""

    writer: JournalWriter
    reader: SqliteReader
    keys: FileKeyStore
    cards: FileCardVault
    node: Node
    tracer: OtelTracer | None = None

    def close(self) -> None:
        """Release the files; the writer is closed by the gateway itself."""
        if self.tracer is not None:
            self.tracer.close()
        self.reader.close()
        self.keys.close()
        self.cards.close()


def master_key(home: Path, warn: Callable[[str, str], None] | None = None) -> bytes:
    """Give the master key of a home folder, made on first use."""
    return load_master(os.environ, home / MASTER, create=True, warn=warn)


def build_parts(settings: Settings, home: Path, warn: Callable[[str, str], None] | None = None) -> Parts:
    """Open everything a node needs.

    Raises:
        SettingsError: test keys together with an address that others can reach, or traces without their extra.

    """
    if settings.test_terminals and settings.serve.listen.host not in LOOPBACK:
        raise SettingsError(
            "test_terminals may not be on while the gateway listens beyond this machine; import real keys "
            "with `storno keys` and set test_terminals = false",
            "网关监听本机以外的地址时不能启用 test_terminals；"
            "请用 `storno keys` 灌装真实密钥，并设 test_terminals = false",
        )
    tracer = None
    if settings.trace.endpoint:
        from storno.app.otel import otel_tracer

        tracer = otel_tracer(settings.trace, warn)
    master = master_key(home, warn)
    store = TrialKeyStore if settings.test_terminals else FileKeyStore
    keys = store(home / KEYS, master)
    cards = FileCardVault(home / CARDS, master)
    writer = JournalWriter.start(home / JOURNAL)
    reader = SqliteReader(home / JOURNAL)
    made = (settings.node, settings.dialect, reader, keys, cards, writer.incarnation)
    node = Node(*made) if tracer is None else TracedNode(*made, tracer=tracer)
    return Parts(writer, reader, keys, cards, node, tracer)


def build_gateway(settings: Settings, parts: Parts, log: Callable[[ev.Log], None]) -> Gateway:
    """Put sockets around a node; needs a running event loop."""
    make_room(settings.serve.connections_max)
    options = replace(
        settings.serve,
        tls=_server_tls(settings.tls),
        host_tls=None if settings.host_tls is None else _client_tls(settings.host_tls),
    )
    return Gateway(parts.node, parts.writer, options, log)


def make_room(connections: int) -> None:
    """Let this process open as many files as so many connections need, as far as the machine allows.

    The usual 1,024 would be used up by idle terminals long before `connections_max` refuses one with a reason.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def settle_memory() -> None:
    """Spare the garbage collector what stays: called once, when a long-running process is set up.

    Records, messages and batches hold no cycles and die by counting, so its rounds over them find nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def _server_tls(files: TlsFiles) -> ssl.SSLContext | None:
    if not files.certificate:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.authority or None)
        context.load_cert_chain(files.certificate, files.key or None)
    except OSError as error:
        raise _unusable("tls", files, error) from None
    if files.authority:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _client_tls(files: TlsFiles) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=files.authority or None)
        if files.certificate:
            context.load_cert_chain(files.certificate, files.key or None)
    except OSError as error:
        raise _unusable("host_tls", files, error) from None
    return context


def _unusable(table: str, files: TlsFiles, error: OSError) -> SettingsError:
    named = ", ".join(filter(None, (files.certificate, files.key, files.authority)))
    return SettingsError(
        f"[{table}]: {named}: cannot be used: {error.strerror or error}",
        f"[{table}]：{named}：证书或密钥不可用：{error.strerror or error}",
    )
