"""The stream: token shards to training sequences, in an order that is a pure function of a plan and its history."""
