"""What a submission may use: every limit of the grader, its default and its meaning, in one place."""

from dataclasses import dataclass, field


def _limit(default, text):
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Limits:
    """The limits of one submission; ``fields(Limits)`` carry the text of each as ``metadata["help"]``.

    Examples
    --------
    >>> Limits(cell_seconds=2).cell_seconds
    2
    """

    cases: int = _limit(8, "hidden random cases for each question")
    cell_seconds: float = _limit(10.0, "seconds until a cell is stopped: on a processor, or waiting for anything else")
    question_seconds: float = _limit(10.0, "such seconds until the calls for a question are stopped")
    total_seconds: float = _limit(120.0, "such seconds for a submission; questions not reached by then get no points")
    patience: float = _limit(10.0, "times as long as these that may pass on the clock of a busy machine")
    wall_seconds: float = _limit(300.0, "seconds on the clock for a submission, however busy the machine is")
    process_mb: int = _limit(1024, "address space of a process, in MiB")
    torch_process_mb: int = _limit(4096, "the same where torch is needed")
    memory_mb: int = _limit(2048, "memory of all processes of a submission together, in MiB")
    processes: int = _limit(16, "processes and threads of a submission")
    files: int = _limit(128, "open files of a process")
    scratch_mb: int = _limit(64, "files in the scratch folder, which is thrown away, in MiB")
    scratch_files: int = _limit(4096, "files, folders and links in the scratch folder")
    reply_mb: int = _limit(8, "what the calls for a question may return, in MiB")
    notebook_mb: int = _limit(20, "size of a notebook file, in MiB")
    cells: int = _limit(1000, "code cells in a notebook")
    code_kb: int = _limit(1024, "code in a notebook, in KiB")
    restarts: int = _limit(3, "times that the sandbox is started again, without the cell that broke it")

    def __post_init__(self):
        for name, value in vars(self).items():
            if not value > 0 and not (name == "restarts" and value == 0):
                raise ValueError(f"The limit {name} is {value}, expected more than 0.")


DEFAULTS = Limits()
