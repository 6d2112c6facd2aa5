"""What a Python worker of Spark needs before it runs our functions.

pyspark calls `importlib.invalidate_caches()` before every task. Before Python 3.12 that reads the directory of
`pyspark.zip` again for every package that came out of it, 0.2 s a task (CPython issue 103200); later versions read it
when something is looked up. Zips that Spark adds for a session have names of their own, so nothing goes stale.
"""

import sys
import zipimport


def keep_zip_directories() -> None:
    """In a worker of Spark under Python 3.11: zips that were read stay read. Elsewhere nothing changes."""
    if sys.version_info < (3, 12) and _is_spark_worker():
        zipimport.zipimporter.invalidate_caches = lambda self: None  # type: ignore[method-assign]


def _is_spark_worker() -> bool:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name in {"pyspark.daemon", "pyspark.worker"}
