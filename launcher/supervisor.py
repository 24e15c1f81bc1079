"""Keeps programs running: starts again what ends, shows what they say, and stops them all in an orderly way."""

import os
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from launcher.child import kill_group
from launcher.console import line, say
from launcher.program import Program

_TICK = 0.25
_SAME_STOP = 1.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Runs programs side by side until it is told to stop.

    `each_tick` is called several times a second, for what else must be watched; `grace` is the time the programs get to drain.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        folder: Path,
        grace: float = 15.0,
        each_tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._programs = programs
        self._folder = folder
        self._grace = grace
        self._each_tick = each_tick
        self._selector = selectors.DefaultSelector()
        self._stops = 0
        self._stopped_at = -_SAME_STOP

    def run(self, *, when_ready: Callable[[Sequence[Program]], None], ready_within: float = 60.0) -> None:
        """Serve until SIGINT, SIGTERM or SIGHUP, then stop every program.

        `when_ready` is called once, with the programs that do not answer yet: none of them, unless `ready_within` is over.
        """
        former = {number: signal.signal(number, self._note_stop) for number in _STOP_SIGNALS}
        try:
            deadline = time.monotonic() + ready_within
            announced = False
            while not self._stops:
                self._start_due()
                self._show_output(_TICK)
                self._each_tick()
                if not announced:
                    silent = [program for program in self._programs if not program.answers()]
                    if announced := not silent or time.monotonic() > deadline:
                        when_ready(silent)
        finally:
            self._stop()
            for number, handler in former.items():
                signal.signal(number, handler)

    def _note_stop(self, _number: int, _frame: FrameType | None) -> None:
        # Ctrl-C, or a stop sent to a whole process group, reaches us more than once: directly and through make.
        now = time.monotonic()
        if now - self._stopped_at > _SAME_STOP:
            self._stops += 1
        self._stopped_at = now

    def _start_due(self) -> None:
        for program in self._programs:
            if program.process is None and time.monotonic() >= program.start_at:
                program.start(self._folder)
                self._selector.register(program.output, selectors.EVENT_READ, program)

    def _show_output(self, patience: float) -> None:
        """Pass on what the programs say, for up to `patience` seconds, and notice those that have ended."""
        for key, _ in self._selector.select(patience):
            if not self._pass_on(key.data) and key.data.silenced:
                self._stop_reading(key.data)
        for program in self._programs:
            if program.process is not None and program.process.poll() is not None:
                self._note_end(program)

    @staticmethod
    def _pass_on(program: Program) -> bool:
        lines = program.read_lines()
        for text in lines:
            say(f"{program.name:<8}| {text}")
        return bool(lines)

    def _stop_reading(self, program: Program) -> None:
        if program.output in self._selector.get_map():
            self._selector.unregister(program.output)

    def _note_end(self, program: Program) -> None:
        while not program.silenced and self._pass_on(program):
            pass
        status = program.child.returncode
        kill_group(program.child)  # what it started goes with it
        self._stop_reading(program)
        pause = program.ended()
        if not self._stops:
            say(
                line(
                    program.name,
                    f"ended with {_reason(status)}; starting it again {f'in {pause:.0f} s' if pause else 'now'}",
                )
            )

    def _stop(self) -> None:
        """Ask all programs to drain, and kill those that have not when the grace is over, or when asked to stop a second time."""
        self._stops = max(self._stops, 1)
        for program in self._programs:
            if program.running:
                program.child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        while self._alive() and time.monotonic() < deadline and self._stops < 2:
            self._show_output(0.1)
        for program in self._alive():
            say(line(program.name, "did not stop in time and is killed"))
            kill_group(program.child)
            program.child.wait()
        self._show_output(0)
        for program in self._programs:
            program.close_log()
        self._selector.close()

    def _alive(self) -> list[Program]:
        return [program for program in self._programs if program.running]


def _reason(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"


def end_with_make() -> None:
    """Stop when the make that started us is asked to, or is gone.

    make passes SIGTERM on, but an interrupt sent to it alone, as a script does in place of Ctrl-C, stays with it: it then waits for
    us, inside its handler, with the signal blocked.
    """
    parent = os.getppid()
    try:
        blocked = next(
            row for row in Path(f"/proc/{parent}/status").read_text().splitlines() if row.startswith("SigBlk")
        )
    except (OSError, StopIteration):
        return
    if int(blocked.split()[1], 16) & (1 << (signal.SIGINT - 1)):
        os.kill(os.getpid(), signal.SIGINT)
