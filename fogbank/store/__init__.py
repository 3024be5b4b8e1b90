"""Transactions, record tables, blobs, migrations."""

from fogbank.store.blobs import Blob, BlobStore, BlobWriter
from fogbank.store.records import Record, record
from fogbank.store.store import Pending, Store
from fogbank.store.tx import Exists, Tx

__all__ = ["Blob", "BlobStore", "BlobWriter", "Exists", "Pending", "Record", "Store", "Tx", "record"]
