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
    for name in ("/var/task", "/opt", "/" + _OLD):
        _folder(name)
    for name in ("/tmp", "/proc", "/dev"):
        linux.mount(name, _folder(name), None, linux.MS_BIND | linux.MS_REC)
    for name in _SHOWN:
        linux.mount(name, _file(name), None, linux.MS_BIND)
    linux.restrict_mount(_NEW, "ro", recursive=False)
    os.chdir(_NEW)
    linux.pivot_root(".", _OLD)
    os.chdir("/")
    linux.umount("/" + _OLD)


def _folder(path, follow=False):
    """A folder of the image, made where it is not one; returns where it is.

    The host's files are still in reach, and the image's links lead where a stranger wanted: those on the way are
    followed as if the image were the root already, and what stands in the way is taken away in the layer above it.
    """
    place, todo, links = [], [part for part in path.split("/") if part][::-1], 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            place = place[:-1]
            continue
        here = "/".join([_NEW] + place + [part])
        if os.path.islink(here) and (todo or follow) and links < 40:
            links += 1
            target = os.readlink(here)
            place = [] if target.startswith("/") else place
            todo += target.split("/")[::-1]
            continue
        if os.path.islink(here) or os.path.isfile(here):
            os.unlink(here)
        if not os.path.isdir(here):
            os.mkdir(here, 0o755)
        place.append(part)
    return "/".join([_NEW] + place)


def _file(path):
    """The same for a file: its folders' links are followed, its own is not."""
    here = _folder(os.path.dirname(path), follow=True) + "/" + os.path.basename(path)
    if os.path.islink(here):
        os.unlink(here)
    if not os.path.lexists(here):
        open(here, "w").close()
    return here


def _escape(path):
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
