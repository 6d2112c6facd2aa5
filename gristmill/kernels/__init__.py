"""The ground floor that filters, pipelines and training share: compiling, buffers, UTF-8 and hashes. No layer is imported."""
