"""A process that ends its process group when its parent has gone, however the parent went: kill -9 included.

`hub.supervisor` starts it first, as the leader of the group that all children join. Its standard input is a pipe of
which the parent alone holds the other end, so the end of that pipe is the end of the parent. Standard library only.
"""

import os
import signal
import sys

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)
