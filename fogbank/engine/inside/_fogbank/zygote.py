"""The parent of all sandboxes of one runtime and account: idle, with the runtime's interpreter and SDK loaded.

Messages are JSON, one to a packet, on the channel of descriptor `channel`. From the platform: `{"op": "spawn", slot,
uid, cgroups}`. To it: `ready` once; from each new sandbox's own init `born` with its descriptors; `gone` when a sandbox
has ended. As pid 1 of its namespace the zygote takes every sandbox with it when it dies, and it dies with the platform:
the end of the channel ends it.
"""

import gc
import json
import os
import select
import signal
import socket
import sys

from _fogbank import init, linux
from _fogbank.seccomp import Filter, Gate


class Zygote:
    def __init__(self, channel, config, warmer):
        self.channel = channel
        self.warmer = warmer
        self.config = config
        self.filter = Filter()
        self.gate = Gate() if config.get("outbound") else None
        self.own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self.slots = {}

    def run(self):
        wake, signalled = os.pipe()
        for end in (wake, signalled):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
        poller = select.poll()
        poller.register(self.channel, select.POLLIN)
        poller.register(wake, select.POLLIN)
        self.say({"op": "ready", "version": sys.version.split()[0], "pid": os.getpid()})
        while True:
            ready = poller.poll(0 if self.warmer else None)
            if not ready:
                self.warm()
            for fd, _ in ready:
                if fd == wake:
                    os.read(wake, 4096)
                    self.reap()
                else:
                    message = self.channel.recv(65536)
                    if not message:
                        os._exit(0)
                    self.spawn(json.loads(message))

    def warm(self):
        """Loads what the SDK will need, piece by piece while nobody wants a sandbox."""
        if not self.warmer.step():
            self.warmer = None
            gc.collect()
            gc.freeze()
            self.say({"op": "warm"})

    def say(self, message):
        try:
            self.channel.send(json.dumps(message).encode())
        except OSError:
            os._exit(0)

    def spawn(self, order):
        try:
            linux.unshare(linux.CLONE_NEWPID)
            child = os.fork()
        except OSError as error:
            self.say({"op": "failed", "slot": order["slot"], "error": str(error)})
            linux.setns(self.own_pids, linux.CLONE_NEWPID)
            return
        if child == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = 70
            try:
                init.run(self, order)
            except BaseException as error:
                self.say({"op": "failed", "slot": order["slot"], "error": "%s: %s" % (type(error).__name__, error)})
            finally:
                os._exit(code)
        linux.setns(self.own_pids, linux.CLONE_NEWPID)
        self.slots[child] = order

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            order = self.slots.pop(pid, None)
            if order is not None:
                for directory in order.get("cgroups", ()):
                    init.remove_cgroup("/.host" + directory)
                self.say({"op": "gone", "slot": order["slot"], "status": status})


def main():
    config = json.loads(sys.argv[1])
    channel = socket.socket(fileno=config["channel"])
    os.set_inheritable(config["channel"], False)
    linux.set_dumpable(False)
    site = config.get("site")
    if site:
        from _fogbank import python_runtime

        python_runtime.SITE = site
        if site not in sys.path:
            sys.path.append(site)
    for name in config.get("preload", ()):
        try:
            __import__(name)
        except ImportError:
            break
    warmer = None
    if "boto3" in sys.modules:
        from _fogbank.python_warm import Warmer

        warmer = Warmer()
    gc.collect()
    gc.freeze()
    Zygote(channel, config, warmer).run()


if __name__ == "__main__":
    main()
