"""Hostile functions. Each returns what it reached that is not its own: all must return an empty list.

Run as a program it attacks the tier that its user gets, and prints the results as JSON.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

PRELUDE = """
import ctypes, errno, os, resource, signal, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def attempt(reached, name, action):
    try:
        action()
    except (OSError, ValueError, AttributeError):
        return
    reached.append(name)
def poke(path):
    with open(path, "wb", 0) as file:
        file.write(b"0")
def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
"""

ATTACKS = {
    "files of the machine, the platform and its neighbours": """
def handler(event, context):
    reached = []
    for path in ["/etc/shadow", "/root", "/home/sbx_user1051/x", "/.host/etc", "/.host/proc", "/proc/1/environ",
                 "/proc/1/fd/0", "/proc/1/root/etc", "/proc/1/cwd/etc", "/proc/1/mem", "/proc/1/maps", "/proc/kcore",
                 "/sys/kernel", "/sys/fs/cgroup", "/dev/mem", "/dev/vda", "/dev/sda", "/dev/kmsg", "/dev/shm/x",
                 "/var/task/link", "/var/run/docker.sock", "/run/systemd"] + event["paths"]:
        attempt(reached, path, lambda: os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1))
    if os.listdir("/.host"):
        reached.append("the machine's root")
    return [path for path in reached if path != "/.host"]
""",
    "writes outside /tmp": """
def handler(event, context):
    reached = []
    for path in ["/x", "/var/task/x", "/opt/x", "/var/runtime/x", "/var/lang/x", "/usr/x", "/etc/passwd", "/proc/x",
                 "/etc/resolv.conf", "/dev/x", "/run/x", "/home/x", "/proc/sysrq-trigger", "/proc/sys/kernel/hostname",
                 "/proc/self/uid_map", "/proc/1/uid_map", "/proc/1/stat", "/.host/x", "/var/runtime/bootstrap.py"]:
        attempt(reached, path, lambda: open(path, "a").close() if "x" == path[-1] else poke(path))
    return reached
""",
    "forbidden system calls": """
def handler(event, context):
    reached = []
    null = ctypes.c_void_p(None)
    calls = {
        "mount": (165, b"none", b"/tmp", b"tmpfs", 0, null), "umount": (166, b"/tmp", 2), "pivot_root": (155, b"/", b"/tmp"),
        "chroot": (161, b"/tmp"), "unshare user": (272, 0x10000000), "unshare mount": (272, 0x20000),
        "setns": (308, 0, 0), "ptrace attach": (101, 16, 1, 0, 0), "ptrace me": (101, 0, 0, 0, 0),
        "bpf": (321, 0, null, 0), "keyctl": (250, 0, 0, 0), "add_key": (248, b"user", b"a", b"b", 1, -3),
        "kexec": (246, 0, 0, null, 0), "init_module": (175, null, 0, b""), "perf": (298, null, 0, -1, -1, 0),
        "io_uring": (425, 8, null), "userfaultfd": (323, 0), "open_by_handle": (304, -100, null, 0),
        "reboot": (169, 0, 0, 0, null), "swapon": (167, b"/tmp/x", 0), "sethostname": (170, b"x", 1),
        "settimeofday": (164, null, null), "process_vm_readv": (310, 1, null, 0, null, 0, 0),
        "personality": (135, 0x0040000), "iopl": (172, 3), "acct": (163, b"/tmp/x"), "syslog": (103, 3, null, 0),
        "open_tree": (428, -100, b"/", 1), "fsopen": (430, b"tmpfs", 0), "mount_setattr": (442, -100, b"/", 0, null, 0),
        "clone into namespaces": (56, 0x10000000 | 17, 0, 0, 0, 0), "pidfd_getfd": (438, 0, 0, 0),
        "32-bit call": (0x40000000 | 39,),
    }
    for name, arguments in calls.items():
        def run():
            if name.startswith("clone"):
                pid = libc.syscall(*arguments)
                if pid == 0: os._exit(0)
                if pid < 0: raise OSError
            else:
                call(*arguments)
        attempt(reached, name, run)
    return reached
""",
    "becoming somebody else": """
def handler(event, context):
    reached = []
    for name in ("setuid", "setgid", "seteuid"):
        attempt(reached, name, lambda: getattr(os, name)(0))
    attempt(reached, "setgroups", lambda: os.setgroups([0]))
    attempt(reached, "setuid 900001", lambda: os.setuid(900001))
    attempt(reached, "chown", lambda: (open("/tmp/o", "w"), os.chown("/tmp/o", 0, 0)))
    attempt(reached, "nice", lambda: os.nice(-5))
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        attempt(reached, "limits", lambda: resource.setrlimit(limit, (4096, 4096)))
    if os.getuid() == 0 or "NoNewPrivs:\\t1" not in open("/proc/self/status").read():
        reached.append("root or privileges")
    status = os.spawnv(os.P_WAIT, "/bin/su", ["su", "-c", "true"]) if os.path.exists("/bin/su") else 1
    if status == 0:
        reached.append("su")
    return reached
""",
    "sockets that are not for functions": """
def handler(event, context):
    reached = []
    for name, arguments in {
        "packet": (17, socket.SOCK_RAW, 0x300), "packet datagram": (17, socket.SOCK_DGRAM, 0x300),
        "raw": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP), "raw 6": (socket.AF_INET6, socket.SOCK_RAW, 58),
        "vsock": (40, socket.SOCK_STREAM, 0), "crypto": (38, socket.SOCK_SEQPACKET, 0),
        "bluetooth": (31, socket.SOCK_RAW, 0), "can": (29, socket.SOCK_RAW, 1), "key": (15, socket.SOCK_RAW, 2),
    }.items():
        attempt(reached, name, lambda: socket.socket(*arguments))
    def connect(address, family=socket.AF_INET):
        with socket.socket(family) as channel:
            channel.settimeout(0.5)
            channel.connect(address)
    for address in event["addresses"]:
        attempt(reached, str(address), lambda: connect(tuple(address)))
    attempt(reached, "abstract socket", lambda: connect("\\0" + event["abstract"], socket.AF_UNIX))
    return reached
""",
    "signals": """
def handler(event, context):
    reached = []
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGSTOP, signal.SIGINT):
        try:
            os.kill(1, number)
        except PermissionError:
            pass
    for pid in event["pids"]:
        attempt(reached, "pid %d" % pid, lambda: os.kill(pid, 0) if pid > 60 else (_ for _ in ()).throw(OSError()))
    time.sleep(0.1)
    if not os.path.exists("/proc/1/status"):
        reached.append("the init")
    attempt(reached, "pidfd of the init", lambda: signal.pidfd_send_signal(os.pidfd_open(1), signal.SIGKILL)
            if event["root"] else (_ for _ in ()).throw(OSError()))
    return reached
""",
    "descriptors left open": """
def handler(event, context):
    reached = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink("/proc/self/fd/" + name)
        except OSError:
            continue
        if target == "/dev/null" or target.startswith(("pipe:", "/proc/")):
            continue
        if target.startswith("socket:"):
            with socket.socket(fileno=os.dup(int(name))) as channel:
                if channel.family == socket.AF_INET and channel.getpeername() == ("127.0.0.1", 9001):
                    continue
        reached.append(target)
    return reached
""",
    "fork bomb": """
def handler(event, context):
    children = []
    try:
        for _ in range(5000):
            pid = os.fork()
            if pid == 0:
                time.sleep(30)
                os._exit(0)
            children.append(pid)
    except OSError:
        pass
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    return ["%d processes" % len(children)] if len(children) > 1024 else []
""",
    "descriptor bomb": """
def handler(event, context):
    files = []
    try:
        while len(files) < 5000:
            files.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    for file in files:
        os.close(file)
    return ["%d descriptors" % len(files)] if len(files) > 1024 else []
""",
    "disk and inode bomb": """
def handler(event, context):
    written = 0
    try:
        with open("/tmp/big", "wb") as file:
            while written < 1 << 30:
                written += file.write(b"x" * 65536)
                file.flush()
    except OSError:
        pass
    os.truncate("/tmp/big", 0)
    names = 0
    try:
        while names < 100000:
            os.symlink("x", "/tmp/%d" % names)
            names += 1
    except OSError:
        pass
    reached = ["%d bytes" % written] if written > 9 << 20 else []
    return reached + (["%d names" % names] if names > 3000 else [])
""",
    "garbage on the telemetry descriptor and the resolver": """
def handler(event, context):
    for data in (b"garbage" * 100, b"\\xa5\\x5a\\x00\\x03\\xff\\xff\\xff\\xff" + b"x" * 5000, b"\\0" * 70000):
        os.write(3, data)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        for data in (b"", b"x", b"\\0" * 12, b"\\0\\1\\1\\0\\0\\1" + b"\\0" * 6 + b"\\xc0\\x0c" * 50, os.urandom(500)):
            channel.sendto(data, ("127.0.7.1", 53))
    return []
""",
}


def event_for(root: Path, addresses: list[Any], abstract: str, pids: list[int], is_root: bool) -> dict[str, Any]:
    return {
        "paths": [str(root), str(root / "data"), str(root / "secret"), "/proc/self/root" + str(root)],
        "addresses": addresses,
        "abstract": abstract,
        "pids": pids,
        "root": is_root,
    }


async def _main(root: Path) -> dict[str, Any]:
    from tests.engine.conftest import running_bench

    bench, engine = await running_bench(root)
    results: dict[str, Any] = {"tier": engine.describe()["isolation"]["tier"]}
    event = event_for(root, [["127.0.0.1", 22]], "fogbank-none", [], False)
    try:
        for name, code in ATTACKS.items():
            spec = bench.spec(PRELUDE + code, ephemeral_mb=8, memory_mb=3008, timeout_s=20)
            outcome = await bench.call(spec, event)
            assert isinstance(outcome.payload, bytes)
            results[name] = json.loads(outcome.payload)
        greedy = bench.spec("import time\ndef handler(e, c):\n    x = b'x' * (400 << 20)\n    time.sleep(5)", memory_mb=128)
        results["memory"] = (await bench.call(greedy)).error_type
        echo = bench.spec("def handler(event, context):\n    return event")
        results["afterwards"] = await bench.value(echo, "alive")
    finally:
        await engine.stop()
    return results


if __name__ == "__main__":
    base = Path(tempfile.mkdtemp(prefix="fogbank-user-"))
    try:
        sys.stdout.write(json.dumps(asyncio.run(_main(base))))
    finally:
        shutil.rmtree(base, ignore_errors=True)
