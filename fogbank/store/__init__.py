"""Durable state: transactions over tables of records, and blobs. What it is kept in shows nowhere above this room."""

from fogbank.store.blobs import Blob, BlobStore, BlobTooLarge, BlobWriter
from fogbank.store.errors import Exists, InUse, StoreError, StoreFailed
from fogbank.store.pending import Pending
from fogbank.store.records import Record, record
from fogbank.store.store import Store
from fogbank.store.tx import Key, Tx

__all__ = [
    "Blob",
    "BlobStore",
    "BlobTooLarge",
    "BlobWriter",
    "Exists",
    "InUse",
    "Key",
    "Pending",
    "Record",
    "Store",
    "StoreError",
    "StoreFailed",
    "Tx",
    "record",
]
