"""Builds the root file system that all sandboxes of one runtime share, enters it, and becomes the zygote there.

Started by the platform as a program of its own, with the plan as JSON in the first argument. What it makes lives in a
mount namespace and a process namespace of its own: nothing of it is seen, or stays, outside.
"""

import json
import os
import sys

from _fogbank import linux

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DIRECTORIES = (
    "dev", "etc", "opt", "proc", "tmp", "usr", "var/task", "var/runtime/_fogbank", "var/lang", "var/tmp", "run", "sys",
    "home/sbx_user1051", "mnt", ".host",
)  # fmt: skip


def _enter_namespaces(tier):
    uid, gid = os.getuid(), os.getgid()
    if tier == "user":
        linux.unshare(linux.CLONE_NEWUSER)
        linux.map_single_user(0, uid, gid)
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWPID)
    child = os.fork()
    if child:
        os._exit(0)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)


def _write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def _bind(source, target):
    """Shows a file or directory of the host, read-only, where `target` may not exist yet."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        _write(target, "")
    linux.bind(source, target, "ro", "nosuid", "nodev")


def _build(root, plan):
    linux.mount("fogbank", root, "tmpfs", linux.MS_NOSUID, "mode=0755,size=16m")
    for name in _DIRECTORIES:
        os.makedirs(os.path.join(root, name), exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        host = "/" + name
        if os.path.islink(host):
            os.symlink(os.readlink(host), root + host)
        elif os.path.isdir(host):
            _bind(host, root + host)
    for name in _DEVICES:
        target = "%s/dev/%s" % (root, name)
        _write(target, "")
        linux.mount("/dev/" + name, target, None, linux.MS_BIND)
    for name, target in (("fd", "self/fd"), ("stdin", "self/fd/0"), ("stdout", "self/fd/1"), ("stderr", "self/fd/2")):
        os.symlink("/proc/" + target, "%s/dev/%s" % (root, name))
    for path, text in plan["files"].items():
        _write(root + path, text)
        os.chmod(root + path, 0o755 if text.startswith("#!") else 0o644)
    name, first, count = plan["users"]
    users = ["%s:x:%d:990::/home/%s:/sbin/nologin\n" % (name, first + n, name) for n in range(count)]
    _write(root + "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n" + "".join(users))
    for source, target in plan["binds"]:
        if os.path.exists(source):
            _bind(source, root + target)
    for link, target in plan.get("links", ()):
        os.makedirs(os.path.dirname(root + link), exist_ok=True)
        os.symlink(target, root + link)


def main():
    plan = json.loads(sys.argv[1])
    _enter_namespaces(plan["tier"])
    os.umask(0o022)
    root = plan["root"]
    _build(root, plan)
    os.chdir(root)
    linux.pivot_root(".", ".host")
    os.chdir("/")
    linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    linux.restrict_mount("/", "ro", recursive=False)
    os.execve(plan["argv"][0], plan["argv"] + [json.dumps(plan["zygote"])], plan["env"])


if __name__ == "__main__":
    main()
