"""Signals of conversations: how a row is built, and what answers of models are known to go wrong with.

What only an answer's text tells (loops, refusals, template tokens, fences, truncation) is measured on any view
(`loop_repeats@response`, `template_token_count@chosen`); what needs the turns (structure, copied prompts, JSON asked
for, languages that agree) reads the whole row.
"""
