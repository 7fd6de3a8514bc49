# SPDX-License-Identifier: Apache-2.0
"""What tests with programs that run beside them share: checks that are counted, and waits."""
import time

LONG = 120  # the longest wait for what takes seconds on an idle machine; back-offs reach a minute


def check(what, good):
    print(("ok - " if good else "FAIL: ") + what, flush=True)
    check.failed += not good


check.failed = 0


def until(what, condition):
    """Waits until condition() returns something true, and returns it."""
    end = time.monotonic() + LONG
    while True:
        try:
            result = condition()
        except (ConnectionError, FileNotFoundError):
            result = None
        if result:
            return result
        assert time.monotonic() < end, f"{what}: not within {LONG} s"
        time.sleep(0.2)
