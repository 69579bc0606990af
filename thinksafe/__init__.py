"""ThinkSafe: repair the safety of a reasoning model with its own refusals (arXiv 2601.23143).

This package is the method. It knows nothing of Kubernetes; the operator in `operator/` runs it there.
"""

__version__ = "0.1.0"
