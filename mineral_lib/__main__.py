"""``python -m mineral_lib``."""

import sys

from mineral_lib.cli import main

sys.exit(main())
