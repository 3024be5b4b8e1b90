"""`python -m fogbank` is the command `fogbank`."""

import sys

from fogbank.cli import main

sys.exit(main())
