"""S3: a big object's way in and out beside a plain copy, small objects a second, and listings as buckets grow.

    python -m bench.s3 [--megabytes 1024] [--seconds 3] [--objects 1000000]

The plain copy reads, hashes (MD5), writes and syncs the same bytes in one process: what any S3 must do at least. Memory
is the server's, at rest and at its highest while the object went in and out.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from bench import load, signing

PIECE = 1 << 20


class Server:
    def __init__(self, work: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.endpoint = f"http://localhost:{self.port}"
        command = [sys.executable, "-m", "fogbank", "up", "--port", str(self.port), "--data-dir", str(work / "data")]
        with (work / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.endpoint}/_fogbank/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)
        self.s3 = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test", config=Config(signature_version="s3v4"),
        )  # fmt: skip

    def memory(self, name: str) -> float:
        """`VmRSS` or `VmHWM` of the server, MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"no {name}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def plain_copy(source: Path, target: Path) -> float:
    began = time.perf_counter()
    digest = hashlib.md5(usedforsecurity=False)
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        while piece := reader.read(PIECE):
            digest.update(piece)
            writer.write(piece)
        os.fsync(writer.fileno())
    return time.perf_counter() - began


def exchange(url: str, method: str, source: Path | None) -> float:
    """Sends a file, or reads an answer to its end, through a bare socket: the client shall cost little."""
    parts = urlsplit(url)
    began = time.perf_counter()
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        length = source.stat().st_size if source else 0
        head = f"{method} {parts.path}?{parts.query} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-length: {length}\r\n"
        connection.sendall(f"{head}connection: close\r\n\r\n".encode())
        if source:
            with source.open("rb") as file:
                connection.sendfile(file)
        first = connection.recv(PIECE)
        if not first.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(first[:500].decode(errors="replace"))
        while connection.recv(PIECE):
            pass
    return time.perf_counter() - began


def big_object(megabytes: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        source = work / "source"
        block = os.urandom(PIECE)
        with source.open("wb") as file:
            for _ in range(megabytes):
                file.write(block)
        server = Server(work)
        server.s3.create_bucket(Bucket="bench")
        server.s3.put_object(Bucket="bench", Key="warm", Body=b"x" * 100_000)
        at_rest = server.memory("VmRSS")
        put = server.s3.generate_presigned_url("put_object", Params={"Bucket": "bench", "Key": "big"})
        get = server.s3.generate_presigned_url("get_object", Params={"Bucket": "bench", "Key": "big"})
        times: dict[str, list[float]] = {"copy": [], "put": [], "get": []}
        for _ in range(rounds):
            times["copy"].append(plain_copy(source, work / "copy"))
            (work / "copy").unlink()
            times["put"].append(exchange(put, "PUT", source))
            times["get"].append(exchange(get, "GET", None))
            server.s3.delete_object(Bucket="bench", Key="big")
        highest = server.memory("VmHWM")
        server.stop()
    copy = statistics.median(times["copy"])
    print(f"one object of {megabytes} MB, medians of {rounds}")
    print("| what | seconds | spread | against the plain copy |\n|---|---|---|---|")
    for name, taken in times.items():
        middle = statistics.median(taken)
        print(f"| {name} | {middle:.2f} | {min(taken):.2f} to {max(taken):.2f} | {middle / copy:.2f}x |")
    print(f"\nserver's memory: {at_rest:.0f} MB at rest, {highest:.0f} MB at its highest\n")


def small_objects(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        server = Server(work)
        server.s3.create_bucket(Bucket="bench")
        print("| small objects, 32 connections | requests/s | p50 ms | p99 ms | failures |\n|---|---|---|---|---|")
        for name, operation, size in (
            ("put 1 KB", "PutObject", 1024), ("get 1 KB", "GetObject", 0), ("put 100 KB", "PutObject", 102400),
        ):  # fmt: skip

            def make(number: int, size: int = size) -> dict[str, Any]:
                named: dict[str, Any] = {"Bucket": "bench", "Key": f"k{number}"}
                return {**named, "Body": b"x" * size} if size else named

            requests = signing.capture(server.endpoint, "s3", operation, make, 500)
            result = load.run("127.0.0.1", server.port, requests, connections=32, seconds=seconds, work=work)
            print(
                f"| {name} | {result.per_second:.0f} | {result.p50_ms:.2f} | {result.p99_ms:.2f} | {result.failures} |"
                f"{' ' + result.first_failure if result.failures else ''}"
            )
        server.stop()
    print()


async def _seed(data: Path, bucket: str, count: int) -> None:
    """Puts `count` objects' records into a store that no server has open yet."""
    from fogbank.services.s3.records import Object
    from fogbank.store import Store, Tx

    store = await Store.open(data)

    def write(tx: Tx, start: int) -> None:
        for number in range(start, min(start + 10_000, count)):
            key = f"folder{number % 50:02d}/sub{number % 700:03d}/object{number:07d}"
            tx.put(Object(bucket=bucket, key=key, sequence=number, modified=1e9, etag="0" * 32, owner="0" * 12))

    for start in range(0, count, 10_000):
        await store.transact(lambda tx, start=start: write(tx, start))
    await store.close()


def listings(most: int) -> None:
    print("| listing, median ms | first page | page by prefix | folders | folders' second page | versions |")
    print("|---|---|---|---|---|---|")
    size = 100
    while size <= most:
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            (work / "data").mkdir()
            asyncio.run(_seed(work / "data", "bench", size))
            server = Server(work)
            server.s3.create_bucket(Bucket="bench")
            calls: list[tuple[Any, dict[str, Any]]] = [
                (server.s3.list_objects_v2, {"MaxKeys": 100}),
                (server.s3.list_objects_v2, {"Prefix": "folder07/", "MaxKeys": 2}),
                (server.s3.list_objects_v2, {"Delimiter": "/", "MaxKeys": 40}),
                (server.s3.list_objects_v2, {"Delimiter": "/", "StartAfter": "folder40/", "MaxKeys": 5}),
                (server.s3.list_object_versions, {"MaxKeys": 50}),
            ]
            cells = []
            for call, params in calls:
                taken = []
                for _ in range(9):
                    began = time.perf_counter()
                    call(Bucket="bench", **params)
                    taken.append((time.perf_counter() - began) * 1000)
                cells.append(f"{statistics.median(taken):.1f}")
            print(f"| {size:,} objects | {' | '.join(cells)} |", flush=True)
            server.stop()
        size *= 100


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--objects", type=int, default=10_000)
    options = parser.parse_args([] if sys.argv[0].endswith("__main__.py") else None)
    big_object(options.megabytes, options.rounds)
    small_objects(options.seconds)
    listings(options.objects)


if __name__ == "__main__":
    main()
