"""The engine of one machine: SQLite, its commits shared by concurrent operations."""

from fogbank.store.sqlite.engine import SqliteEngine

__all__ = ["SqliteEngine"]
