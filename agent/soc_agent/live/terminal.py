"""The process that becomes a shell: leader of a session of its own, with the terminal that it was given.

It reads no profile of the host, where whoever was here before may have left something, and writes no history: all of
it is in the recording.
"""

import fcntl
import os
import termios

SHELLS = (("/bin/bash", "--noprofile", "--norc", "-i"), ("/bin/sh", "-i"))
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root",
    "TERM": "xterm-256color", "HISTFILE": "/dev/null", "PS1": r"\u@\h:\w\$ ",
}  # fmt: skip


def main() -> None:
    os.umask(0o022)  # of a logon of root; the helper's own files are closed to everybody
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    words = next((words for words in SHELLS if os.access(words[0], os.X_OK)), SHELLS[-1])
    os.execve(words[0], words, ENVIRONMENT)  # noqa: S606 - a shell is what was ordered


if __name__ == "__main__":
    main()
