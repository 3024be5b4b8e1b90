"""Lambda's runtimes: what each identifier needs, where its interpreter is on this machine, its SDK, its dates."""

from fogbank.engine.runtimes.language import Tools
from fogbank.engine.runtimes.table import RUNTIMES, Runtime
from fogbank.engine.runtimes.toolbox import Toolbox

__all__ = ["RUNTIMES", "Runtime", "Toolbox", "Tools"]
