"""Learning from token shards: the stream, objectives, kinds of training, stability, compute budgets."""

import logging

# Imported by transformers' Trainer where it is installed, it warns about compiled kernels that it would download.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
