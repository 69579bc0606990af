"""`python -m thinksafe_operator`."""

from thinksafe_operator.app import main

main()
