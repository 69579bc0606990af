"""Every command and manifest of the pages that a user reads is run."""
