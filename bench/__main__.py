"""`make bench`: every benchmark, each printing its own table."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import bench

HELPERS = frozenset({"load", "peers", "signing", "__main__"})


def main() -> None:
    wanted = sys.argv[1:] or sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if m.name not in HELPERS)
    for name in wanted:
        print(f"\n## {name}\n", flush=True)
        importlib.import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main()
