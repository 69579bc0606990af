"""Where prompts come from: sources (file, S3, Hugging Face), tables, formats, and the removal of duplicates.

Importing this package imports neither torch nor transformers.
"""
