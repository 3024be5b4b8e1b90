"""The seccomp filter of user code: a list of refused system calls, assembled to BPF here.

Refused calls answer EPERM, or ENOSYS where programs are known to have a fallback that they take only then. Calls of a
foreign ABI (32-bit, x32) kill nothing and answer ENOSYS.
"""

import ctypes
import os
import struct

from _fogbank.linux import libc

EPERM, ENOSYS = 1, 38
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LD, _JEQ, _JGE, _JSET, _RET, _AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
_NR, _ARCH = 0, 4
_NAMESPACES = 0x7E020000 | 0x80  # every CLONE_NEW*, time namespaces included

_COMMON_NEW = {
    "pidfd_getfd": 438, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "fspick": 433, "mount_setattr": 442, "quotactl_fd": 443, "process_madvise": 440,
}  # fmt: skip
_COMMON_SILENT = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "clone3": 435}

_X86 = {
    "ptrace": 101, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "unshare": 272, "setns": 308,
    "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173,
    "create_module": 174, "init_module": 175, "delete_module": 176, "finit_module": 313, "quotactl": 179,
    "kexec_load": 246, "kexec_file_load": 320, "add_key": 248, "request_key": 249, "keyctl": 250, "bpf": 321,
    "perf_event_open": 298, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "userfaultfd": 323,
    "open_by_handle_at": 304, "name_to_handle_at": 303, "acct": 163, "settimeofday": 164, "clock_settime": 227,
    "adjtimex": 159, "clock_adjtime": 305, "syslog": 103, "vhangup": 153, "fanotify_init": 300, "move_pages": 279,
    "migrate_pages": 256, "modify_ldt": 154, "lookup_dcookie": 212, "uselib": 134,
}  # fmt: skip
_ARM = {
    "ptrace": 117, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "unshare": 97, "setns": 268,
    "swapon": 224, "swapoff": 225, "reboot": 142, "sethostname": 161, "setdomainname": 162, "init_module": 105,
    "delete_module": 106, "finit_module": 273, "quotactl": 60, "kexec_load": 104, "kexec_file_load": 294,
    "add_key": 217, "request_key": 218, "keyctl": 219, "bpf": 280, "perf_event_open": 241, "process_vm_readv": 270,
    "process_vm_writev": 271, "kcmp": 272, "userfaultfd": 282, "open_by_handle_at": 265, "name_to_handle_at": 264,
    "acct": 89, "settimeofday": 170, "clock_settime": 112, "adjtimex": 171, "clock_adjtime": 266, "syslog": 116,
    "vhangup": 58, "fanotify_init": 262, "move_pages": 239, "migrate_pages": 238, "lookup_dcookie": 18,
}  # fmt: skip
_MACHINES = {
    "x86_64": (0xC000003E, _X86, {"clone": 56, "socket": 41, "socketpair": 53, "ioctl": 16, "personality": 135}),
    "aarch64": (0xC00000B7, _ARM, {"clone": 220, "socket": 198, "socketpair": 199, "ioctl": 29, "personality": 92}),
}
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_SOCK_RAW, _SOCK_PACKET = 3, 10
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C


class _Program:
    def __init__(self):
        self.code = []

    def add(self, operation, value, yes=0, no=0):
        self.code.append(struct.pack("HBBI", operation, yes, no, value))

    def load(self, offset):
        self.add(_LD, offset)

    def refuse(self, number):
        self.add(_RET, _ERRNO | number)

    def refuse_call(self, call, number):
        self.add(_JEQ, call, 0, 1)
        self.refuse(number)


def _argument(index):
    return 16 + 8 * index


def assemble(machine):
    """The filter as bytes of `struct sock_filter`, and its number of instructions."""
    arch, calls, special = _MACHINES[machine]
    program = _Program()
    program.load(_ARCH)
    program.add(_JEQ, arch, 1, 0)
    program.refuse(ENOSYS)
    program.load(_NR)
    if machine == "x86_64":
        program.add(_JGE, 0x40000000, 0, 1)  # the x32 ABI
        program.refuse(ENOSYS)
    for number in sorted(_COMMON_SILENT.values()):
        program.refuse_call(number, ENOSYS)
    for number in sorted(list(calls.values()) + list(_COMMON_NEW.values())):
        program.refuse_call(number, EPERM)

    program.add(_JEQ, special["clone"], 0, 4)
    program.load(_argument(0))
    program.add(_JSET, _NAMESPACES, 0, 1)
    program.refuse(EPERM)
    program.add(_RET, _ALLOW)

    for name in ("socket", "socketpair"):
        body = _Program()
        body.load(_argument(0))
        for place, family in enumerate(_FAMILIES):
            body.add(_JEQ, family, len(_FAMILIES) - place, 0)
        body.refuse(97)  # EAFNOSUPPORT
        body.load(_argument(1))
        body.add(_AND, 0xF)
        # AF_NETLINK wants SOCK_RAW or SOCK_DGRAM; raw sockets of the other families need a capability, so that
        # refusing SOCK_RAW where the family is not netlink is a second lock on that door.
        body.add(_JEQ, _SOCK_PACKET, 3, 0)
        body.add(_JEQ, _SOCK_RAW, 0, 3)
        body.load(_argument(0))
        body.add(_JEQ, 16, 1, 0)
        body.refuse(EPERM)
        body.add(_RET, _ALLOW)
        program.add(_JEQ, special[name], 0, len(body.code))
        program.code += body.code

    program.add(_JEQ, special["ioctl"], 0, 5)
    program.load(_argument(1))
    program.add(_JEQ, _TIOCSTI, 1, 0)
    program.add(_JEQ, _TIOCLINUX, 0, 1)
    program.refuse(EPERM)
    program.add(_RET, _ALLOW)

    program.add(_JEQ, special["personality"], 0, 5)
    program.load(_argument(0))
    program.add(_JEQ, 0xFFFFFFFF, 2, 0)
    program.add(_JEQ, 0, 1, 0)
    program.refuse(EPERM)
    program.add(_RET, _ALLOW)
    program.add(_RET, _ALLOW)
    return b"".join(program.code), len(program.code)


class Gate:
    """Reports every `connect` to whoever holds the descriptor that `install` returns; all else passes."""

    _CONNECT = {"x86_64": 42, "aarch64": 203}
    _SECCOMP = {"x86_64": 317, "aarch64": 277}

    def __init__(self):
        machine = os.uname().machine
        program = _Program()
        program.load(_ARCH)
        program.add(_JEQ, _MACHINES[machine][0], 1, 0)
        program.add(_RET, _ALLOW)
        program.load(_NR)
        program.add(_JEQ, self._CONNECT[machine], 0, 1)
        program.add(_RET, 0x7FC00000)
        program.add(_RET, _ALLOW)
        code = b"".join(program.code)
        self._call = self._SECCOMP[machine]
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = struct.pack("HxxxxxxP", len(program.code), ctypes.addressof(self._code))

    def install(self):
        """Needs no_new_privs. Where signals need not interrupt a waiting call, they do not (Linux 5.19)."""
        for flags in (8 | 32, 8):
            listener = libc.syscall(self._call, 1, flags, self._program)
            if listener >= 0:
                return listener
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "seccomp listener")


class Filter:
    """Assembled once in the parent, installed in each child."""

    def __init__(self):
        code, length = assemble(os.uname().machine)
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = struct.pack("HxxxxxxP", length, ctypes.addressof(self._code))

    def install(self):
        """Binds this process and all that come from it. Needs no_new_privs."""
        if libc.prctl(22, 2, self._program, 0, 0) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), "seccomp")
