"""Property tests give the same verdict on every machine: fixed examples, and no stopwatch on a busy one."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.register_profile("search", deadline=None, max_examples=3000)
settings.load_profile("steady")
