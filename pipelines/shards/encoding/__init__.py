"""From text to token ids: exact and fast encoders, and the tokenizer they follow."""
