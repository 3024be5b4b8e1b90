"""Process 1 of a sandbox: isolates itself, waits to be given a function, then starts, freezes and reaps its processes.

It talks to the platform alone, on a control socket that no other process of the sandbox can reach: it is not dumpable,
so its descriptors cannot be opened through /proc, and as process 1 no signal from inside kills it. Messages are JSON
packets:

    assign   {code, layers, tmp_mb, limits, go?}    mounts the function and gives up the privileges
    go       {go}                                   what the runtime process becomes
    start    {name, argv, env, cwd}                 an extension; `exit` {name, status} tells of the end of any process
    socket   {}                                     answers with a new socket of this network
    signal   {name, signal}
    F, C     freeze and continue everything

The platform closing the socket ends the sandbox.
"""

import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
import sys

from _fogbank import image, linux

PLATFORM = "127.0.7.1"
RUNTIME_API = ("127.0.0.1", 9001)
USER = 993
LOG_FD, GO_FD, EARLY_FD = 3, 4, 5


def run(zygote, order):
    """Never returns. `zygote` is the parent's object, `order` its `spawn` message."""
    config = zygote.config
    for directory in order.get("cgroups", ()):
        join_cgroup("/.host" + directory)
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS)
    socket.sethostname("169-254-10-1")
    linux.loopback_up()
    linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    log_read, log_write = os.pipe()
    frames_read, frames_write = os.pipe()
    sockets = _listeners()
    born = {"op": "born", "slot": order["slot"]}
    descriptors = [theirs.fileno(), log_read, frames_read] + [s.fileno() for s in sockets]
    linux.send_with_descriptors(zygote.channel, json.dumps(born).encode(), descriptors)
    for item in [theirs] + sockets:
        item.close()
    os.close(log_read)
    os.close(frames_read)
    init = Init(zygote.filter, zygote.gate, order, config, ours, log_write, frames_write)
    zygote.channel.close()
    os.close(zygote.own_pids)
    _keep_only([ours.fileno(), log_write, frames_write])
    ahead = config.get("ahead")
    if ahead:
        init.start(dict(ahead, name="runtime", wait=True))
    init.serve()


def _listeners():
    """Sockets inside the sandbox's network that the platform serves: Runtime API, DNS, HTTPS, HTTP, X-Ray."""
    made = []
    for kind, address in (
        (socket.SOCK_STREAM, RUNTIME_API),
        (socket.SOCK_DGRAM, (PLATFORM, 53)),
        (socket.SOCK_STREAM, (PLATFORM, 443)),
        (socket.SOCK_STREAM, (PLATFORM, 80)),
        (socket.SOCK_DGRAM, (PLATFORM, 2000)),
    ):
        item = socket.socket(socket.AF_INET, kind)
        item.bind(address)
        if kind == socket.SOCK_STREAM:
            item.listen(128)
        made.append(item)
    return made


def _keep_only(descriptors):
    last = 2
    for fd in sorted(descriptors):
        if fd > last + 1:
            linux.close_range(last + 1, fd - 1)
        last = fd
    linux.close_range(last + 1)


class Init:
    def __init__(self, seccomp, gate, order, config, control, log, frames):
        self.seccomp = seccomp
        self.gate = gate
        self.uid = order["uid"]
        self.tier = config["tier"]
        self.control = control
        self.log = log
        self.frames = frames
        self.cgroups = order.get("cgroups", ())
        self.extension_log = None
        self.names = {}
        self.pipes = {}
        self.limits = {}
        self.assigned = False

    def serve(self):
        wake, signalled = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(signalled, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
        poller.register(wake, select.POLLIN)
        while True:
            for fd, _ in poller.poll():
                if fd == wake:
                    os.read(wake, 4096)
                    self.reap()
                else:
                    self.obey(self.control.recv(1 << 20))

    def obey(self, message):
        if message == b"F":
            _signal_all(signal.SIGSTOP)
        elif message == b"C":
            _signal_all(signal.SIGCONT)
        elif not message:
            os._exit(0)
        else:
            order = json.loads(message)
            try:
                getattr(self, order.pop("op"))(order)
            except Exception as error:
                text = "%s: %s" % (type(error).__name__, error)
                self.say({"op": "failed", "name": order.get("name", ""), "error": text})

    def say(self, message):
        try:
            self.control.send(json.dumps(message).encode())
        except OSError:
            os._exit(0)

    def assign(self, order):
        """Shows the function's files, sets its limits, then gives up every way back to the host."""
        code = order.get("code")
        if code:
            linux.bind("/.host" + code, "/var/task", "ro", "nosuid", "nodev")
        layers = ["/.host" + layer for layer in order.get("layers", ())]
        if len(layers) == 1:
            linux.bind(layers[0], "/opt", "ro", "nosuid", "nodev")
        elif layers:
            self.merge(layers)
        for directory in self.cgroups:
            limit_cgroup("/.host" + directory, order["limits"])
        options = "mode=1777,size=%dm,nr_inodes=%d" % (order["tmp_mb"], order["tmp_mb"] * 256)
        linux.mount("tmp", "/tmp", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)
        if order.get("rootfs"):
            image.enter("/.host" + order["rootfs"])
        else:
            linux.umount("/.host")
        kept = (linux.CAP_KILL, linux.CAP_SETUID, linux.CAP_SETGID, linux.CAP_SETPCAP)
        # Without it, no later process could have a user namespace in which our user 0 is another (Linux 5.12).
        linux.keep_capabilities((*kept, linux.CAP_SETFCAP) if self.tier == "user" else kept)
        linux.set_no_new_privs()
        self.assigned = True
        if "go" in order:
            self.go(order)

    def go(self, order):
        """Starts the runtime: the process that waits becomes it, or another one takes its place."""
        order = dict(order["go"], name="runtime")
        if order.get("fresh"):
            self.replace(order)
            return
        pipe = self.pipes.pop("runtime")
        text = json.dumps(order).encode()
        pipe.sendall(struct.pack("I", len(text)) + text)
        pipe.close()

    def socket(self, order):
        with socket.socket() as made:
            linux.send_with_descriptors(self.control, b'{"op": "socket"}', [made.fileno()])

    def replace(self, order):
        """The runtime needs another start than the process that waits: that one is let go."""
        self.names = {pid: name for pid, name in self.names.items() if name != "runtime"}
        for pipe in self.pipes.values():
            pipe.close()
        self.pipes.clear()
        self.start(order)

    def merge(self, layers):
        """Several layers at /opt: an overlay, later layers on top; without one (old kernels, some file systems) links."""
        try:
            linux.mount("opt", "/opt", "overlay", linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV,
                        "lowerdir=" + ":".join(_escape(layer) for layer in reversed(layers)))  # fmt: skip
            return
        except OSError:
            pass
        linux.mount("opt", "/opt", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=0755")
        merged = {}
        for layer in layers:
            for folder, _, names in os.walk(layer):
                for name in names:
                    merged[os.path.relpath(os.path.join(folder, name), layer)] = os.path.join(folder, name)
        for relative, source in merged.items():
            target = os.path.join("/opt", relative)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb"):
                pass
            linux.mount(source, target, None, linux.MS_BIND)
        linux.restrict_mount("/opt", "ro", "nosuid", "nodev")

    def start(self, order):
        """Forks a process of the function's: the runtime, or an extension."""
        name = order["name"]
        ours, theirs = socket.socketpair()
        log = self.extension_output() if order.get("log") == "extension" else self.log
        child = os.fork()
        if child == 0:
            try:
                signal.set_wakeup_fd(-1)
                for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, signal.SIG_DFL)
                self.become_user(theirs.fileno(), log, early=bool(order.get("wait") and order.get("python")))
                _begin(order)
            except BaseException as error:
                os.write(2, ("%s: %s\n" % (type(error).__name__, error)).encode())
            finally:
                os._exit(1)
        theirs.close()
        self.names[child] = name
        if order.get("wait"):
            self.pipes[name] = ours
        else:
            ours.close()

    def signal(self, order):
        for pid, name in self.names.items():
            if name == order["name"]:
                os.kill(pid, order["signal"])

    def extension_output(self):
        """Where extensions write: a pipe of their own, since Lambda tells their lines from the function's."""
        if self.extension_log is None:
            read, self.extension_log = os.pipe()
            linux.send_with_descriptors(self.control, b'{"op": "log"}', [read])
            os.close(read)
        return self.extension_log

    def become_user(self, go_fd, log, early=False):
        """In the child: from here on it is the function's user, and nothing brings the privileges back.

        `early` leaves a connection to the Runtime API at EARLY_FD.
        """
        os.setsid()
        self.control.send(b'{"op": "pid"}')
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")
        null = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        high = [_high(self.frames), _high(go_fd)]
        if early:
            with socket.socket() as connection:
                connection.connect(RUNTIME_API)
                high.append(_high(connection.fileno()))
        linux.set_no_new_privs()
        if self.gate is not None:
            listener = self.gate.install()
            linux.send_with_descriptors(self.control, b'{"op": "gate"}', [listener])
            os.close(listener)
        for target, fd in enumerate(high, LOG_FD):
            os.dup2(fd, target)
        linux.close_range(EARLY_FD + early)
        for kind, soft, hard in _RLIMITS:
            resource.setrlimit(kind, (soft, hard))
        if self.tier == "user":
            linux.unshare(linux.CLONE_NEWUSER)
            linux.map_single_user(USER, 0, 0, 990)
        else:
            linux.keep_capabilities((linux.CAP_SETUID, linux.CAP_SETGID))
            os.setgroups([])
            os.setresgid(self.uid, self.uid, self.uid)
            os.setresuid(self.uid, self.uid, self.uid)
        linux.set_dumpable(True)
        linux.keep_capabilities()
        self.seccomp.install()
        os.umask(0o022)

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            name = self.names.pop(pid, None)
            if name is not None:
                self.say({"op": "exit", "name": name, "status": status})


_RLIMITS = (
    (resource.RLIMIT_NOFILE, 1024, 1024),
    (resource.RLIMIT_NPROC, 1024, 1024),
    (resource.RLIMIT_CORE, 0, 0),
    (resource.RLIMIT_MSGQUEUE, 0, 0),
)


def _high(fd):
    return fcntl.fcntl(fd, fcntl.F_DUPFD, 64)


def _escape(path):
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def _signal_all(number):
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass


def _begin(order):
    """In the child, as the function's user: waits for the function where it was started ahead, then becomes it."""
    if order.get("wait"):
        if order.get("exec_ahead"):
            os.set_inheritable(GO_FD, True)
            os.set_inheritable(LOG_FD, True)
            os.chdir("/")
            _execute(order["argv"], order["env"])
        if order.get("python"):
            from _fogbank import python_runtime

            python_runtime.Ahead.prepare()
        size = struct.unpack("I", _exactly(4))[0]
        order = json.loads(_exactly(size))
    os.close(GO_FD)
    os.chdir(order.get("cwd", "/var/task"))
    if order.get("python"):
        os.environ.clear()
        os.environ.update(order["env"])
        from _fogbank import python_runtime

        python_runtime.main()
        sys.stdout.flush()
        os._exit(0)
    os.set_inheritable(LOG_FD, True)
    argv = order.get("argv")
    for path in order.get("bootstrap", ()):
        if argv is None and os.path.exists(path):
            argv = [path]
    if argv is None:
        os.write(2, b"RequestId: unknown Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]\n")
        os._exit(127)
    if "bootstrap" not in order:
        order["env"]["_LAMBDA_TELEMETRY_LOG_FD"] = str(LOG_FD)
    _execute(argv, order["env"])


def _execute(argv, env):
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and a program would inherit that
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(_found(argv[0], env), argv, env)
    except FileNotFoundError:
        os._exit(127)
    except OSError as error:
        os.write(2, ("fogbank: cannot execute %s: %s\n" % (argv[0], error)).encode())
        os._exit(126)


def _found(program, env):
    """By PATH, as a shell would. The standard library's own search imports modules, which an image's root hides."""
    if "/" in program:
        return program
    for folder in env.get("PATH", "/usr/bin:/bin").split(":"):
        path = folder.rstrip("/") + "/" + program
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(2, "not found", program)


def _exactly(size):
    parts = b""
    while len(parts) < size:
        part = os.read(GO_FD, size - len(parts))
        if not part:
            os._exit(0)
        parts += part
    return parts


def join_cgroup(directory):
    """This process, of one thread yet. Version 1's `tasks` moves the calling thread without the lock that halts every
    fork of the machine for milliseconds; `cgroup.procs` takes it."""
    os.makedirs(directory, exist_ok=True)
    name = "tasks" if os.path.exists(directory + "/tasks") else "cgroup.procs"
    with open(directory + "/" + name, "w") as file:
        file.write("0")


def limit_cgroup(directory, limits):
    """Writes those files that this hierarchy has; `limits` is file name to text, in order."""
    for name, text in limits:
        path = directory + "/" + name
        if os.path.exists(path):
            with open(path, "w") as file:
                file.write(text)


def remove_cgroup(directory):
    try:
        os.rmdir(directory)
    except OSError:
        pass
