"""Where alerts live: `watch/alerts.db` in the home folder, with their history, and how far the journal was read.

What a look at the journal found is committed whole: alerts, history, position and the state of the detectors together.
A crash goes back to the last look; the same facts give the same alerts again.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Self

import apsw

from storno.watch.alerts import Alert, Entry, Figures, Move, Severity, Signal, Standing, after

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER, FILE = "watch", "alerts.db"
FORMAT = 1
_TABLES = """
CREATE TABLE alerts (id INTEGER PRIMARY KEY, key TEXT NOT NULL, standing TEXT NOT NULL, raised_ms INTEGER NOT NULL,
  body TEXT NOT NULL) STRICT;
CREATE INDEX alerts_by_key ON alerts (key);
CREATE TABLE history (id INTEGER PRIMARY KEY, alert INTEGER NOT NULL, at_ms INTEGER NOT NULL, move TEXT NOT NULL,
  standing TEXT NOT NULL, operator TEXT NOT NULL, note TEXT NOT NULL) STRICT;
CREATE INDEX history_by_alert ON history (alert);
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""


class StoreError(Exception):
    """The alerts cannot be kept or read; in both languages."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english, self.chinese = english, chinese


class AlertStore:
    """Alerts, durable. `None` as folder keeps them in memory."""

    def __init__(self, home: Path | None) -> None:
        """Open or make the store.

        Raises:
            StoreError: it is damaged, foreign, of a newer version, or the disk refuses.

        """
        path = ":memory:"
        if home is not None:
            folder = home / FOLDER
            folder.mkdir(mode=0o700, exist_ok=True)
            path = str(folder / FILE)
        try:
            self._live: dict[int, Alert] | None = None
            self._db = apsw.Connection(path)
            self._db.set_busy_timeout(10_000)
            self._db.execute("PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL")
            with self._db:
                version = self._one("PRAGMA user_version")[0]
                if version == 0:
                    self._db.execute(f"{_TABLES} PRAGMA user_version = {FORMAT}")
        except apsw.Error as error:
            raise StoreError(
                f"{path} cannot be used ({type(error).__name__}): check the disk, or move the file away",
                f"{path} 无法使用（{type(error).__name__}）：请检查磁盘，或移走该文件",
            ) from None
        if version not in (0, FORMAT):
            raise StoreError(
                f"{path} is of a newer Storno (format {version})",
                f"{path} 由更新版本的 Storno 写入（格式 {version}）",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Commit everything inside together, or nothing; one process at a time.

        Raises:
            StoreError: another process holds the store for long.

        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            raise StoreError(
                "another look is being kept: try again in a moment", "另一次查看正在保存：请稍后再试"
            ) from None
        self._live = None
        try:
            yield
        except BaseException:
            self._live = None
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _one(self, sql: str, values: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        return next(iter(self._db.execute(sql, values)), ())

    # ------------------------------------------------------------ alerts
    def alert(self, number: int) -> Alert | None:
        """Give an alert; None when there is none of this number."""
        row = self._one("SELECT id, body FROM alerts WHERE id = ?", (number,))
        return _read(*row) if row else None

    def alerts(self, *, live_only: bool = True, limit: int = 1_000_000) -> list[Alert]:
        """List alerts, oldest first."""
        if live_only:
            return [*self._cached().values()][-limit:]
        sql = "SELECT id, body FROM (SELECT id, body FROM alerts ORDER BY id DESC LIMIT ?) ORDER BY id"
        return [_read(*row) for row in self._db.execute(sql, (limit,))]

    def _cached(self) -> dict[int, Alert]:
        """Give the live alerts by number; read anew in every transaction, for others write too."""
        if self._live is None:
            rows = self._db.execute("SELECT id, body FROM alerts WHERE standing <> 'closed' ORDER BY id")
            self._live = {number: _read(number, body) for number, body in rows}
        return self._live

    def live(self, key: str) -> Alert | None:
        """Give the live alert about this; None when there is none."""
        return next((one for one in self._cached().values() if one.signal.key == key), None)

    def silence(self, key: str, now_ms: int) -> Alert | None:
        """Give the last alert about this if its silence still holds."""
        row = self._one("SELECT id, body FROM alerts WHERE key = ? ORDER BY id DESC LIMIT 1", (key,))
        last = _read(*row) if row else None
        return last if last is not None and last.silent_until_ms > now_ms else None

    def history(self, number: int) -> list[Entry]:
        """Give the history of an alert."""
        sql = "SELECT alert, at_ms, move, standing, operator, note FROM history WHERE alert = ? ORDER BY id"
        return [
            Entry(alert, at_ms, Move(move), Standing(standing), operator, note)
            for alert, at_ms, move, standing, operator, note in self._db.execute(sql, (number,))
        ]

    def raise_alert(self, alert: Alert, note: str = "") -> Alert:
        """Add an alert; its number is given here.

        Raises:
            AssertionError: there is a live one about the same.

        """
        assert self.live(alert.signal.key) is None, f"{alert.signal.key} is raised twice"
        number = int(self._one("SELECT coalesce(max(id), 0) + 1 FROM alerts")[0])
        made = replace(alert, id=number)
        self._db.execute(
            "INSERT INTO alerts VALUES (?, ?, ?, ?, ?)",
            (number, made.signal.key, made.standing.value, made.raised_ms, _body(made)),
        )
        self._cached()[number] = made
        self._tell(Entry(number, made.raised_ms, Move.RAISED, made.standing, "", note))
        return made

    def update(self, alert: Alert) -> None:
        """Write new figures; no history."""
        live = self._cached()
        if alert.standing is Standing.CLOSED:
            live.pop(alert.id, None)
        else:
            live[alert.id] = alert
        self._db.execute(
            "UPDATE alerts SET standing = ?, body = ? WHERE id = ?",
            (alert.standing.value, _body(alert), alert.id),
        )

    def move(
        self, alert: Alert, move: Move, at_ms: int, operator: str = "", note: str = "", **more: Any
    ) -> Alert:
        """Take an alert one step on; `more` are members to change with it.

        Raises:
            NotAllowed: the table has no such cell.

        """
        made = replace(alert, standing=after(alert.standing, move), updated_ms=at_ms, **more)
        if operator:
            made = replace(made, operator=operator, note=note)
        self.update(made)
        self._tell(Entry(made.id, at_ms, move, made.standing, operator, note))
        return made

    def _tell(self, entry: Entry) -> None:
        self._db.execute(
            "INSERT INTO history VALUES (NULL, ?, ?, ?, ?, ?, ?)",
            (entry.alert, entry.at_ms, entry.move.value, entry.standing.value, entry.operator, entry.note),
        )

    # ------------------------------------------------------------ state
    def load(self, name: str) -> Any:
        """Give a piece of state; None when there is none."""
        row = self._one("SELECT value FROM state WHERE name = ?", (name,))
        return json.loads(row[0]) if row else None

    def save(self, name: str, value: object) -> None:
        """Keep a piece of state."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, text))


def _body(alert: Alert) -> str:
    body = asdict(alert) | {"severity": alert.severity.value, "standing": alert.standing.value}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _read(number: int, text: str) -> Alert:
    body = json.loads(text)
    return Alert(**{
        **body, "id": number, "signal": Signal(**body["signal"]), "figures": Figures(**body["figures"]),
        "severity": Severity(body["severity"]), "standing": Standing(body["standing"]),
        "values": tuple((level, value) for level, value in body["values"]),
        "measures": tuple(body["measures"]), "examples": tuple(body["examples"]),
    })  # fmt: skip
