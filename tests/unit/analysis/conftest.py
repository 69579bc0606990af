"""No deadlines: how long an example takes depends on the machine and says nothing about the code."""

from hypothesis import settings

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
