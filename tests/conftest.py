"""Settings of the whole suite."""

from hypothesis import settings

# No deadline: on two shared cores a slow example says nothing about the code.
settings.register_profile("suite", deadline=None, max_examples=60)
settings.load_profile("suite")
