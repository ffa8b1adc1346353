"""All operations."""
import attributes  # noqa: F401
import data  # noqa: F401
import names  # noqa: F401
from hands import TABLE, Hands  # noqa: F401
