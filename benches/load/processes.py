"""What processes cost, from /proc: CPU time and memory, with their children."""

import os
import resource
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def family(pid):
    """The process and all its descendants: nginx works in children."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        current = todo.pop()
        found.append(current)
        todo.extend(children.get(current, []))
    return found


def cpu_seconds(pid):
    """User and system time that the process and its descendants have used."""
    spent = (_stat(p) for p in family(pid))
    return sum(int(fields[11]) + int(fields[12]) for fields in spent if fields) / TICK


def rss_bytes(pid):
    """Resident memory of the process and its descendants. What workers share counts once for each."""
    return sum(_rss(p) for p in family(pid))


def raise_file_limit(wanted):
    """Lets this process, and those it starts, open that many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        hard = wanted  # Only root may; otherwise the error says what is missing.
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _stat(pid):
    """The fields of /proc/PID/stat from the state on; None if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _rss(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0)
