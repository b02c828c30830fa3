"""A real Slurm on this machine: controller, one node, authentication; everything below one folder.

Needs the Debian packages slurmctld, slurmd, slurm-client and munge, and root (slurmd starts jobs for others).
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "squeue", "scontrol", "scancel")
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=1,sched_interval=5,requeue_delay=1
ReturnToService=2
KillWait=5
MinJobAge=10
SlurmdTimeout=20
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=60 State=UP
"""


def missing() -> str:
    """Why there can be no Slurm here, empty if there can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "a Slurm of our own needs Linux and root"
    absent = [name for name in PROGRAMS if find(name) is None]
    return f"not installed: {', '.join(absent)} (Debian: slurmctld slurmd slurm-client munge)" * bool(absent)


def find(name: str) -> str | None:
    """The path of a program."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Cluster:
    """Controller and node; ``environment`` makes sbatch and its like find them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.host = folder, socket.gethostname().split(".")[0]
        for name in ("state", "spool", "munge"):
            (folder / name).mkdir(mode=0o755)
        key = folder / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        text = CONFIGURATION.format(
            host=self.host, port=free_port(), node_port=free_port(), folder=folder, cores=os.cpu_count()
        )
        (folder / "slurm.conf").write_text(text)
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self.processes: dict[str, subprocess.Popen] = {}
        munge = [
            f"--{name}={folder}/munge/{name.removesuffix('-file')}"
            for name in ("key-file", "socket", "pid-file", "log-file", "seed-file")
        ]
        self.start("munged", "--foreground", "--force", *munge)
        wait(lambda: (folder / "munge" / "socket").exists(), 30, "munged")
        self.start("slurmctld", "-D")
        self.start_node()
        wait(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"), 120, "an idle node")

    def start(self, name: str, *arguments: str) -> None:
        """Start a daemon."""
        output = (self.folder / f"{name}.out").open("ab")
        self.processes[name] = subprocess.Popen(
            [find(name), *arguments], stdout=output, stderr=output, env=os.environ | self.environment
        )

    def start_node(self) -> None:
        """Switch the node on."""
        self.start("slurmd", "-D", "-N", self.host)

    def kill_node(self) -> None:
        """Pull the node's plug: its daemon and everything it started is gone at once."""
        doomed = [self.processes.pop("slurmd").pid, *self.job_processes()]
        for number in doomed:
            os.kill(number, signal.SIGKILL)

    def job_processes(self) -> list[int]:
        """Process numbers of the job steps and what they run."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                ours = str(self.folder).encode() in (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if ours and (b"slurmstepd" in command or b"submitit" in command or b"slurm_script" in command):
                found.append(int(entry.name))
        return found

    def ask(self, *command: str) -> str:
        """Output of a Slurm command."""
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | self.environment, timeout=60)
        return done.stdout + done.stderr

    def close(self) -> None:
        """Stop everything."""
        self.ask("scancel", "--user", "root")
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def wait(condition, seconds: float, what: str) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: It did not.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"no {what} after {seconds:.0f} s")
        time.sleep(0.2)
