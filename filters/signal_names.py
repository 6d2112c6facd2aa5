"""Which signals each family of `filters/registry.py` measures, so that a build imports only the families that it needs.

A family that is not here is imported whenever a signal is looked for. tests/contracts/test_registries.py compares the
table with the families, and prints the lines that are wrong as they must be.
"""

SIGNALS_OF: dict[str, str] = {
    "answer_self_test": "checker_kind self_test_passed self_test_why pass_rate",
    "bad_words": "bad_words",
    "book_text": "noisy_word_fraction broken_word_fraction letter_fraction licence_phrases",
    "c4_code": "c4_code_lines c4_code_kept_lines c4_code_sentences c4_code_lorem_ipsum c4_code_curly_bracket",
    "c4_datatrove": """
        c4_datatrove_lines c4_datatrove_kept_lines c4_datatrove_sentences c4_datatrove_lorem_ipsum
        c4_datatrove_curly_bracket
    """,
    "c4_datatrove_any_end": """
        c4_datatrove_any_end_lines c4_datatrove_any_end_kept_lines c4_datatrove_any_end_sentences
        c4_datatrove_any_end_lorem_ipsum c4_datatrove_any_end_curly_bracket
    """,
    "c4_dolma": """
        c4_dolma_lines c4_dolma_lines_without_terminal_mark c4_dolma_short_lines c4_dolma_lorem_ipsum
        c4_dolma_javascript c4_dolma_curly_bracket
    """,
    "c4_paper": "c4_paper_lines c4_paper_kept_lines c4_paper_sentences c4_paper_lorem_ipsum c4_paper_curly_bracket",
    "code_files": """
        code_language code_language_by code_kind code_line_count longest_line longest_code_line mean_code_line_length
        alphanumeric_fraction alphabetic_fraction encoded_fraction longest_encoded_run code_generated code_minified
        code_vendored html_shown_fraction html_shown_characters data_file_characters code_licence code_licence_allowed
    """,
    "code_fences": """
        code_fence_count unclosed_code_fence_count python_fence_count unparsed_python_fence_count json_fence_count
        unparsed_json_fence_count
    """,
    "contradictions": "contradiction_count contradicts_majority",
    "content_key": "content_key",
    "conversation_languages": "prompt_language response_language response_in_prompt_language",
    "conversation_structure": """
        message_count user_turn_count assistant_turn_count empty_turn_count out_of_turn_count late_system_count
        unknown_role_count unanswered_tool_call_count orphan_tool_result_count ends_with_assistant truncated_by_length
        longest_turn_characters response_characters prompt_characters
    """,
    "copied_prompt": "copied_character_fraction prompt_echo_fraction response_equals_prompt",
    "truncation": "ends_mid_sentence",
    "final_answer": "final_answer",
    "fineweb_lines": """
        visible_lines terminal_line_fraction short_line_fraction repeated_line_character_fraction line_breaks_per_word
    """,
    "fineweb_tokens": "line_breaks_per_token",
    "gopher_datatrove": """
        char_count_datatrove token_count_datatrove word_count_datatrove mean_word_length_datatrove
        hashes_per_token_datatrove ellipses_per_token_datatrove bullet_line_fraction_datatrove
        ellipsis_line_fraction_datatrove alpha_token_fraction_datatrove unique_stop_word_count_datatrove
        top_2gram_char_fraction_datatrove top_3gram_char_fraction_datatrove top_4gram_char_fraction_datatrove
        dup_5gram_char_fraction_datatrove dup_6gram_char_fraction_datatrove dup_7gram_char_fraction_datatrove
        dup_8gram_char_fraction_datatrove dup_9gram_char_fraction_datatrove dup_10gram_char_fraction_datatrove
    """,
    "gopher_quality": """
        character_count word_count word_character_count mean_word_length median_word_length hash_count ellipsis_count
        hashes_per_word ellipses_per_word symbols_per_word_dclm symbol_word_fraction_dolma alpha_word_fraction
        stop_word_count stop_word_count_lower_cased unique_stop_word_count word_count_dclm line_count
        bullet_line_fraction ellipsis_line_fraction bullet_line_fraction_dolma ellipsis_line_fraction_dolma
    """,
    "gopher_repetition": """
        top_2gram_char_fraction top_3gram_char_fraction top_4gram_char_fraction dup_5gram_char_fraction
        dup_6gram_char_fraction dup_7gram_char_fraction dup_8gram_char_fraction dup_9gram_char_fraction
        dup_10gram_char_fraction top_2gram_char_fraction_dolma top_3gram_char_fraction_dolma
        top_4gram_char_fraction_dolma dup_5gram_char_fraction_dolma dup_6gram_char_fraction_dolma
        dup_7gram_char_fraction_dolma dup_8gram_char_fraction_dolma dup_9gram_char_fraction_dolma
        dup_10gram_char_fraction_dolma
    """,
    "gopher_repetition_dclm": """
        top_2gram_char_fraction_dclm top_3gram_char_fraction_dclm top_4gram_char_fraction_dclm
        dup_5gram_char_fraction_dclm dup_6gram_char_fraction_dclm dup_7gram_char_fraction_dclm
        dup_8gram_char_fraction_dclm dup_9gram_char_fraction_dclm dup_10gram_char_fraction_dclm
    """,
    "gopher_repetition_lines": """
        dup_line_fraction_after_first dup_line_fraction_all_copies dup_line_char_fraction_after_first
        dup_line_char_fraction_all_copies dup_paragraph_fraction_after_first dup_paragraph_fraction_all_copies
        dup_paragraph_char_fraction_after_first dup_paragraph_char_fraction_all_copies dup_line_fraction_dolma
        dup_line_char_fraction_dolma dup_line_fraction_datatrove dup_line_char_fraction_datatrove
        dup_paragraph_fraction_datatrove dup_paragraph_char_fraction_datatrove
    """,
    "json_answers": "json_requested json_answer_valid",
    "label_noise": "label_probability",
    "language": """
        language language_score second_language second_language_score script language_agreement fasttext_language
        fasttext_score cld2_language cld2_score cld2_reliable
    """,
    "loops": "loop_repeats loop_period loop_character_fraction",
    "pair_cycles": "pair_in_cycle prompt_pair_count",
    "pair_formats": """
        list_line_difference heading_difference bold_difference code_fence_difference table_line_difference
        chosen_has_markup rejected_has_markup
    """,
    "pair_judgement": "score_chosen score_rejected score_margin chosen_position prompt_mismatch",
    "pair_lengths": "chosen_characters rejected_characters chosen_to_rejected_length_ratio",
    "pair_likeness": "chosen_equals_rejected chosen_rejected_similarity",
    "perplexity": "perplexity perplexity_bucket",
    "pii": """
        pii_email_count pii_phone_count pii_credit_card_count pii_iban_count pii_ip_address_count
        pii_national_id_count pii_url_credentials_count pii_secret_count pii_crypto_address_count pii_person_count
        pii_location_count pii_organization_count pii_total
    """,
    "redpajama": """
        rps_doc_word_count rps_doc_num_sentences rps_lines_num_words_max rps_lines_javascript_counts_sum
        rps_lines_num_words_mean rps_doc_mean_word_length rps_doc_unigram_entropy rps_doc_curly_bracket
        rps_doc_lorem_ipsum rps_doc_frac_all_caps_words rps_doc_frac_no_alph_words rps_doc_symbol_to_word_ratio
        rps_doc_stop_word_fraction rps_doc_frac_lines_end_with_ellipsis rps_doc_frac_unique_words
        rps_lines_start_with_bulletpoint_fraction_of_lines
        rps_lines_ending_with_terminal_punctution_mark_fraction_of_lines rps_lines_uppercase_letter_fraction_overall
        rps_lines_uppercase_letter_fraction_max rps_lines_numerical_chars_fraction_overall
        rps_lines_numerical_chars_fraction_max rps_doc_frac_chars_top_2gram rps_doc_frac_chars_top_3gram
        rps_doc_frac_chars_top_4gram rps_doc_frac_chars_dupe_5grams rps_doc_frac_chars_dupe_6grams
        rps_doc_frac_chars_dupe_7grams rps_doc_frac_chars_dupe_8grams rps_doc_frac_chars_dupe_9grams
        rps_doc_frac_chars_dupe_10grams
    """,
    "refinedweb": "refinedweb_words refinedweb_kept_words refinedweb_removed_word_fraction",
    "refusals": "opens_with_refusal refusal_count self_reference_count filler_phrase_count",
    "task_class": "task_class",
    "template_tokens": "template_token_count turn_marker_count",
    "tokens": "token_count",
    "toxic_words": "toxic_words toxic_word_spans",
    "url_rules": """
        url_domain url_blocked_domain url_blocked_host url_blocked_url url_hard_words url_soft_words url_subwords
    """,
    "web_page": """
        page_type page_taken_fraction page_licence_url page_licence robots_directives opted_out_of_ai
        opted_out_of_index
    """,
}
