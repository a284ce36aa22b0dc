"""A study while it runs, read from its folder alone: nothing is written, locked or asked of the run."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kalander.coupling.study.study import open_study
from kalander.coupling.study.trace import reached
from kalander.runs.shell.failures import printable

__all__ = ["Look", "Watcher", "look_lines"]


@dataclass(frozen=True)
class Look:
    """A study at one moment. rows: stage, state, share done (None: unknown) and what is said of it."""

    folder: str
    holder: str
    rows: tuple[tuple[str, str, float | None, str], ...]

    @property
    def finished(self) -> bool:
        return all(state == "finished" for _, state, _, _ in self.rows)

    def as_json(self) -> dict[str, Any]:
        stages = [
            {"name": name, "state": state, "share": share, "about": about} for name, state, share, about in self.rows
        ]
        return {"study": self.folder, "holder": self.holder or None, "finished": self.finished, "stages": stages}


@dataclass
class Watcher:
    """Looks at a folder again and again; what it saw before tells how fast a stage goes."""

    folder: Path
    seen: list[tuple[str, float, float]] = field(default_factory=list)  # stage, share, monotonic time

    def look(self) -> Look:
        """Raises InputError (no study), CheckpointError (its record is damaged)."""
        stages = open_study(self.folder).stages
        holder = _text(self.folder / ".lock")
        now = reached(self.folder)
        return Look(str(self.folder), holder, tuple(self._rows(stages, holder, now)))

    def _rows(
        self, stages: tuple[str, ...], holder: str, now: tuple[str, float] | None
    ) -> Iterator[tuple[str, str, float | None, str]]:  # fmt: skip
        for name in stages:
            path = self.folder / f"{name}.h5"
            saves = sorted((self.folder / name).glob("*.h5"), key=lambda save: save.name)
            if now is not None and now[0] == name:
                state = "running" if holder else "stopped"
                yield name, state, now[1], self._about(name, now[1]) + _last_save(saves)
            elif path.exists():
                yield name, "finished", 1.0, f"{_ago(path)}, {path.stat().st_size / 1024:.0f} KiB"
            else:
                yield name, "waiting" if holder else "not begun", None, _last_save(saves).lstrip("; ")

    def _about(self, stage: str, share: float) -> str:
        """Time left by what was seen of this stage."""
        self.seen = [one for one in self.seen if one[0] == stage][-200:]
        self.seen.append((stage, share, time.monotonic()))
        (_, first, began), (_, last, ended) = self.seen[0], self.seen[-1]
        if last <= first:
            return "time left not known yet"
        return f"some {_spell((1.0 - last) * (ended - began) / (last - first))} left"


def _text(path: Path) -> str:
    try:
        return printable(path.read_text(encoding="utf-8", errors="replace")[:120], lines=False)
    except OSError:
        return ""


def _last_save(saves: list[Path]) -> str:
    return f"; saved {_ago(saves[-1])}" if saves else ""


def _ago(path: Path) -> str:
    try:
        return f"{_spell(max(0.0, time.time() - path.stat().st_mtime))} ago"
    except OSError:
        return "just now"


def _spell(seconds: float) -> str:
    for unit, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def look_lines(look: Look, width: int = 24) -> list[str]:
    """A look as lines: a bar for each stage."""
    lines = [f"{look.folder}: {look.holder + ' is at work' if look.holder else 'nobody is at work'}"]
    for name, state, share, about in look.rows:
        bar = "·" * width if share is None else "█" * round(share * width) + "·" * (width - round(share * width))
        done = "      " if share is None else f"{100 * share:5.1f}%"
        lines.append(f"{name:<10} {bar} {done}  {state:<9}  {about}".rstrip())
    return lines
