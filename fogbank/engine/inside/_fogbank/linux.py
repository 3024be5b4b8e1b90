"""System calls that Python lacks, by ctypes: namespaces, mounts, capabilities. Runs under Python 3.8 and later.

Everything here raises OSError with the kernel's errno.
"""

import array
import ctypes
import fcntl
import os
import socket
import struct

libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE, MS_NOATIME = 4096, 16384, 1 << 18, 1024
MNT_DETACH = 2

CAP_SETGID, CAP_SETUID, CAP_KILL, CAP_SETPCAP, CAP_SETFCAP = 6, 7, 5, 8, 31

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP, _PR_SET_PDEATHSIG, _PR_CAP_AMBIENT = 4, 38, 24, 1, 47
_MOUNT_SETATTR, _CLOSE_RANGE, _PIVOT_ROOT = 442, 436, {"x86_64": 155, "aarch64": 41}
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR = {"ro": 1, "nosuid": 2, "nodev": 4}


def _check(result, what=""):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what or None)
    return result


def _text(value):
    return None if value is None else os.fsencode(value)


def unshare(flags):
    _check(libc.unshare(flags), "unshare")


def setns(fd, kind):
    _check(libc.setns(fd, kind), "setns")


def mount(source, target, kind=None, flags=0, data=None):
    _check(
        libc.mount(_text(source), _text(target), _text(kind), ctypes.c_ulong(flags), _text(data)), "mount %s" % target
    )


def umount(target, flags=MNT_DETACH):
    _check(libc.umount2(_text(target), flags), "umount %s" % target)


def pivot_root(new, old):
    _check(libc.syscall(_PIVOT_ROOT[os.uname().machine], _text(new), _text(old)), "pivot_root")


def restrict_mount(path, *attributes, recursive=True):
    """Adds `ro`, `nosuid`, `nodev` to a mount, and to those below it, and takes no other flag away."""
    bits = 0
    for name in attributes:
        bits |= _ATTR[name]
    record = struct.pack("QQQQ", bits, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    _check(
        libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, _text(path), flags, record, ctypes.c_size_t(len(record))),
        "mount_setattr %s" % path,
    )


def bind(source, target, *attributes):
    mount(source, target, None, MS_BIND | MS_REC)
    if attributes:
        restrict_mount(target, *attributes)


def close_range(first, last=0xFFFFFFFF):
    """Closes all descriptors from `first` on; where the kernel is old, those that the process may have."""
    if libc.syscall(_CLOSE_RANGE, ctypes.c_uint(first), ctypes.c_uint(last), 0) < 0:
        os.closerange(first, min(last, 65536) + 1)


def set_dumpable(on):
    _check(libc.prctl(_PR_SET_DUMPABLE, int(on), 0, 0, 0), "dumpable")


def set_no_new_privs():
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def die_with_parent(signal_number=9):
    _check(libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "pdeathsig")


def keep_capabilities(keep=()):
    """Leaves only `keep`, in no set that a program executed later would inherit."""
    libc.prctl(_PR_CAP_AMBIENT, 4, 0, 0, 0)
    for number in range(64):
        if number not in keep and libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) < 0 and ctypes.get_errno() == 22:
            break
    low = high = 0
    for number in keep:
        if number < 32:
            low |= 1 << number
        else:
            high |= 1 << (number - 32)
    header = struct.pack("Ii", 0x20080522, 0)
    _check(libc.capset(header, struct.pack("IIIIII", low, low, 0, high, high, 0)), "capset")


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running


def send_with_descriptors(channel, message, descriptors=()):
    if descriptors:
        channel.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))])
    else:
        channel.send(message)


def map_single_user(inner, outer_uid, outer_gid, inner_gid=None):
    """In a new user namespace of this process: `inner` is the only user there, and is `outer_uid` outside."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", "%d %d 1" % (inner, outer_uid)),
        ("gid_map", "%d %d 1" % (inner if inner_gid is None else inner_gid, outer_gid)),
    ):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)
