"""What the machine is doing, as Linux tells it. Elsewhere nothing is known of it."""

from dataclasses import dataclass
from pathlib import Path

STAT, MEMORY = Path("/proc/stat"), Path("/proc/meminfo")
_IDLE, _WAITING_FOR_DISKS = 3, 4


@dataclass(frozen=True, slots=True)
class Processors:
    """How much time all processors together have spent since the machine began, and how much of it at work."""

    busy: int
    total: int

    def percent_since(self, earlier: "Processors | None") -> float | None:
        """How busy they were in between; None without an earlier look."""
        if earlier is None or self.total <= earlier.total:
            return None
        share = (self.busy - earlier.busy) / (self.total - earlier.total)
        return round(100 * min(1.0, max(0.0, share)), 1)


def processors(stat: Path = STAT) -> Processors | None:
    """What they have done up to now."""
    try:
        first = stat.read_text().splitlines()[0].split()
        spent = [int(number) for number in first[1:9]]
        return Processors(sum(spent) - spent[_IDLE] - spent[_WAITING_FOR_DISKS], sum(spent))
    except (OSError, ValueError, IndexError):
        return None


def memory(meminfo: Path = MEMORY) -> tuple[float, int] | None:
    """How much of the memory is used, in percent and in megabytes."""
    try:
        lines = (line.split(":", 1) for line in meminfo.read_text().splitlines())
        kilobytes = {name: int(value.split()[0]) for name, value in lines}
        total, used = kilobytes["MemTotal"], kilobytes["MemTotal"] - kilobytes["MemAvailable"]
        return round(100 * used / total, 1), used // 1024
    except (OSError, ValueError, LookupError, ZeroDivisionError):
        return None
