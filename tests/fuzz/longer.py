"""A plugin of pytest's for long runs: many examples, at random, and whatever fails can be made again."""

from hypothesis import HealthCheck, Verbosity, settings

settings.register_profile(
    "long",
    max_examples=300,
    deadline=None,
    derandomize=False,
    print_blob=True,
    verbosity=Verbosity.normal,
    suppress_health_check=list(HealthCheck),
)
