"""A container image with nothing but a shell: a runtime and an extension that speak HTTP through /dev/tcp."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from tests.services.ecr.oci import Image, member, tar

BASH = Path("/bin/bash")

CALL = r"""
# call METHOD PATH BODY HEADER: sets `id` and `answer`
call() {
  exec 5<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/:/\/}"
  printf '%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %s\r\n\r\n%s' "$1" "$2" "$4" "${#3}" "$3" >&5
  local size=0 line
  while IFS= read -r line <&5; do
    line=${line%$'\r'}
    [ -z "$line" ] && break
    case ${line,,} in
      lambda-runtime-aws-request-id:*|lambda-extension-identifier:*) id=${line#*: } ;;
      content-length:*) size=${line#*: } ;;
    esac
  done
  IFS= read -r -N "$size" answer <&5
  exec 5>&-
}
"""
RUNTIME = "#!/bin/bash\n" + CALL + r"""
while true; do
  call GET /2018-06-01/runtime/invocation/next
  files=(/opt/*)
  extension=$(</tmp/extension) 2>/dev/null
  body="{\"event\": $answer, \"arguments\": \"$*\", \"cwd\": \"$PWD\", \"greeting\": \"$GREETING\","
  body="$body \"image\": \"$FROM_IMAGE\", \"extension\": \"$extension\", \"task\": \"$(</var/task/data)\"}"
  call POST "/2018-06-01/runtime/invocation/$id/response" "$body"
done
"""
EXTENSION = "#!/bin/bash\n" + CALL + r"""
call POST /2020-01-01/extension/register '{"events": ["INVOKE"]}' $'Lambda-Extension-Name: watcher\r\n'
mine=$id
echo registered > /tmp/extension
while true; do call GET /2020-01-01/extension/event/next "" "Lambda-Extension-Identifier: $mine"$'\r\n'; done
"""


def base() -> bytes:
    """The lowest layer: this machine's bash with what it is linked with."""
    linked = subprocess.run(["ldd", str(BASH)], capture_output=True, text=True, check=True).stdout
    paths = [str(BASH), *re.findall(r"(/\S+) \(0x", linked)]
    return tar([(member(path[1:], mode=0o755), Path(os.path.realpath(path)).read_bytes()) for path in paths])


def top(data: bytes, *, extension: bool = False) -> bytes:
    """The layer of the function itself."""
    members = [
        (member("runtime.sh", mode=0o755), RUNTIME.encode()),
        (member("var/task/data", mode=0o644), data),
        (member("work", tarfile.DIRTYPE, mode=0o755), b""),
    ]
    if extension:
        members.append((member("opt/extensions/watcher", mode=0o755), EXTENSION.encode()))
    return tar(members)


def image(data: bytes = b"data", *, extension: bool = False, **options: Any) -> Image:
    settings = {
        "entrypoint": ["/runtime.sh"], "command": ["app.handler"], "workdir": "/var/task", "environment": ["FROM_IMAGE=yes"],
    }
    return Image([base(), top(data, extension=extension)], **{**settings, **options})
