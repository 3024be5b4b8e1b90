"""What a wrapper script (AWS_LAMBDA_EXEC_WRAPPER) is given to execute in the place of Lambda's Python bootstrap."""

import sys

sys.path.insert(0, "/var/runtime")

from _fogbank import python_runtime  # noqa: E402

python_runtime.main()
