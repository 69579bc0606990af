"""ThinkSafeExperiment: one run a variant, compared at the end. Pure in the middle, as for runs."""
