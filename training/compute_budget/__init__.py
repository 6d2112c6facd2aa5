"""How large a model, how many tokens, how many GPU-hours: published scaling laws, each number with its formula."""
