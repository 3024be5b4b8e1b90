"""SnapStart's runtime hooks, under the name that Lambda's Python runtimes give them.

`register_before_snapshot(f, *args, **kwargs)` and `register_after_restore(...)`, also as decorators. Functions for
before the snapshot run in the reverse order of their registration, those for after the restore in their order.
"""

_before = []
_after = []


def register_before_snapshot(func, *args, **kwargs):
    _before.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    _after.append((func, args, kwargs))
    return func


def get_before_snapshot():
    return _before


def get_after_restore():
    return _after
