"""Runs as GitOps tools see them: `PYTHONPATH=tests python -m gitops` writes what is generated for them."""
