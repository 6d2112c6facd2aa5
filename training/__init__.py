"""Learning from token shards: the stream, objectives, pre-training, stability, planning."""

import logging

# Imported by transformers' Trainer where it is installed, it warns about compiled kernels that it would download.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
