"""System calls that a submission cannot make: a filter in the form that the kernel and bubblewrap read.

The sandbox's own walls are namespaces and limits. The filter closes what those leave open: memory that no limit counts
(`memfd_create`, System V segments, message queues, anonymous memory that is shared, pages given to a pipe), sockets of
any kind, sessions of one's own (each would get a share of the processor), looking into other processes, new namespaces,
and the parts of the kernel that no exercise needs.
"""

import errno
import platform
import struct

#: The number of each call on x86_64 and on aarch64.
DENIED = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "vmsplice": (278, 75),
    "setsid": (112, 157),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
}
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column of DENIED, the kernel's name for it
X32 = 0x40000000  # calls of x86_64's second set have this bit

MMAP = (9, 222)  # refused where its flags say that the memory is shared and of no file
FLAGS, SHARED_OF_NO_FILE = 16 + 3 * 8, 0x01 | 0x20  # where the kernel has the flags; MAP_SHARED and MAP_ANONYMOUS

LOAD, AND, EQUAL, AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x35, 0x06  # the instructions that the filter needs
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM


def program(machine=None) -> bytes:
    """The filter for a machine such as "x86_64"; b"" for a machine that it does not know.

    Examples
    --------
    >>> len(program("x86_64")) % 8, program("pdp11")
    (0, b'')
    """
    column, name = ARCHITECTURES.get(machine or platform.machine(), (None, None))
    if name is None:
        return b""
    numbers = [call[column] for call in DENIED.values()]
    last = len(numbers) + 6  # the instruction that refuses, counted from the first comparison with a number
    lines = [
        (LOAD, 0, 0, 4),  # which architecture
        (EQUAL, 1, 0, name),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0),  # which call
        (AT_LEAST, last, 0, X32),
        *((EQUAL, last - 1 - i, 0, number) for i, number in enumerate(numbers)),
        (EQUAL, 1, 0, MMAP[column]),
        (RETURN, 0, 0, ALLOW),
        (LOAD, 0, 0, FLAGS),
        (AND, 0, 0, SHARED_OF_NO_FILE),
        (EQUAL, 1, 0, SHARED_OF_NO_FILE),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
