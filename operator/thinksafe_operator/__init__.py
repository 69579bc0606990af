"""The ThinkSafe operator: watches ThinkSafeRuns and spawns the Jobs of their stages."""
