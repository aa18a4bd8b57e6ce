"""The memory that a job has freed stays in its process, for the next tensor."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h
LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Whether glibc now keeps what is freed, until the process ends.

    By default it maps every large temporary afresh, whose pages then fault in one by one: a quarter of the time of
    small graph networks on a CPU, and more.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # another C library, which has no such switch
        return False
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, LARGEST))
