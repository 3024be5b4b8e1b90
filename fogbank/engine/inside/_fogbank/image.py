"""A container image's root file system in the place of the runtime's own."""

import os

from _fogbank import linux

_NEW, _OLD = "/mnt", ".fogbank"
_SHOWN = ("/etc/resolv.conf", "/etc/hosts", "/etc/passwd", "/etc/group", "/etc/pki/tls/certs/ca-bundle.crt",
          "/etc/ssl/certs/ca-certificates.crt")  # fmt: skip


def enter(rootfs):
    """Makes `rootfs` the root of every process of this sandbox, read-only, with the sandbox's /tmp, /proc and /dev.

    The image's directories need not have the mount points: they are made in a layer above it.
    """
    linux.mount("image", "/run", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=0755,size=16m")
    for name in ("upper", "work"):
        os.mkdir("/run/" + name)
    layers = "lowerdir=%s,upperdir=/run/upper,workdir=/run/work" % _escape(rootfs)
    try:
        linux.mount("image", _NEW, "overlay", linux.MS_NOSUID | linux.MS_NODEV, layers)
    except OSError:
        linux.mount("image", _NEW, "overlay", linux.MS_NOSUID | linux.MS_NODEV, layers + ",userxattr")
    for name in ("tmp", "proc", "dev", "var/task", "opt", _OLD):
        os.makedirs(os.path.join(_NEW, name), exist_ok=True)
    for name in ("/tmp", "/proc", "/dev"):
        linux.mount(name, _NEW + name, None, linux.MS_BIND | linux.MS_REC)
    for name in _SHOWN:
        target = _NEW + name
        if os.path.islink(target):
            os.unlink(target)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.exists(target):
            open(target, "w").close()
        linux.mount(name, target, None, linux.MS_BIND)
    linux.restrict_mount(_NEW, "ro", recursive=False)
    os.chdir(_NEW)
    linux.pivot_root(".", _OLD)
    os.chdir("/")
    linux.umount("/" + _OLD)


def _escape(path):
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
