"""The supervisor: what ends is started again, what runs is drained, and nothing is left."""

import itertools
import signal
import subprocess
import time
from pathlib import Path

import pytest

from launcher.program import Program
from tests.launcher.conftest import ROOT, Start, alive, wait_until

# Three programs: one that drains, one that keeps dying, one that will not stop and has a child that will not either.
PROGRAMS = {
    "steady": """
import signal, sys, time
from pathlib import Path
def drain(*_):
    time.sleep(0.2)
    Path("steady.drained").write_text("yes")
    sys.exit(0)
signal.signal(signal.SIGTERM, drain)
""",
    "dying": """
import os, sys, time
with open("dying.starts", "a") as file: file.write(f"{time.monotonic()}\\n")
print("I am dying")
sys.exit(3)
""",
    "stubborn": """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))
open("stubborn.child.pid", "w").write(str(child.pid))
""",
}
REST = """
import os, time
open({pid!r}, "w").write(str(os.getpid()))
print("ready", flush=True)
time.sleep(60)
"""
DRIVER = """
import sys
from pathlib import Path
from launcher.program import Program
from launcher.supervisor import Supervisor, end_with_make
folder, grace, names = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3].split(",")
programs = [Program(name, [sys.executable, f"{name}.py"], folder / "logs" / f"{name}.log") for name in names]
each_tick = end_with_make if "--under-make" in sys.argv else lambda: None
Supervisor(programs, folder=folder, grace=grace, each_tick=each_tick).run(when_ready=lambda silent: print("serving", len(silent)))
print("stopped in order")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, program in PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(program + REST.format(pid=f"{name}.pid"))
    return tmp_path


def pid_of(folder: Path, name: str) -> int:
    path = folder / f"{name}.pid"
    wait_until(lambda: path.exists() and bool(path.read_text()))
    return int(path.read_text())


def test_sigterm_drains(folder: Path, start: Start) -> None:
    driver = start("-c", DRIVER, folder, "10", "steady")
    steady = pid_of(folder, "steady")
    driver.terminate()
    said, complaint = driver.communicate(timeout=10)
    assert (folder / "steady.drained").read_text() == "yes"
    assert not alive(steady)
    assert driver.returncode == 0, complaint
    assert said.splitlines()[-1] == "stopped in order"
    assert "killed" not in said


def test_what_a_program_says_is_shown_and_kept(folder: Path, start: Start) -> None:
    driver = start("-c", DRIVER, folder, "10", "steady")
    pid_of(folder, "steady")
    log = folder / "logs" / "steady.log"
    wait_until(lambda: log.exists() and log.read_text() == "ready\n")
    driver.terminate()
    assert "steady  | ready" in driver.communicate(timeout=10)[0].splitlines()


def test_what_ends_is_started_again_and_later_each_time(folder: Path, start: Start) -> None:
    driver = start("-c", DRIVER, folder, "10", "dying,steady")
    starts = folder / "dying.starts"
    wait_until(lambda: starts.exists() and len(starts.read_text().splitlines()) >= 4, seconds=20)
    assert alive(pid_of(folder, "steady"))
    driver.terminate()
    said = driver.communicate(timeout=10)[0]
    times = [float(line) for line in starts.read_text().splitlines()]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses[1] > 0.9
    assert pauses[2] > 1.9
    assert "ended with status 3; starting it again now" in said
    assert "ended with status 3; starting it again in 2 s" in said
    assert "dying   | I am dying" in said


def test_a_killed_program_is_started_again(folder: Path, start: Start) -> None:
    driver = start("-c", DRIVER, folder, "10", "steady")
    first = pid_of(folder, "steady")
    (folder / "steady.pid").unlink()
    subprocess.run(["kill", "-9", str(first)], check=True)
    assert pid_of(folder, "steady") != first
    driver.terminate()
    assert "ended with signal SIGKILL" in driver.communicate(timeout=10)[0]


def test_what_will_not_stop_is_killed_with_all_it_started(folder: Path, start: Start) -> None:
    driver = start("-c", DRIVER, folder, "0.5", "stubborn")
    pids = [pid_of(folder, "stubborn"), int((folder / "stubborn.child.pid").read_text())]
    driver.terminate()
    assert "did not stop in time and is killed" in driver.communicate(timeout=10)[0]
    wait_until(lambda: not any(map(alive, pids)))


def test_a_second_ctrl_c_does_not_wait(folder: Path, start: Start) -> None:
    driver = start("-c", DRIVER, folder, "60", "stubborn")
    stubborn = pid_of(folder, "stubborn")
    driver.send_signal(signal.SIGINT)
    time.sleep(1.2)
    assert alive(stubborn)
    driver.send_signal(signal.SIGINT)
    driver.communicate(timeout=5)
    assert not alive(stubborn)


def test_the_same_stop_received_twice_is_one(folder: Path, start: Start) -> None:
    driver = start("-c", DRIVER, folder, "10", "steady")
    pid_of(folder, "steady")
    driver.send_signal(signal.SIGINT)
    driver.send_signal(signal.SIGTERM)
    driver.communicate(timeout=10)
    assert (folder / "steady.drained").exists()


def test_nothing_outlives_a_killed_supervisor(folder: Path, start: Start) -> None:
    driver = start("-c", DRIVER, folder, "10", "steady")
    steady = pid_of(folder, "steady")
    driver.kill()
    wait_until(lambda: not alive(steady))
    assert (folder / "steady.drained").exists()


def test_a_reader_who_does_not_read_holds_nothing_up(folder: Path, start: Start) -> None:
    (folder / "steady.py").write_text(
        "import os\nfor _ in range(4000): print('x' * 100)\n" + REST.format(pid="steady.pid")
    )
    driver = start("-c", DRIVER, folder, "10", "steady")
    pid_of(folder, "steady")  # it has written 400 KB, and nobody has read them
    log = folder / "logs" / "steady.log"
    wait_until(lambda: log.read_text().endswith("ready\n"))
    driver.terminate()
    driver.communicate(timeout=10)
    assert driver.returncode == 0


def test_an_interrupt_sent_to_make_alone_stops_everything(folder: Path, start: Start) -> None:
    (folder / "driver.py").write_text(DRIVER)
    command = f'exec python -c "$$(cat driver.py)" {folder} 10 steady --under-make'
    (folder / "Makefile").write_text(
        f"run:\n\t@cd {folder} && PYTHONPATH={ROOT} PATH={ROOT}/.venv/bin:/usr/bin:/bin {command}\n"
    )
    make = start("-c", f"import os; os.execvp('make', ['make', '-C', {str(folder)!r}, 'run'])")
    steady = pid_of(folder, "steady")
    make.send_signal(signal.SIGINT)
    make.communicate(timeout=10)
    assert not alive(steady)
    assert (folder / "steady.drained").exists()


def test_a_log_is_set_aside_before_it_fills_the_disk(tmp_path: Path) -> None:
    log = tmp_path / "large.log"
    with log.open("wb") as file:
        file.truncate(11_000_000)
    program = Program("large", ["true"], log)
    program.start(tmp_path)
    program.child.wait()
    program.ended()
    program.close_log()
    assert log.stat().st_size == 0
    assert (tmp_path / "large.1.log").stat().st_size == 11_000_000
