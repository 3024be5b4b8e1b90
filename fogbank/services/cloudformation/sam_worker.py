"""The process that runs AWS's SAM translator: importing it takes most of a second, and its templates are strangers'.

Reads frames (4 bytes of length, then JSON) from its input and answers each with one on its output, until the input ends
or nothing came for a quarter of an hour. Run by its path, it imports nothing of Fogbank's.
"""

from __future__ import annotations

import json
import os
import resource
import select
import sys
import types
from functools import reduce
from typing import Any

IDLE_SECONDS = 900
MEMORY = 2 << 30


class Session:
    """As much of a boto3 session as the translator asks for: the region."""

    def __init__(self, region_name: str | None = None) -> None:
        self.region_name = region_name


def _no_client(service: str, *_: Any, **__: Any) -> Any:
    raise RuntimeError(f"{service} is not available to the SAM transform")


def _stand_in_for_boto3() -> None:
    """The translator imports boto3 (half of its start-up) only to ask AWS itself for things; here it never may."""
    boto3 = types.ModuleType("boto3")
    session = types.ModuleType("boto3.session")
    for module in (boto3, session):
        module.Session = Session  # type: ignore[attr-defined]
    boto3.session = session  # type: ignore[attr-defined]
    boto3.client = _no_client  # type: ignore[attr-defined]
    boto3.DEFAULT_SESSION = None  # type: ignore[attr-defined]
    sys.modules["boto3"] = boto3
    sys.modules["boto3.session"] = session


def translate(request: dict[str, Any]) -> dict[str, Any]:
    """`{"template": ...}` of a request with template, parameters and region, or `{"error": AWS's sentence}`."""
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.utils.py27hash_fix import to_py27_compatible_template, undo_mark_unicode_str_in_template

    template, parameters = request["template"], request["parameters"]
    try:
        # The hashes in logical ids (deployments, versions) come out as AWS's own only in the order of Python 2.7.
        to_py27_compatible_template(template, parameters)
        translator = Translator(None, Parser(), boto_session=Session(request["region"]))
        out = translator.translate(template, parameters, passthrough_metadata=True, get_managed_policy_map=dict)
        return {"template": undo_mark_unicode_str_in_template(out)}
    except InvalidDocumentException as error:
        return {"error": reduce(lambda text, cause: f"{text} {cause.message}", error.causes, error.message)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    # What is printed by the way must not get among the frames.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    source = os.fdopen(0, "rb", buffering=0)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.setrecursionlimit(5000)
    _stand_in_for_boto3()
    import samtranslator.translator.translator  # noqa: F401

    while select.select([0], [], [], IDLE_SECONDS)[0]:
        size = int.from_bytes(_read(source, 4), "big")
        answer = json.dumps(translate(json.loads(_read(source, size)))).encode()
        output.write(len(answer).to_bytes(4, "big") + answer)
        output.flush()


def _read(source: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = source.read(size - len(data))
        if not chunk:
            sys.exit(0)
        data += chunk
    return data


if __name__ == "__main__":
    main()
