"""What is said of a released adapter, in an in-toto statement beside it, and how that is checked."""
