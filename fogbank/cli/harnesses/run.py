"""Calls a handler of the current folder with the event on standard input, and prints its answer. Nothing of Fogbank."""

import importlib
import json
import os
import sys
import time
import uuid


class Context:
    """The attributes of Lambda's context object."""

    def __init__(self):
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.invoked_function_arn = os.environ["FOGBANK_FUNCTION_ARN"]
        self.aws_request_id = str(uuid.uuid4())
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = "here"
        self.identity = self.client_context = None
        self._deadline = time.time() + float(os.environ["FOGBANK_TIMEOUT"])

    def get_remaining_time_in_millis(self):
        return max(int((self._deadline - time.time()) * 1000), 0)


def main():
    module, _, name = sys.argv[1].rpartition(".")
    sys.path.insert(0, os.getcwd())
    handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    print(json.dumps(handler(json.load(sys.stdin), Context())))


if __name__ == "__main__":
    main()
