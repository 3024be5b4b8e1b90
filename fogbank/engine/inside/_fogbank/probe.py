"""Tries each step that a sandbox needs and prints the errno of each (0 for success) as JSON."""

import json
import os
import sys
import tempfile

from _fogbank import linux
from _fogbank.seccomp import Filter


def _steps(results):
    def attempt(name, action):
        try:
            action()
            results[name] = 0
        except OSError as error:
            results[name] = error.errno or -1
        return results[name] == 0

    uid, gid = os.getuid(), os.getgid()
    if uid != 0:
        attempt("user namespace", lambda: linux.unshare(linux.CLONE_NEWUSER)) and attempt(
            "user map", lambda: linux.map_single_user(0, uid, gid)
        )
    attempt("mount namespace", lambda: linux.unshare(linux.CLONE_NEWNS))
    attempt("process namespace", lambda: linux.unshare(linux.CLONE_NEWPID))
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        sys.exit(status >> 8)
    attempt("private mounts", lambda: linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE))
    root = tempfile.gettempdir()
    attempt("tmpfs", lambda: linux.mount("probe", root, "tmpfs", linux.MS_NOSUID, "size=1m"))
    os.makedirs(root + "/usr", exist_ok=True)
    attempt("read-only bind", lambda: linux.bind("/usr", root + "/usr", "ro", "nosuid"))
    os.makedirs(root + "/proc", exist_ok=True)
    attempt("proc", lambda: linux.mount("proc", root + "/proc", "proc"))
    attempt("other namespaces", lambda: linux.unshare(linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS))
    attempt("loopback", linux.loopback_up)
    attempt("no new privileges", linux.set_no_new_privs)
    attempt("seccomp", lambda: Filter().install())


def main():
    results = {}
    real = os.dup(1)
    try:
        _steps(results)
    finally:
        if results and "seccomp" in results:
            os.write(real, json.dumps(results).encode())
    os._exit(0)
