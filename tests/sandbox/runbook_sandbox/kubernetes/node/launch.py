"""Runs one container's program; started by the node-runner as ``python -I -S launch.py CONTROL_FD`` with its orders as JSON on stdin.

With ``isolate`` the program gets mount, PID and UTS namespaces (and a user namespace when not root): it sees its volumes at
their true paths, is PID 1, has the pod's name as host name, and everything it starts dies with it. The rest of the file system,
the network and the user are the machine's. Without it the program is a plain child in a session of its own.

The parent half stays outside, passes SIGTERM on and exits as the program does (128 + n for signal n).
On CONTROL_FD it writes one line: {"pid": …} once the program runs, or {"error": …}.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import sys

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x04000000, 0x10000000, 0x20000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 1, 32, 4096, 16384, 1 << 18, 2
# What a bind mount inherits and an unprivileged remount must repeat: nosuid, nodev, noexec, noatime, nodiratime, relatime.
INHERITED = {os.ST_NOSUID: 2, os.ST_NODEV: 4, os.ST_NOEXEC: 8, os.ST_NOATIME: 1024, os.ST_NODIRATIME: 2048, os.ST_RELATIME: 1 << 21}
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind="none", flags=0, data=None):
    arguments = [value.encode() if value else None for value in (source, target, kind)]
    check(LIBC.mount(*arguments, ctypes.c_ulong(flags), data.encode() if data else None), f"mount {source} at {target}")


def die_with(parent):
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before prctl took effect
        os._exit(128 + signal.SIGKILL)


class Root:
    """A root directory that looks like the machine's, in which any path can become a mount point without touching the machine.

    A directory that has to gain an entry becomes a tmpfs with a bind mount of each of its old entries.
    """

    def __init__(self, path):
        self.path = path
        self.own = set()  # directories in which entries may simply be created
        mount("tmpfs", path, "tmpfs", 0, "mode=0755")
        self.own.add(path)
        self._mirror("/", path)

    def _mirror(self, source, target):
        for entry in os.scandir(source):
            copy = os.path.join(target, entry.name)
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), copy)
                continue
            if entry.is_dir():
                os.mkdir(copy)
            else:
                os.close(os.open(copy, os.O_CREAT))
            mount(entry.path, copy, flags=MS_BIND | MS_REC)

    def _gain(self, directory):
        if directory in self.own:
            return
        mode = os.stat(directory).st_mode & 0o7777
        old = os.path.join(self.path, f".old-{len(self.own)}")
        os.mkdir(old)
        mount(directory, old, flags=MS_BIND | MS_REC)
        mount("tmpfs", directory, "tmpfs", 0, f"mode={mode:o}")
        self._mirror(old, directory)
        check(LIBC.umount2(old.encode(), MNT_DETACH), f"unmount {old}")
        os.rmdir(old)
        self.own.add(directory)

    def place(self, target, directory):
        """A path under the root for the container's path ``target``, created if it is not there; symlinks are followed inside."""
        here, rest = self.path, [part for part in target.split("/") if part]
        while rest:
            part, rest = rest[0], rest[1:]
            if part == "..":
                here = here if here == self.path else os.path.dirname(here)
                continue
            step = os.path.join(here, part)
            if os.path.islink(step):
                link = os.readlink(step)
                here, rest = (self.path if link.startswith("/") else here), [p for p in link.split("/") if p not in ("", ".")] + rest
                continue
            if not os.path.exists(step):
                self._gain(here)
                if rest or directory:
                    os.mkdir(step)
                    self.own.add(step)
                else:
                    os.close(os.open(step, os.O_CREAT))
            here = step
        return here

    def bind(self, source, target, read_only):
        point = self.place(target, os.path.isdir(source))
        mount(source, point, flags=MS_BIND | MS_REC)
        if read_only:
            flags = sum(bit for have, bit in INHERITED.items() if os.statvfs(point).f_flag & have)
            mount(None, point, flags=MS_BIND | MS_REMOUNT | MS_RDONLY | flags)
        else:
            self.own.add(point)  # a mount inside it is created in the volume itself, as container runtimes do

    def enter(self):
        with contextlib.suppress(OSError):  # a machine that hides parts of /proc allows no new one: its own is seen
            mount("proc", os.path.join(self.path, "proc"), "proc")
        os.chroot(self.path)


def isolate():
    uid, gid = os.geteuid(), os.getegid()
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | (CLONE_NEWUSER if uid else 0)
    check(LIBC.unshare(flags), "unshare namespaces")
    if uid:
        for name, content in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(content)


def become(orders, parent_is_outside, status):
    """In the child: never returns. An error is written to ``status``, which exec closes."""
    try:
        # Seen from a new PID namespace the parent is 0.
        die_with(0 if parent_is_outside else orders["launcher"])
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if orders["isolate"]:
            mount(None, "/", flags=MS_REC | MS_PRIVATE)
            name = orders["hostname"].encode()
            check(LIBC.sethostname(name, len(name)), "sethostname")
            root = Root(orders["root"])
            for volume in sorted(orders["mounts"], key=lambda volume: volume["target"].count("/")):
                root.bind(volume["source"], volume["target"], volume["readOnly"])
            root.enter()
        os.chdir(orders["cwd"])
        program = shutil.which(orders["argv"][0], path=orders["env"].get("PATH", os.defpath))
        if program is None:
            raise FileNotFoundError(f'exec: "{orders["argv"][0]}": executable file not found')
        for number in (signal.SIGPIPE, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        os.execve(program, orders["argv"], orders["env"])
    except BaseException as error:
        os.write(status, str(error).encode())
    os._exit(128)


def main():
    control = int(sys.argv[1])
    os.set_inheritable(control, False)
    orders = json.load(sys.stdin)
    die_with(orders["runner"])

    def tell(**message):
        os.write(control, json.dumps(message).encode() + b"\n")
        os.close(control)

    try:
        if orders["isolate"]:
            isolate()
    except OSError as error:
        tell(error=str(error))
        return 128
    orders["launcher"] = os.getpid()
    reading, writing = os.pipe()  # closed on exec: end of file says that the program runs
    child = os.fork()
    if child == 0:
        os.close(reading)
        become(orders, orders["isolate"], writing)
    os.close(writing)
    signal.signal(signal.SIGTERM, lambda number, _: os.kill(child, number))
    error = os.read(reading, 65536).decode()
    tell(error=error) if error else tell(pid=child)
    _, status = os.waitpid(child, 0)
    if not orders["isolate"]:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what it left behind in its session
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


if __name__ == "__main__":
    sys.exit(main())
