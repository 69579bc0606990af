"""Artifacts: what a stage makes, kept whole and unchanged in a folder or an S3 bucket under its content digest."""
