"""`python -m thinksafe`: the same as the `thinksafe` command."""

from thinksafe.cli import main

main()
