"""Kinds of training: what data each wants, how a batch becomes a loss, its checks before step 1, its figures."""
