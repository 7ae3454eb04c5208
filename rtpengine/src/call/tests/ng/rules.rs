//! The rules of ng-control.md, each with the tests that look at it, or in words why there is none. A rule of the list without a test that
//! exists is noticed here.
//!
//! Rules without a number in the specification are counted in their order: `10.3.1.2` is step 2 of case 1 of §10.3, `11.8.3` the third point
//! of §11.8. Tests are named by file (see [`FOLDERS`]) and function.

use std::collections::{HashMap, HashSet};
use std::path::Path;

/// What the first part of a test's name stands for, below the workspace.
const FOLDERS: &[(&str, &str)] = &[
    ("daemon", "tests/tests/daemon"),
    ("common", "rtpengine-common/src"),
    ("call", "rtpengine/src/call/tests"),
    ("control", "rtpengine/src/control"),
    ("shard", "rtpengine/src/shard"),
    ("report", "rtpengine/src/report"),
    ("options", "rtpengine/src/options"),
];

const NO_MIXER: &str =
    "- no player mixes audio yet; the key is kept: common/ng/request/tests/keys::scalar_values_of_section_6";

#[rustfmt::skip]
const RULES: &[(&str, &str, &[&str])] = &[
    ("1.1", "transports and listen options", &["daemon/protocol::several_listeners_share_calls_and_cookies", "daemon/web::a_bare_port_is_bound_in_both_families_rule_1_4_6", "options/endpoint::listeners"]),
    ("1.2.1", "one datagram, one request, up to 65535 bytes", &["daemon/bad_input::a_large_body_is_answered_or_refused_quickly"]),
    ("1.2.2", "replies come from the address that was asked", &["daemon/protocol::a_reply_comes_from_the_address_that_was_asked"]),
    ("1.2.3", "cookie, blank, dictionary, nothing else", &["daemon/protocol::the_examples_of_the_specification_byte_by_byte"]),
    ("1.2.4", "control-tos and control-pmtu", &["control/cli/tests::operations_6_7_set"]),
    ("1.2.5", "a reply larger than a datagram is lost", &["daemon/protocol::a_reply_larger_than_a_datagram_is_lost_and_logged_rule_1_2_5"]),
    ("1.2.6", "no cookie, no reply", &["common/ng/tests::no_cookie_is_dropped_rule_1_2_6", "daemon/bad_input::datagrams_without_cookie_get_no_reply"]),
    ("1.3.1", "many connections, many requests", &["daemon/protocol::tcp_carries_units_in_any_segments", "daemon/protocol::a_tcp_peer_that_goes_away_disturbs_nobody"]),
    ("1.3.2", "units without separator", &["common/ng/tests::several_units_without_separator_rule_1_3_2", "daemon/protocol::tcp_carries_units_in_any_segments"]),
    ("1.3.3", "the scanner is stricter than the decoder", &["common/bencode/tests::scanner_is_stricter_than_the_decoder"]),
    ("1.3.4", "the remainder is bounded", &["common/ng/tests::unparseable_bytes_stay_until_the_limit_rule_1_3_4", "common/ng/tests::the_limit_is_about_the_remainder_only", "daemon/protocol::tcp_closes_what_can_never_become_a_unit"]),
    ("1.3.5", "no JSON on TCP", &["daemon/protocol::json_has_no_frames_on_tcp_rule_1_3_5"]),
    ("1.3.6", "end of stream", &["daemon/protocol::tcp_executes_what_came_before_the_end_and_drops_the_rest"]),
    ("1.3.7", "unsolicited messages", &["daemon/dtmf::codecs_18_6_digits_are_told_by_datagram_and_to_ng_clients"]),
    ("1.4", "routes of HTTP", &["daemon/web::every_route_of_the_table_answers_on_one_connection_1_4", "control/http/routes::the_table_of_the_specification"]),
    ("1.4.1", "a POST needs type and length", &["daemon/web::a_post_without_type_or_length_ends_the_connection_rule_1_4_1", "control/http/routes::a_post_needs_a_short_type_and_a_length"]),
    ("1.4.2", "no cookie: status 600", &["daemon/web::errors_of_ng_are_replies_and_a_missing_cookie_is_status_600_rule_1_4_2"]),
    ("1.4.3", "the body says its format", &["daemon/web::a_call_over_http_in_both_encodings"]),
    ("1.4.4", "headers of every response", &["control/http/routes::every_response_allows_other_origins"]),
    ("1.4.5", "keep-alive, idle time, HTTPS", &["daemon/web::idle_and_slow_clients_are_closed_and_hold_nobody_up_rule_1_4_5", "daemon/web::https_with_a_certificate_and_a_key"]),
    ("1.4.6", "both families", &["daemon/web::a_bare_port_is_bound_in_both_families_rule_1_4_6"]),
    ("1.5.1", "sub-protocols", &["daemon/websocket::only_the_known_sub_protocols_are_served_rule_1"]),
    ("1.5.2", "text, binary, fragments", &["daemon/websocket::echo_returns_text_and_binary_and_joined_fragments_as_binary_rules_2_3_5"]),
    ("1.5.3", "replies are binary", &["daemon/websocket::echo_returns_text_and_binary_and_joined_fragments_as_binary_rules_2_3_5"]),
    ("1.5.4", "many outstanding requests", &["daemon/websocket::many_requests_may_be_outstanding_rule_4"]),
    ("1.5.5", "echo and cli", &["daemon/websocket::echo_returns_text_and_binary_and_joined_fragments_as_binary_rules_2_3_5", "daemon/websocket::ng_with_and_without_cookie_and_the_cli_rules_5_6"]),
    ("1.5.6", "no cookie, no reply", &["daemon/websocket::ng_with_and_without_cookie_and_the_cli_rules_5_6"]),
    ("1.6", "the daemon as a client", &["common/ng/client::cookies_are_hexadecimal_and_differ", "common/ng/client::repeats_the_same_bytes_and_ignores_foreign_cookies", "common/ng/client::gives_up_after_all_attempts"]),
    ("1.7", "messages sent unasked", &["daemon/dtmf::codecs_18_6_digits_are_told_by_datagram_and_to_ng_clients"]),
    ("2.1", "any bytes are a cookie", &["daemon/protocol::the_cookie_may_be_any_bytes", "common/ng/tests::cookie_is_everything_before_the_first_space"]),
    ("2.2", "one cache, by address and cookie", &["control/cookies::the_same_cookie_of_another_peer_is_another_request", "daemon/protocol::tcp_and_udp_share_the_cookies"]),
    ("2.3", "replies of all kinds are stored", &["daemon/protocol::a_duplicate_of_an_error_gets_the_same_error"]),
    ("2.4", "a duplicate is not executed", &["daemon/protocol::a_retransmission_gets_the_identical_reply_and_changes_nothing", "control/router_tests::a_retransmission_gets_the_same_reply_and_is_not_executed_again"]),
    ("2.5", "a duplicate of what is being executed waits", &["control/router_tests::a_retransmission_during_execution_waits_for_the_reply", "daemon/protocol::parallel_duplicates_are_executed_once"]),
    ("2.6", "two generations", &["control/cookies::entries_live_for_one_to_two_generations"]),
    ("2.7", "the reply is sent first", &["- the order cannot be seen from outside: Router::answer sends before it stores"]),
    ("2.8", "ng-plain has no cookie", &["daemon/web::cookies_are_shared_with_udp_and_ng_plain_has_none_rules_2_2_and_2_8"]),
    ("3", "the first byte decides", &["common/ng/tests::first_byte_decides_the_encoding_rule_3"]),
    ("3.1", "bencode", &["common/bencode/tests::strings", "common/bencode/tests::integers", "common/bencode/tests::tolerated_missing_ends_at_the_very_end", "common/bencode/tests::not_tolerated", "common/bencode/tests::encodes_in_insertion_order", "daemon/protocol::sloppy_bencode_that_is_tolerated"]),
    ("3.2", "JSON", &["common/ng/tests::json_values_rule_3_2", "common/ng/tests::json_escapes_control_characters_only"]),
    ("3.3", "types", &["common/ng/request/tests/keys::integers_by_encoding_rule_3_3", "common/ng/request/tests/keys::lists_may_be_comma_separated_strings_rule_3_3"]),
    ("3.3.1", "wrong types are ignored", &["common/ng/request/tests/keys::wrong_types_are_not_given_rule_3_3_1"]),
    ("3.3.2", "keys that occur twice", &["common/ng/request/tests/keys::duplicates_rule_3_3_2"]),
    ("3.3.3", "unknown things are warnings", &["common/ng/request/tests/keys::keys_are_case_sensitive_and_unknown_ones_are_warnings_rules_3_3_3_and_3_3_4", "daemon/protocol::unknown_keys_flags_and_values_never_fail_a_request"]),
    ("3.3.4", "case", &["common/ng/request/tests/keys::keys_are_case_sensitive_and_unknown_ones_are_warnings_rules_3_3_3_and_3_3_4"]),
    ("3.4", "escapes in list values", &["common/ng/request/tests/keys::escapes_in_list_values_only_rule_3_4"]),
    ("4.1", "decoding fails", &["daemon/bad_input::malformed_datagrams_get_the_error_of_the_specification"]),
    ("4.2", "a command is needed", &["common/ng/request/tests/keys::command_is_needed_and_known_rules_4_2_and_4_4"]),
    ("4.3", "it is logged", &["daemon/protocol::unrecognised_commands_and_what_was_not_understood_are_logged_rule_4_3"]),
    ("4.4", "and known", &["common/ng/request/tests/keys::command_is_needed_and_known_rules_4_2_and_4_4"]),
    ("4.5", "start values, templates, keys", &["common/ng/request/tests/keys::start_values_section_4", "daemon/sdp_rules::templates_come_before_the_keys_of_the_request"]),
    ("4.6", "counters by client and command", &["control/proxies::agents_are_counted_apart_and_together_up_to_a_bound", "daemon/query::statistics_count_sessions_and_requests"]),
    ("4.7", "result comes last", &["common/ng/tests::result_comes_last_and_keys_survive_a_failure_rule_4_8"]),
    ("4.8", "failures and load limit", &["common/ng/tests::result_comes_last_and_keys_survive_a_failure_rule_4_8", "daemon/limits::max_sessions_refuses_new_calls_only"]),
    ("4.9", "warning beside ok", &["call/ng/errors::ng_13_d_delete_that_finds_nothing_is_a_warning_or_with_fatal_an_error"]),
    ("5", "commands and their order", &["common/ng/tests::commands_in_the_order_of_the_statistics", "daemon/bad_input::a_command_of_the_wrong_type_or_case_is_no_command"]),
    ("6.1", "keys of identification", &["common/ng/request/tests/keys::every_spelling_of_section_6_is_known", "daemon/protocol::every_spelling_of_the_identification_keys"]),
    ("6.2", "keys of content and addressing", &["common/ng/request/tests/keys::every_spelling_of_section_6_is_known", "common/ng/request/tests/keys::scalar_values_of_section_6", "daemon/addresses::the_direction_chooses_the_interfaces"]),
    ("6.3", "keys of recording, players, DTMF", &["common/ng/request/tests/keys::every_spelling_of_section_6_is_known", "common/ng/request/tests/keys::digit_is_a_character_or_an_event_number"]),
    ("7", "flags", &["common/ng/request/tests/flags::every_spelling_of_section_7_is_known", "common/ng/request/tests/flags::every_flag_in_both_spellings"]),
    ("7.1", "prefix forms", &["common/ng/request/tests/flags::prefix_forms_of_section_7_1", "common/ng/request/tests/flags::prefix_forms_by_command"]),
    ("7.2.1", "reset", &["call/ng/flags::ng_7_2_reset_takes_ice_and_protocol_afresh"]),
    ("7.2.2", "pierce-NAT", &["call/ng/flags::ng_7_2_pierce_nat_and_nat_wait_are_set_with_the_address", "daemon/medias::pierce_nat_sends_the_dummy_packet_until_the_peer_has_sent"]),
    ("7.2.3", "NAT-wait", &["daemon/medias::nat_wait_holds_media_until_the_peer_has_sent"]),
    ("7.2.4", "strict-source, media-handover", &["call/ng/flags::ng_7_2_what_a_message_does_not_say_is_cleared", "call/ng/flags::ng_7_2_strict_source_with_media_handover_is_a_warning"]),
    ("7.2.5", "asymmetric, unidirectional", &["call/ng/flags::ng_7_2_what_a_message_does_not_say_is_cleared"]),
    ("7.2.6", "media echo", &["call/ng/flags::ng_7_2_media_echo_persists_until_it_is_changed", "daemon/medias::media_echo_sends_back_what_came"]),
    ("7.2.7", "drop-traffic", &["call/ng/flags::ng_7_2_drop_traffic_holds_until_stop", "daemon/medias::drop_traffic_drops_everything_until_it_stops"]),
    ("7.2.8", "generate-RTCP, recrypt", &["call/ng/flags::ng_7_2_options_of_both_medias_persist"]),
    ("7.2.9", "passthrough", &["call/ng/flags::ng_7_2_options_of_both_medias_persist"]),
    ("7.2.10", "exclude-recording", &["call/ng/flags::ng_7_2_marks_of_parties_persist"]),
    ("7.2.11", "block-short", &["call/ng/flags::ng_7_2_marks_of_parties_persist"]),
    ("7.2.12", "no-jitter-buffer", &["call/ng/flags::ng_7_2_marks_of_the_call_persist"]),
    ("7.2.13", "audio-player", &[NO_MIXER]),
    ("7.2.14", "debug", &["call/ng/flags::ng_7_2_marks_of_the_call_persist"]),
    ("7.2.15", "SIP-source-address", &["call/ng/flags::ng_7_2_the_sip_source_replaces_the_addresses_until_ice", "daemon/addresses::the_sip_source_address_replaces_the_one_in_the_sdp"]),
    ("7.2.16", "loop-protect", &["call/ng/flags::ng_7_2_loop_protect_marks_the_sdp_and_knows_the_mark"]),
    ("8.1", "replace", &["common/ng/request/tests/flags::value_lists_of_section_8", "call/ng/proxies::ng_16_4_flags_of_the_opensips_module"]),
    ("8.2", "rtcp-mux, bundle", &["common/ng/request/tests/flags::value_lists_of_section_8", "daemon/medias::the_rtcp_mux_table_holds_row_by_row"]),
    ("8.3", "ICE, ICE-lite", &["common/ng/request/tests/flags::value_lists_of_section_8"]),
    ("8.4", "DTLS, SDES", &["common/ng/request/tests/flags::sdes_values", "common/ng/request/tests/flags::value_lists_of_section_8"]),
    ("8.5", "OSRTP, T.38", &["common/ng/request/tests/flags::value_lists_of_section_8"]),
    ("8.6", "codec", &["common/ng/request/tests/structures::codec_dictionary_by_command_rule_8_6", "common/ng/request/tests/structures::set_applies_to_all_prefixes"]),
    ("8.7", "sdp-attr, sdp-media-remove", &["common/ng/request/tests/structures::sdp_attr_manipulations", "common/ng/request/tests/structures::sdp_media_remove_types"]),
    ("8.8", "moh", &["common/ng/request/tests/structures::music_on_hold"]),
    ("9.1.1", "tokens and blanks", &["common/ng/request/tests/flags_string::tokens_and_spaces_rules_1_and_2"]),
    ("9.1.2", "key and value", &["common/ng/request/tests/flags_string::tokens_and_spaces_rules_1_and_2"]),
    ("9.1.3", "codec forms", &["common/ng/request/tests/flags_string::codec_forms_rule_3"]),
    ("9.1.4", "special tokens", &["common/ng/request/tests/flags_string::transport_tokens_rule_4", "common/ng/request/tests/flags_string::tag_tokens_rule_4", "common/ng/request/tests/flags_string::direction_tokens_rule_4"]),
    ("9.1.5", "no value: a flag", &["common/ng/request/tests/flags_string::own_examples_of_the_specification", "call/ng/proxies::ng_15_5_the_same_flags_as_a_string_for_the_daemon"]),
    ("9.1.6", "with a value: a key", &["common/ng/request/tests/flags_string::own_examples_of_the_specification", "call/ng/proxies::ng_15_5_the_same_flags_as_a_string_for_the_daemon"]),
    ("9.1.7", "brackets", &["common/ng/request/tests/flags_string::containers_rule_7"]),
    ("9.1.8", "an entry without equals", &["common/ng/request/tests/flags_string::a_dictionary_entry_without_equals_ends_it_rule_8"]),
    ("9.1.9", "no quoting", &["common/ng/request/tests/keys::escapes_in_list_values_only_rule_3_4"]),
    ("9.1.10", "malformed input", &["common/ng/request/tests/flags_string::malformed_input_never_swallows_the_rest_rule_10", "common/ng/request/tests/flags_string::a_space_before_the_bracket_loses_the_group_only"]),
    ("9.2", "position in wire order", &["common/ng/request/tests/flags_string::position_in_wire_order_rule_9_2"]),
    ("9.3.1", "templates of the configuration", &["common/ng/request/tests/flags_string::templates_rule_9_3", "daemon/sdp_rules::templates_come_before_the_keys_of_the_request"]),
    ("9.3.2", "template=NAME", &["common/ng/request/tests/flags_string::templates_rule_9_3"]),
    ("9.3.3", "automatic templates", &["common/ng/request/tests/flags_string::templates_rule_9_3"]),
    ("10.1", "creation and lookup", &["call/ng/parties::ng_10_1_creation_time_stays_and_signals_move_the_other", "call/ng/parties::ng_10_1_a_call_that_never_got_a_party_is_removed_again", "call/subscribe::ng_10_1_publish_and_subscribe_request_count_as_signals"]),
    ("10.2.1", "tags and aliases find a party", &["call/ng/parties::ng_10_2_1_every_tag_of_a_party_finds_it"]),
    ("10.2.2", "a new tag", &["call/ng/parties::ng_10_2_2_a_new_tag_becomes_the_primary_one"]),
    ("10.2.3", "via-branch", &["call/ng/parties::ng_10_2_3_the_branch_belongs_to_the_other_side_and_the_last_one_holds"]),
    ("10.2.4", "labels", &["call/ng/parties::ng_10_2_4_the_last_one_to_take_a_label_owns_it"]),
    ("10.2.5", "untagged parties", &["call/ng/parties::ng_10_2_5_untagged_parties_have_their_position_as_a_name"]),
    ("10.3.1.1", "sender unknown", &["call/ng/parties::ng_10_3_1_an_unknown_sender_is_made_with_an_untagged_other_side"]),
    ("10.3.1.2", "other tag unknown", &["call/ng/parties::ng_10_3_1_2_an_unknown_other_tag_opens_another_branch"]),
    ("10.3.1.3", "no branch", &["call/ng/parties::ng_10_3_1_3_without_tag_and_branch_the_present_partner_is_meant"]),
    ("10.3.1.4", "a branch", &["call/ng/parties::ng_10_3_1_4_a_branch_finds_its_party_or_makes_one"]),
    ("10.3.2.1", "sender known", &["call/ng/parties::ng_10_3_2_1_a_known_sender_is_used_whoever_it_talked_to"]),
    ("10.3.2.2", "by branch, by link", &["call/ng/parties::ng_10_3_2_2_an_unknown_sender_is_looked_for_by_branch_then_by_link"]),
    ("10.3.2.3", "re-tagging", &["call/ng/parties::ng_10_3_2_3_an_answer_re_tags_and_an_offer_never_does", "call/ng/parties::ng_10_3_2_3_new_branch_and_final_responses_stop_re_tagging"]),
    ("10.3.2.4", "both the same", &["call/ng/parties::ng_10_3_2_4_nobody_talks_to_himself"]),
    ("10.3.2.5", "the tag of the sender", &["call/ng/parties::ng_10_3_2_5_the_candidate_gets_the_senders_tag"]),
    ("10.3.3", "final response", &["call/ng/parties::ng_10_3_2_3_new_branch_and_final_responses_stop_re_tagging"]),
    ("10.3.4", "association", &["call/ng/parties::ng_10_3_a_message_cancels_scheduled_deletions_of_both", "call/ng/parties::ng_10_3_a_message_has_both_sides_confirmed_anew"]),
    ("10.4", "alias key", &["call/ng/parties::ng_10_4_the_same_sdp_or_address_finds_an_unknown_sender"]),
    ("10.5.1", "the sender's media", &["call/ng/medias::ng_10_5_1_a_mid_finds_its_media_and_the_position_any_other"]),
    ("10.5.2", "the receiver's media", &["call/ng/medias::ng_10_5_2_the_receivers_media_is_the_linked_one_or_that_at_the_shifted_position"]),
    ("10.5.3", "zero port and address", &["call/ng/medias::ng_10_5_3_port_zero_disables_and_a_zero_address_holds", "call/flows::ng_10_5_a_media_that_comes_back_gets_its_ports_again"]),
    ("10.5.4", "links", &["call/ng/medias::ng_10_5_4_an_offer_moves_the_receiver_and_an_answer_both", "call/ng/medias::ng_10_5_4_blocking_survives_on_the_same_link_and_subscriptions_are_not_touched", "call/subscribe::ng_10_5_re_offers_leave_subscriptions_alone"]),
    ("10.5.5", "every sink gets media", &["call/ng/medias::ng_10_5_5_every_linked_sink_gets_the_packets_until_the_answer", "daemon/basic_call::of_forked_branches_the_answered_one_talks"]),
    ("10.5.6", "re-INVITE", &["call/ng/medias::ng_10_5_6_either_side_offers_again_and_options_are_remembered", "daemon/reinvite::either_side_can_offer_again"]),
    ("10.5.7", "offer without answer", &["call/ng/medias::ng_10_5_7_an_offer_without_answer_waits_for_the_offer_timeout"]),
    ("10.5.8", "directions", &["call/ng/medias::ng_10_5_8_directions_are_seen_from_the_daemon"]),
    ("10.5.9", "answers without offer", &["call/ng/medias::ng_10_5_9_answers_need_a_call_but_no_offer"]),
    ("10.6.1", "keys of port sets", &["call/ng/ports::ng_10_6_1_the_receivers_ports_belong_to_the_senders_address_and_the_senders_to_whom_answers"]),
    ("10.6.2", "which set is taken", &["call/ng/ports::ng_10_6_2_latching_goes_before_the_address", "call/ng/ports::ng_10_6_2_with_ice_the_ports_stay_unless_that_is_refused"]),
    ("10.6.3", "ports come back", &["call/ng/ports::ng_10_6_3_an_address_gets_its_ports_back"]),
    ("10.6.4", "number of ports", &["call/ng/ports::ng_10_6_4_how_many_ports_a_media_gets"]),
    ("10.6.5", "interfaces", &["call/ng/ports::ng_10_6_5_every_address_of_the_interface_with_ice_only"]),
    ("10.6.6", "release", &["call/ng/ports::ng_10_6_6_a_destroyed_party_stays_listed_without_ports"]),
    ("10.6.7", "no ports", &["call/ng/ports::ng_10_6_7_without_ports_the_whole_call_ends", "daemon/limits::without_ports_the_call_ends_and_others_go_on"]),
    ("10.7.1", "termination time and reason", &["common/log/lines::operations_5_5_cdr", "call/ng/deletion::ng_10_7_2_without_a_from_tag_the_entire_call_goes"]),
    ("10.7.2", "no from-tag", &["call/ng/deletion::ng_10_7_2_without_a_from_tag_the_entire_call_goes"]),
    ("10.7.3", "by branch", &["call/ng/deletion::ng_10_7_3_a_branch_names_the_party_before_the_tag_does"]),
    ("10.7.4", "by tag", &["call/ng/deletion::ng_10_7_4_the_tag_then_the_branch_then_the_only_untagged_partner"]),
    ("10.7.5", "cascade", &["call/ng/deletion::ng_10_7_5_who_has_nobody_left_goes_along"]),
    ("10.7.6", "scheduled", &["call/ng/deletion::ng_10_7_6_a_scheduled_deletion_leaves_everything_as_it_is_until_then", "call/ng/deletion::ng_10_7_6_the_delay_comes_from_the_message_or_the_option"]),
    ("10.7.7", "the reply", &["call/ng/deletion::ng_10_7_7_the_reply_does_not_depend_on_the_delay"]),
    ("10.7.8", "merged calls", &["call/ng/deletion::ng_10_7_8_one_id_of_a_merged_call_takes_its_own_parties", "daemon/edges::deleting_one_id_of_a_merged_call_leaves_the_other"]),
    ("10.7.9", "once per second; at once", &["daemon/delete::a_scheduled_delete_lets_media_flow_until_then", "daemon/delete::the_id_can_be_used_again_at_once"]),
    ("10.7.10", "one after the other", &["daemon/protocol::requests_for_one_call_are_executed_in_order"]),
    ("10.8", "merging", &["call/edges::ng_10_8_two_calls_become_one", "call/edges::ng_10_8_calls_with_a_common_tag_are_not_merged", "daemon/edges::merging_two_calls_loses_no_packet"]),
    ("10.9", "TOS", &["call/ng/deletion::ng_10_9_tos_of_all_sockets", "daemon/addresses::the_traffic_class_is_the_configured_or_the_requested_one"]),
    ("10.10", "timeouts", &["call/ng/deletion::ng_10_10_media_of_a_talk_times_out", "daemon/timeouts::a_call_without_media_times_out", "daemon/timeouts::the_final_timeout_ends_even_a_lively_call"]),
    ("10.10.1", "zero, foreign calls", &["call/ng/deletion::ng_10_10_1_foreign_calls_know_the_final_timeout_only", "daemon/timeouts::zero_means_the_default"]),
    ("10.10.2", "silent streams", &["call/ng/deletion::ng_10_10_2_a_silent_stream_counts_only_where_none_is_subject_to_the_normal_timeout"]),
    ("10.10.3", "the last packet", &["call/ng/deletion::ng_10_10_3_signalling_counts_as_a_packet", "daemon/timeouts::a_call_with_media_one_way_goes_on"]),
    ("10.10.4", "no timeout", &["call/ng/deletion::ng_10_10_4_no_streams_no_timeout_and_none_while_a_deletion_is_pending"]),
    ("10.10.5", "reasons", &["call/ng/medias::ng_10_5_7_an_offer_without_answer_waits_for_the_offer_timeout", "call/ng/deletion::ng_10_10_1_foreign_calls_know_the_final_timeout_only"]),
    ("10.10.6", "timeouts destroy at once", &["daemon/timeouts::a_call_without_media_times_out"]),
    ("10.11", "timeout callback", &["- there is no call-back yet; its key is kept: common/ng/request/tests/keys::every_spelling_of_section_6_is_known"]),
    ("11.1.1", "order of selectors", &["common/ng/request/tests/keys::selector_order_rule_11_1", "call/ng/exchange::ng_11_1_all_goes_before_label_address_and_tag"]),
    ("11.1.2", "errors of selectors", &["call/ng/errors::ng_13_c_d_e_every_text_leaves_the_call_as_it_was"]),
    ("11.1.3", "six commands want directional", &["call/block::ng_11_1_six_commands_listen_to_a_tag_only_with_directional"]),
    ("11.1.4", "set-label", &["call/ng/exchange::ng_11_1_set_label_labels_whom_the_selector_found"]),
    ("11.2.1", "order of checks", &["call/ng/exchange::ng_11_2_the_checks_have_an_order", "daemon/bad_input::missing_keys_are_named_in_this_order"]),
    ("11.2.2", "recording with offer and answer", &["call/recording::ng_11_2_offers_record_unless_paused"]),
    ("11.2.3", "active-switchover", &["call/ng/exchange::ng_11_2_a_foreign_call_is_taken_over_with_active_switchover"]),
    ("11.3", "fragments", &["call/ng/exchange::ng_11_3_a_fragment_changes_ice_only", "call/ng/exchange::ng_11_3_a_fragment_waits_three_seconds_for_its_party", "call/ng/exchange::ng_11_3_fragments_that_wait_are_bounded"]),
    ("11.4", "delete", &["call/ng/exchange::ng_11_4_a_to_tag_counts_with_the_flag_or_without_a_flag_string", "call/ng/exchange::ng_11_4_fast_and_partial_replies"]),
    ("11.5.1", "query", &["call/ng/exchange::ng_11_5_query_reports_one_party_and_its_sources"]),
    ("11.5.2", "list", &["daemon/query::the_list_has_every_call_up_to_the_limit", "daemon/query::errors_of_query_and_list"]),
    ("11.6", "recording", &["call/recording::ng_11_6_without_a_spool_directory_only_the_log_knows", "call/recording::ng_11_6_stopping_may_mean_pausing_or_discarding", "call/recording::ng_11_6_an_unknown_tag_is_only_logged"]),
    ("11.7.1", "DTMF", &["call/block::codecs_18_7_modes_and_their_parameters", "call/block::codecs_18_7_a_trigger_alone_blocks_nothing_yet"]),
    ("11.7.2", "single flows", &["call/block::ng_11_7_single_flows"]),
    ("11.7.3", "flows of a kind", &["call/block::ng_11_7_single_flows"]),
    ("11.7.4", "a party or the call", &["call/block::ng_11_7_unblocking_the_call_leaves_parties_unless_all"]),
    ("11.7.5", "forwarding", &["call/recording::ng_11_7_forwarding_of_a_party_or_the_call"]),
    ("11.8.1", "who plays", &["call/ng/errors::ng_13_c_d_e_every_text_leaves_the_call_as_it_was"]),
    ("11.8.2", "play media", &["daemon/players::a_file_is_heard_at_its_pace", "daemon/players::what_cannot_be_played"]),
    ("11.8.3", "stop media", &["daemon/players::stopping_and_going_on", "call/ng/errors::ng_13_c_d_e_every_text_leaves_the_call_as_it_was"]),
    ("11.8.4", "play DTMF", &["daemon/dtmf::codecs_18_5_play_dtmf_in_forwarded_audio", "call/block::ng_11_8_checks_of_play_dtmf"]),
    ("11.9.1", "publish", &["call/publish::ng_11_9_the_reply_names_call_and_party_in_order", "call/publish::ng_11_9_errors_of_publish"]),
    ("11.9.2", "subscribe request", &["call/subscribe::ng_11_9_a_subscriber_is_offered_what_the_source_sends", "call/subscribe::ng_11_9_all_sources_for_a_recorder", "call/subscribe::ng_11_9_from_tags_in_the_given_order", "call/subscribe::ng_11_9_sources_subscribed_before_keep_place_and_ports"]),
    ("11.9.3", "subscribe answer, unsubscribe", &["call/subscribe::ng_11_9_errors_of_subscriptions", "call/subscribe::ng_11_9_sections_beyond_the_subscribed_ones_are_ignored"]),
    ("11.10.1", "connect", &["call/edges::ng_11_10_connect_transfers_within_a_call", "call/edges::ng_11_10_connect_directional_only_adds", "call/edges::ng_11_10_errors_of_connect"]),
    ("11.10.2", "mesh", &["call/edges::ng_11_10_mesh_links_as_named", "call/edges::ng_11_10_errors_of_mesh_merge_nothing"]),
    ("11.10.3", "inject", &["call/edges::ng_11_10_errors_of_inject", "call/edges::ng_11_10_injected_audio_is_mixed"]),
    ("11.11.1", "create", &["call/create::ng_11_11_names_are_made_where_none_are_given", "call/create::ng_11_11_create_re_offers_to_a_party_of_the_call"]),
    ("11.11.2", "create answer", &["call/create::ng_11_11_the_answer_to_a_created_offer"]),
    ("11.11.3", "transform", &["call/create::ng_11_11_transform_opens_a_port_to_a_fixed_peer", "call/create::ng_11_11_errors_of_transform"]),
    ("11.12", "cli, statistics, ping", &["daemon/cli::the_ng_command_cli_says_the_same", "daemon/proxies::kamailio_probes_with_the_literal_ping"]),
    ("12.1", "top level of query", &["daemon/query::a_call_is_described_in_the_order_of_the_specification", "call/recording::ng_12_1_a_recording_is_shown"]),
    ("12.2", "tags", &["daemon/query::the_parties_answer_for_their_branch_label_and_metadata", "call/subscribe::ng_12_2_a_tag_taken_up_again_is_reported_once"]),
    ("12.3", "medias", &["daemon/query::a_call_is_described_in_the_order_of_the_specification", "daemon/query::before_any_packet_codec_and_ssrc_are_absent"]),
    ("12.4", "streams", &["daemon/query::a_call_is_described_in_the_order_of_the_specification", "daemon/medias::with_rtcp_mux_everything_shares_a_port"]),
    ("12.5", "SSRC statistics", &["daemon/query::receiver_reports_make_quality_figures"]),
    ("12.6", "statistics", &["daemon/query::statistics_count_sessions_and_requests", "report/metrics::ng_has_whole_numbers_as_integers_and_the_rest_as_strings"]),
    ("13.A", "texts of the protocol", &["daemon/bad_input::malformed_datagrams_get_the_error_of_the_specification", "common/ng/tests::error_texts_to_the_letter_section_13"]),
    ("13.B", "texts of options", &["common/ng/request/tests/structures::the_four_errors_of_section_13_b", "common/ng/request/tests/structures::the_same_in_a_flags_string_is_a_warning"]),
    ("13.C", "texts of message content", &["call/ng/errors::ng_13_c_d_e_every_text_leaves_the_call_as_it_was", "call/ng/errors::ng_13_c_no_call_id_in_message"]),
    ("13.D", "texts of lookup", &["call/ng/errors::ng_13_c_d_e_every_text_leaves_the_call_as_it_was", "call/ng/errors::ng_13_d_the_text_of_an_unknown_call_depends_on_the_command"]),
    ("13.E", "texts of processing", &["call/ng/errors::ng_13_c_d_e_every_text_leaves_the_call_as_it_was", "call/ng/errors::ng_13_e_running_out_of_ports_is_the_only_error_that_ends_the_call", "call/ng/errors::ng_13_e_calls_that_cannot_be_merged"]),
    ("13.F", "texts of load limits", &["control/limits::the_first_limit_that_is_reached_wins", "daemon/limits::max_sessions_refuses_new_calls_only"]),
    ("13.G", "texts of HTTP", &["daemon/web::every_route_of_the_table_answers_on_one_connection_1_4"]),
    ("14", "the limits in their order", &["control/limits::the_first_limit_that_is_reached_wins", "control/limits::no_sessions_at_all_when_draining_and_no_limit_by_default"]),
    ("14.1", "with and without support", &["daemon/limits::max_sessions_refuses_new_calls_only", "daemon/limits::max_load_looks_at_the_load_average"]),
    ("14.2", "what is never limited", &["daemon/limits::max_sessions_refuses_new_calls_only"]),
    ("14.3", "drain", &["daemon/limits::max_sessions_zero_drains", "daemon/cli::settings_are_shown_changed_and_obeyed"]),
    ("14.4", "stand-by", &["daemon/cli::standby_and_active", "call/ng/exchange::ng_11_2_a_foreign_call_is_taken_over_with_active_switchover"]),
    ("15.1", "Kamailio: retransmission", &["daemon/proxies::kamailio_repeats_the_identical_datagram"]),
    ("15.2", "Kamailio: probing", &["daemon/proxies::kamailio_probes_with_the_literal_ping"]),
    ("15.3", "Kamailio: what every request carries", &["daemon/proxies::kamailio_places_a_call_with_flags_it_parsed"]),
    ("15.4", "Kamailio: parsed flags", &["call/ng/proxies::ng_15_4_flags_of_the_kamailio_module"]),
    ("15.5", "Kamailio: flags for the daemon", &["call/ng/proxies::ng_15_5_the_same_flags_as_a_string_for_the_daemon", "daemon/proxies::kamailio_places_a_call_with_flags_for_the_daemon"]),
    ("15.6", "Kamailio: tags", &["call/ng/proxies::ng_15_6_and_16_3_tags_branch_and_source_of_the_modules", "daemon/proxies::kamailio_offers_in_a_reply_and_answers_in_an_ack"]),
    ("15.7", "Kamailio: trickle", &["call/ng/exchange::ng_11_3_a_fragment_changes_ice_only"]),
    ("15.8", "Kamailio: replies", &["daemon/proxies::kamailio_goes_to_the_next_node_on_these_texts", "daemon/proxies::kamailio_places_a_call_with_flags_it_parsed"]),
    ("15.9", "Kamailio: commands", &["common/ng/tests::commands_in_the_order_of_the_statistics"]),
    ("16.1", "OpenSIPS: cookie", &["daemon/protocol::a_retransmission_gets_the_identical_reply_and_changes_nothing"]),
    ("16.2", "OpenSIPS: probing", &["daemon/protocol::the_examples_of_the_specification_byte_by_byte"]),
    ("16.3", "OpenSIPS: what is always sent", &["call/ng/proxies::ng_15_6_and_16_3_tags_branch_and_source_of_the_modules", "daemon/proxies::opensips_places_a_call"]),
    ("16.4", "OpenSIPS: wire forms", &["call/ng/proxies::ng_16_4_flags_of_the_opensips_module"]),
    ("16.5", "OpenSIPS: protocol names", &["call/ng/proxies::ng_16_4_flags_of_the_opensips_module"]),
    ("16.6", "OpenSIPS: fail-over texts", &["daemon/proxies::opensips_with_several_nodes_sees_the_error_text"]),
    ("16.7", "OpenSIPS: reply keys", &["daemon/proxies::opensips_places_a_call", "daemon/query::receiver_reports_make_quality_figures"]),
    ("16.8", "OpenSIPS: teardown", &["- the timeout call-back, of which this is the target, does not exist yet"]),
    ("16.9", "OpenSIPS: commands", &["daemon/proxies::opensips_blocks_and_unblocks_media", "daemon/proxies::opensips_forks_a_call_to_a_recorder"]),
    ("17", "older document against current", &["daemon/delete::a_to_tag_counts_when_the_flag_or_no_flag_string_is_there", "call/block::ng_11_1_six_commands_listen_to_a_tag_only_with_directional", "daemon/basic_call::a_changed_to_tag_is_an_alias_of_the_same_party", "daemon/query::errors_of_query_and_list"]),
    ("18", "examples", &["common/ng/tests::examples_of_section_18", "daemon/protocol::the_examples_of_the_specification_byte_by_byte", "call/flows::ng_18_serial_fork"]),
];

/// How many numbered rules a section has: the list must have each of them.
const COUNTED: &[(&str, usize)] = &[
    ("1.2", 6),
    ("1.3", 7),
    ("1.4", 6),
    ("1.5", 6),
    ("2", 8),
    ("3.3", 4),
    ("4", 9),
    ("9.1", 10),
    ("9.3", 3),
    ("10.2", 5),
    ("10.3.1", 4),
    ("10.3.2", 5),
    ("10.5", 9),
    ("10.6", 7),
    ("10.7", 10),
    ("10.10", 6),
    ("11.7", 5),
    ("11.8", 4),
    ("14", 4),
    ("15", 9),
    ("16", 9),
];

/// The names of the functions with `#[test]` in a file, and of those in `proptest!`.
fn tests_of(text: &str) -> HashSet<String> {
    let mut names = HashSet::new();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            marked = true;
        } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| marked) {
            names.extend(rest.split('(').next().map(str::to_owned));
            marked = false;
        }
    }
    names
}

fn load(file: &str) -> HashSet<String> {
    let (folder, rest) = file.split_once('/').unwrap_or_else(|| panic!("no folder in {file}"));
    let folder =
        FOLDERS.iter().find(|(name, _)| *name == folder).unwrap_or_else(|| panic!("no folder {folder}")).1;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join(rest).with_extension("rs");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    tests_of(&text)
}

#[test]
fn every_rule_has_a_test_that_exists() {
    let mut files: HashMap<&str, HashSet<String>> = HashMap::new();
    let mut wrong = Vec::new();
    for (rule, _, tests) in RULES {
        if tests.is_empty() {
            wrong.push(format!("{rule} has neither test nor reason"));
        }
        for test in *tests {
            if let Some(reason) = test.strip_prefix("- ") {
                if reason.len() < 30 || tests.len() > 1 {
                    wrong.push(format!("{rule}: the reason says too little, or stands beside a test"));
                }
                continue;
            }
            let Some((file, name)) = test.split_once("::") else {
                wrong.push(format!("{rule}: {test} is no test"));
                continue;
            };
            if !files.entry(file).or_insert_with(|| load(file)).contains(name) {
                wrong.push(format!("{rule}: there is no test {test}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_list_has_every_rule_once() {
    let mut seen = HashSet::new();
    for (rule, about, _) in RULES {
        assert!(seen.insert(*rule), "{rule} is listed twice");
        assert!(!about.is_empty(), "{rule} is about nothing");
    }
    for (section, count) in COUNTED {
        for number in 1..=*count {
            let rule = format!("{section}.{number}");
            assert!(seen.contains(rule.as_str()), "{rule} is not listed");
        }
        assert!(!seen.contains(format!("{section}.{}", count + 1).as_str()), "{section} has {count} rules");
    }
}
