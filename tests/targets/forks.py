"""Forks children that churn, and waits for them; the children use classes of which the parent never makes any.

argv: PREFIX steps      at each of two SIGUSR1s: 1000 of the parent's own before and after the fork; says how the child
                        ended in PREFIX.K
      PAGE busy         for ever, at full speed, beating; ends with 9 when a child came to harm
"""
import os
import sys
import threading

import oracle


class Childish(object):
    pass


class ChildishList(list):
    pass


class Parental(object):
    pass


def child(n):
    for _ in range(n):
        Childish()
        ChildishList([Childish()])
    threads = [threading.Thread(target=churn, args=(Childish, n)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def churn(make, n):
    for _ in range(n):
        make()


def fork(n):
    """The child's wait status."""
    pid = os.fork()
    if not pid:
        try:
            child(n)
            os._exit(0)
        finally:
            os._exit(1)
    return pid


if sys.argv[2] == "steps":
    status = 0
    for step in range(3):
        oracle.write("%s.%d" % (sys.argv[1], step), "%d\n" % status)
        oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])
        churn(Parental, 1000)
        pid = fork(5000)
        churn(Parental, 1000)
        status = os.waitpid(pid, 0)[1]
page = oracle.heartbeat(sys.argv[1])
while True:
    pid = fork(300)
    churn(Parental, 20000)
    if os.waitpid(pid, 0)[1]:
        sys.exit(9)
    oracle.beat(page)
