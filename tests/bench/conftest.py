from tests.chaos.conftest import stack as stack
