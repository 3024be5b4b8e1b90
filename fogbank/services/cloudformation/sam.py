"""AWS::Serverless-2016-10-31: the SAM transform, done by a worker process that is started for the first SAM template.

The worker is kept: one translation then takes some 30 ms. It never runs on the event loop's time, and one that does not
answer is killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from fogbank.services.cloudformation.errors import validation

NAME = "AWS::Serverless-2016-10-31"
TIMEOUT = 30.0
"""Seconds for one translation, the worker's start included."""
_WORKER = Path(__file__).with_name("sam_worker.py")


class SamWorker:
    """The worker process of one cloud. One translation at a time."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._warming: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def expect(self) -> None:
        """Starts the process ahead of a translation that is likely to come."""
        if not self._alive() and (self._warming is None or self._warming.done()):
            self._warming = asyncio.get_running_loop().create_task(self._warm())

    async def _warm(self) -> None:
        async with self._turn:
            await self._start()

    async def translate(self, template: dict[str, Any], parameters: dict[str, Any], region: str) -> dict[str, Any]:
        """The template without SAM's types. Raises AwsError(`ValidationError`) with CloudFormation's sentence."""
        request = json.dumps({"template": template, "parameters": parameters, "region": region}).encode()
        async with self._turn:
            try:
                answer = await asyncio.wait_for(self._ask(request), TIMEOUT)
            except (TimeoutError, asyncio.IncompleteReadError, OSError) as error:
                await self._stop()
                raise _failed("the transform did not finish") from error
            except asyncio.CancelledError:
                await self._stop()  # an answer that nobody waits for would be taken for the next one's
                raise
        if "error" in answer:
            raise _failed(answer["error"])
        out: dict[str, Any] = answer["template"]
        return out

    async def close(self) -> None:
        if self._warming is not None:
            await asyncio.wait((self._warming,))
        await self._stop()

    async def _start(self) -> asyncio.subprocess.Process:
        if not self._alive():
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(_WORKER),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        assert self._process is not None
        return self._process

    def _alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _ask(self, request: bytes) -> dict[str, Any]:
        process = await self._start()
        assert process.stdin and process.stdout
        process.stdin.write(len(request).to_bytes(4, "big") + request)
        await process.stdin.drain()
        size = int.from_bytes(await process.stdout.readexactly(4), "big")
        answer: dict[str, Any] = json.loads(await process.stdout.readexactly(size))
        return answer

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


def _failed(reason: str) -> Exception:
    return validation(f"Transform {NAME} failed with: {reason}")
