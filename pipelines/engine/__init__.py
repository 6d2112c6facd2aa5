"""The only place that knows which engine runs."""

from gristmill.pipelines.engine.spark_worker import keep_zip_directories

keep_zip_directories()
