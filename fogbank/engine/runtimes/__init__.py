"""Lambda's runtimes: what each identifier needs, where its interpreter is on this machine, its SDK."""

from fogbank.engine.runtimes.table import RUNTIMES, Runtime
from fogbank.engine.runtimes.toolbox import Toolbox, Tools

__all__ = ["RUNTIMES", "Runtime", "Toolbox", "Tools"]
