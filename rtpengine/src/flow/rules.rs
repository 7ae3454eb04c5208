//! The rules of media-plane.md §3 to §18 and §21 to §23, each with the tests that look at it, or in words why there is none. A rule of
//! the list without a test that exists is noticed here.
//!
//! Rules without a number in the specification (rows of tables, single sentences) are counted in their order: `3.2 row 4`, `14 row 1`.
//! Tests are named by file (see [`FOLDERS`]) and function.

use std::collections::{HashMap, HashSet};
use std::path::Path;

/// What the first part of a test's name stands for, below the workspace.
const FOLDERS: &[(&str, &str)] = &[
    ("browser", "tests/tests/browser"),
    ("call", "rtpengine/src/call/tests"),
    ("codecs", "rtpengine/src/call/codecs"),
    ("common", "rtpengine-common/src"),
    ("daemon", "tests/tests/daemon"),
    ("dtls", "rtpengine/src/dtls"),
    ("flow", "rtpengine/src/flow"),
    ("ice", "rtpengine/src/ice"),
    ("net", "rtpengine/src/net"),
    ("options", "rtpengine/src/options"),
    ("shard", "rtpengine/src/shard"),
];

const NO_KERNEL: &str =
    "- nothing is handed to the kernel: there is no module yet, and every packet stays in user space";
const NO_REDIS: &str =
    "- calls are not stored in Redis yet, so there is nothing to refresh every five minutes";

#[rustfmt::skip]
const RULES: &[(&str, &str, &[&str])] = &[
    ("3.1 row 1", "packets of up to 8192 bytes", &["daemon/bad_input::oversized_packets_pass_up_to_the_limit", "daemon/media_rules::section_3_1_a_packet_that_fills_the_buffer_is_told"]),
    ("3.1 row 2", "room in front", &["common/rtp/tests::extension_growth_uses_the_tail_when_the_head_is_full"]),
    ("3.1 row 3", "room behind", &["flow/packet::the_room_behind_is_bounded"]),
    ("3.1 row 4", "packets of one wake-up", &["net/table::packets_that_come_in_during_a_turn_are_no_excess", "shard/tests::a_burst_on_one_socket_leaves_complete_and_in_order"]),
    ("3.1.1", "order of packets of a socket", &["shard/tests::a_burst_on_one_socket_leaves_complete_and_in_order", "daemon/basic_call::a_burst_arrives_whole_and_in_order", "net/readiness::a_socket_stays_ready_until_it_is_read"]),
    ("3.1.2", "too many waiting packets, strikes", &["net/table::an_overrun_socket_is_discarded_until_it_calms_down", "shard/tests::a_socket_on_which_too_much_is_waiting_again_and_again_goes_deaf_until_it_calms_down"]),
    ("3.1.3", "read errors close the call", &["- an unconnected UDP socket has no read error that could be brought about from outside: Core::receive in shard/core.rs"]),
    ("3.1.4", "v4-mapped addresses", &["net/socket::addresses_survive_the_kernel_form_and_mapped_ones_are_unmapped"]),

    ("3.2 row 1", "no socket, drop-traffic", &["flow/tests::rule_3_2_1_without_socket_or_with_drop_traffic_nothing_passes", "daemon/medias::drop_traffic_drops_everything_until_it_stops"]),
    ("3.2 row 2", "STUN", &["flow/tests::rule_3_2_2_to_4_stun_and_dtls_are_left_to_their_owners"]),
    ("3.2 row 3", "who is not authenticated by ICE", &["flow/tests::rule_3_2_2_to_4_stun_and_dtls_are_left_to_their_owners", "daemon/webrtc::with_ice_only_who_passed_a_check_is_heard"]),
    ("3.2 row 4", "DTLS", &["flow/tests::rule_3_2_2_to_4_stun_and_dtls_are_left_to_their_owners", "daemon/webrtc::a_callee_that_begins_gets_keys"]),
    ("3.2 row 5", "loop protection", &["flow/tests::rule_3_5_loops_are_cut"]),
    ("3.2 row 6", "detection of RTCP", &["common/rtp/tests::first_bytes_decide", "flow/tests::rule_6_muxed_rtcp_bridges_to_separate_ports_and_back"]),
    ("3.2 row 7", "parsing of RTP and RTCP", &["common/rtp/tests::refuses_what_is_no_rtp", "flow/tests::rule_13_1_malformed_rtcp_is_dropped"]),
    ("3.2 row 8", "whose packet it is; RTCP on the RTP port", &["flow/bundle_tests::rule_15_2_mid_then_ssrc_memory_then_unique_payload_type_then_the_socket", "flow/tests::rule_4_3_2_stray_rtcp_on_the_rtp_port_is_forwarded_and_does_not_confirm"]),
    ("3.2 row 9", "unknown payload types", &["flow/tests::rule_3_2_9_an_unknown_payload_type_is_an_error_but_forwarded", "daemon/bad_input::an_unsignalled_payload_type_is_counted_as_error_and_forwarded"]),
    ("3.2 row 10", "deciphering", &["flow/crypto_tests::what_cannot_be_authenticated_is_dropped_and_counted"]),
    ("3.2 row 11", "padding", &["common/rtp/tests::padding_is_removed_only_when_sound", "daemon/extensions::padding_passes_untouched_and_ends_at_a_transcoder"]),
    ("3.2 row 12", "source check", &["flow/tests::rule_4_3_5_5_strict_source_drops_and_counts_an_error"]),
    ("3.2 row 13", "received, statistics", &["flow/tests::plain_relay_forwards_unchanged_and_counts_both_ways"]),
    ("3.2 row 14", "each sink", &["flow/crypto_tests::fan_out_enciphers_for_each_sink_on_its_own", "flow/bundle_tests::rule_14_only_the_sink_concerned_sees_the_change"]),
    ("3.2 row 15", "push to the kernel", &[NO_KERNEL]),
    ("3.2 rest", "what is no RTP", &["flow/tests::what_is_no_rtp_is_forwarded_unmodified", "flow/crypto_tests::what_cannot_be_authenticated_is_dropped_and_counted", "daemon/bad_input::garbage_on_media_ports_passes_unmodified_or_is_dropped_and_nothing_breaks"]),
    ("3.3", "classes by first bytes", &["common/rtp/tests::first_bytes_decide"]),
    ("3.4.1", "no socket, no address", &["flow/tests::rule_3_4_1_nothing_goes_to_a_sink_without_socket_or_address"]),
    ("3.4.2", "directions stop RTP only", &["flow/tests::rule_3_4_2_direction_stops_rtp_and_never_rtcp", "daemon/medias::a_one_way_media_flows_one_way"]),
    ("3.4.3", "NAT-wait", &["flow/tests::rule_3_4_3_nat_wait_holds_back_until_the_peer_sent_something", "daemon/medias::nat_wait_holds_media_until_the_peer_has_sent"]),
    ("3.4.4", "blocking", &["flow/tests::rule_17_blocked_media_lets_events_pass"]),
    ("3.4.5", "no sink", &["flow/tests::rule_3_4_5_without_sink_there_is_a_debug_line"]),
    ("3.4 rest", "errors of sending", &["flow/tests::send_errors_count_and_nothing_else"]),
    ("3.5.1", "when loops are looked for", &["net/interfaces_tests::own_endpoints_are_bound_or_advertised_addresses_within_the_range", "daemon/media_rules::rule_3_5_1_the_loop_check_ends_with_an_address_that_is_not_ours"]),
    ("3.5.2", "the 32nd is dropped", &["flow/loop_check::rule_3_5_2_31_equal_packets_pass_and_the_32nd_is_dropped", "flow/loop_check::rule_3_5_2_two_alternating_packets_count_together", "flow/loop_check::only_length_and_the_first_28_bytes_count", "daemon/medias::identical_packets_of_a_loop_are_cut_off_after_thirty"]),
    ("3.5.3", "what starts anew", &["flow/loop_check::rule_3_5_3_a_pause_or_another_packet_starts_anew"]),
    ("3.5.4", "the attribute", &["call/sdp/manipulation::loops"]),
    ("3.6", "pierce-NAT", &["flow/tests::rule_3_6_pierce_nat_until_confirmed", "flow/rule_tests::rule_3_6_no_piercing_while_ice_or_dtls_are_set_up", "shard/tests::signalling_pierces_nat_at_once", "daemon/medias::pierce_nat_sends_the_dummy_packet_until_the_peer_has_sent"]),

    ("4.1 row 1", "delayed", &["flow/learn::rule_4_1_delayed_follows_for_three_seconds_and_confirms_the_first_later_one", "daemon/learning::delayed_learning_follows_every_packet_and_confirms_after_three_seconds"]),
    ("4.1 row 2", "immediate", &["flow/learn::rule_4_1_immediate_confirms_the_first_packet", "daemon/learning::immediate_learning_confirms_the_first_packet"]),
    ("4.1 row 3", "off", &["flow/learn::rule_4_1_off_never_learns", "daemon/learning::without_learning_the_advertised_address_is_used"]),
    ("4.1 row 4", "heuristic", &["flow/learn::example_4_3_heuristic", "daemon/learning::heuristic_learning_follows_a_nat"]),
    ("4.1 default", "the option, the key, unknown modes", &["daemon/learning::the_default_mode_comes_from_the_command_line", "daemon/learning::an_unknown_mode_is_ignored_with_a_warning"]),
    ("4.1 asymmetric", "asymmetric, symmetric, unidirectional", &["flow/learn::fact_4_4_1_asymmetric_never_moves_the_endpoint", "flow/tests::rule_4_3_4_unidirectional_confirms_the_sinks", "call/ng/flags::ng_7_2_what_a_message_does_not_say_is_cleared"]),
    ("4.2", "state, and what signalling does to it", &["flow/learn::rule_4_2_candidates_are_forgotten_with_new_signalling", "flow/learn::fact_4_4_5_a_re_offer_starts_the_window_anew", "daemon/learning::rtcp_is_learned_by_itself", "daemon/learning::a_re_offer_starts_learning_anew"]),
    ("4.3.1", "not filled, own SDP not made", &["flow/tests::rule_4_3_1_nothing_is_learned_before_our_sdp_or_without_an_address"]),
    ("4.3.2", "stray RTCP", &["flow/tests::rule_4_3_2_stray_rtcp_on_the_rtp_port_is_forwarded_and_does_not_confirm"]),
    ("4.3.3", "off and ICE confirm", &["flow/rule_tests::rule_4_3_3_mode_off_and_ice_confirm_with_the_first_packet_from_anywhere"]),
    ("4.3.4", "unidirectional", &["flow/tests::rule_4_3_4_unidirectional_confirms_the_sinks"]),
    ("4.3.5.1", "confirmed: any source", &["flow/learn::rule_4_3_5_1_a_confirmed_peer_without_checks_accepts_all"]),
    ("4.3.5.2", "confirmed: a match", &["flow/learn::rule_4_3_5_2_strict_source_wants_the_selected_socket_too"]),
    ("4.3.5.3", "confirmed: hops with ICE", &["flow/learn::rule_4_3_5_3_ice_hops_once_per_three_seconds"]),
    ("4.3.5.4", "confirmed: handover", &["flow/learn::rule_4_3_5_4_handover_moves_and_starts_confirming_anew", "flow/tests::rule_4_3_5_4_a_handover_unconfirms_both_sides", "daemon/learning::media_handover_follows_a_confirmed_peer"]),
    ("4.3.5.5", "confirmed: strict source", &["flow/tests::rule_4_3_5_5_strict_source_drops_and_counts_an_error", "daemon/learning::strict_source_drops_a_stranger_after_confirmation"]),
    ("4.3.6.1", "unconfirmed: immediate", &["flow/learn::rule_4_1_immediate_confirms_the_first_packet"]),
    ("4.3.6.2", "unconfirmed: slots", &["flow/learn::rule_4_3_6_2_the_exact_match_stays_best_on_another_socket", "flow/learn::rule_4_3_6_2_an_unusable_advertised_address_is_learned_like_delayed", "flow/learn::example_4_3_heuristic_with_strict_source", "daemon/learning::heuristic_learning_with_strict_source_drops_the_less_alike"]),
    ("4.3.6.3", "unconfirmed: waiting", &["flow/learn::rule_4_3_waiting_without_any_signalling", "flow/learn::rule_4_1_delayed_follows_for_three_seconds_and_confirms_the_first_later_one"]),
    ("4.3.6.4", "unconfirmed: what is learned", &["flow/learn::example_4_3_heuristic", "flow/learn::learning_is_sane_whatever_comes"]),
    ("4.3.7", "socket switch", &["flow/tests::rule_4_3_7_another_current_socket_becomes_selected_and_an_old_one_does_not", "daemon/media_rules::rule_21_4_a_packet_to_superseded_ports_moves_nothing_back"]),
    ("4.3.8", "streams by themselves, families", &["flow/learn::rule_4_3_8_another_family_is_not_learned", "daemon/learning::rtcp_is_learned_by_itself"]),
    ("4.3.9", "strict source with handover", &["flow/learn::rule_4_3_9_with_strict_source_too_handover_acts", "call/ng/flags::ng_7_2_strict_source_with_media_handover_is_a_warning"]),
    ("4.3.10", "learning leaves keys alone", &["flow/crypto_tests::rule_9_4_7_another_signalled_endpoint_starts_indices_anew_and_the_same_does_not"]),
    ("4.3 example", "the worked example", &["flow/learn::example_4_3_heuristic", "flow/learn::example_4_3_heuristic_with_strict_source", "flow/learn::example_4_3_late_better_match_confirms_at_once"]),
    ("4.4.1", "asymmetric", &["flow/learn::fact_4_4_1_asymmetric_never_moves_the_endpoint", "daemon/learning::asymmetric_media_goes_to_the_advertised_address"]),
    ("4.4.2", "asymmetric and strict", &["flow/learn::fact_4_4_2_asymmetric_strict_accepts_what_was_learned_after_three_seconds", "daemon/learning::asymmetric_and_strict_accepts_only_the_learned_source"]),
    ("4.4.3", "off and strict", &["flow/learn::fact_4_4_3_off_and_strict_take_only_the_signalled_address", "daemon/learning::without_learning_and_strict_only_the_advertised_address_passes"]),
    ("4.4.4", "settings of each side", &["daemon/learning::settings_belong_to_the_party_that_sent_them"]),
    ("4.4.5", "a re-offer", &["flow/learn::fact_4_4_5_a_re_offer_starts_the_window_anew", "daemon/learning::a_re_offer_starts_learning_anew"]),
    ("4.5", "with ICE", &["flow/learn::rule_4_3_5_3_ice_hops_once_per_three_seconds", "daemon/webrtc::with_ice_only_who_passed_a_check_is_heard"]),

    ("5", "counters of streams, payload types and SSRCs", &["flow/tests::plain_relay_forwards_unchanged_and_counts_both_ways", "daemon/query::a_call_is_described_in_the_order_of_the_specification"]),

    ("6.1", "two streams, one port", &["daemon/medias::with_rtcp_mux_everything_shares_a_port"]),
    ("6.2", "RTCP on any media socket", &["flow/tests::rule_6_muxed_rtcp_bridges_to_separate_ports_and_back"]),
    ("6.3", "all four bridges", &["flow/tests::rule_6_muxed_rtcp_bridges_to_separate_ports_and_back", "daemon/matrix::every_kind_of_phone_talks_to_every_other"]),
    ("6.4", "payload types that look like RTCP", &["common/rtp/tests::first_bytes_decide"]),
    ("6.5", "MUX and OVERRIDE", &["call/sdp/rtcp::the_matrix"]),
    ("6.6", "offers", &["call/sdp/rtcp::the_matrix", "call/sdp/rtcp::a_receiver_that_muxes"]),
    ("6.7", "answers", &["call/sdp/rtcp::the_matrix", "call/sdp/rtcp::mux_is_settled_in_answers"]),
    ("6.8", "ports", &["call/sdp/rtcp::ports_that_are_opened", "daemon/medias::the_rtcp_mux_table_holds_row_by_row"]),
    ("6.9", "the stream without a port", &["flow/tests::rule_6_muxed_rtcp_bridges_to_separate_ports_and_back", "daemon/medias::with_rtcp_mux_everything_shares_a_port"]),
    ("6.10", "flags", &["call/sdp/rtcp::spellings_of_the_option"]),

    ("7.1", "forwarding changes nothing", &["flow/tests::plain_relay_forwards_unchanged_and_counts_both_ways", "daemon/basic_call::audio_flows_both_ways_and_ends_with_the_call"]),
    ("7.2", "handlers by payload type", &["daemon/transcoding::payload_types_that_were_not_answered_pass_in_between_and_are_renumbered"]),
    ("7.3", "numbers of the receiver", &["daemon/transcoding::payload_types_that_were_not_answered_pass_in_between_and_are_renumbered"]),
    ("7.4", "the payload tracker", &["flow/rule_tests::rule_7_4_the_last_32_packets_decide_and_16_numbers_are_listed"]),
    ("7.5", "block-short", &["flow/tests::rule_7_5_block_short_drops_what_is_shorter_than_the_first"]),

    ("8.1", "twenty SSRCs", &["flow/tests::rule_8_1_twenty_ssrcs_and_the_oldest_makes_room"]),
    ("8.2", "forwarding keeps the SSRC", &["flow/tests::plain_relay_forwards_unchanged_and_counts_both_ways"]),
    ("8.3", "transcoding keeps it too", &["daemon/transcoding::pcmu_and_pcma_are_exact_both_ways_with_numbers_times_and_source_kept", "daemon/transcoding::reports_beside_transcoded_audio_tell_what_was_sent_here"]),
    ("8.4", "a changed SSRC leaves the kernel", &[NO_KERNEL]),
    ("8.5", "the head's list", &["flow/bundle_tests::rule_8_5_a_bundle_counts_ssrcs_at_its_head"]),
    ("8.6", "tracking of what is received", &["common/rtp/tests::loss_counts_when_the_window_has_passed", "common/rtp/tests::jitter_follows_the_appendix", "common/rtp/tests::every_missing_packet_is_counted", "flow/tests::rule_8_6_loss_and_reordering_are_told_to_the_counters"]),

    ("9.1", "suites", &["common/srtp/tests::table_is_consistent", "common/srtp/tests::layout_follows_the_specification", "call/sdp/sdes::suites_in_the_default_order"]),
    ("9.2.1", "PRF", &["common/srtp/tests::derivation_vector", "common/srtp/tests::large_aes_vectors"]),
    ("9.2.2", "labels and lengths", &["common/srtp/tests::derivation_vector", "common/srtp/tests::whole_packets_under_the_rfc_key"]),
    ("9.2.3", "keys are derived once", &["- that no key is derived twice cannot be seen from outside: a Context is made of a key once and shared (flow/crypto.rs)"]),
    ("9.3 rows", "formats of packets", &["common/srtp/tests::layout_follows_the_specification", "common/srtp/tests::f8_vector", "common/srtp/tests::counter_mode_vector", "common/srtp/tests::gcm_vectors", "daemon/srtp_peers::every_suite_of_libsrtp_is_understood_both_ways"]),
    ("9.3.1", "MKI", &["flow/crypto_tests::mki_and_session_parameters_are_those_of_their_direction", "daemon/srtp_peers::with_key_identifiers"]),
    ("9.3.2", "session parameters", &["flow/crypto_tests::mki_and_session_parameters_are_those_of_their_direction", "daemon/srtp_peers::with_session_parameters"]),
    ("9.3.3", "SRTCP that is not encrypted", &["flow/crypto_tests::rule_9_3_3_srtcp_that_nobody_vouches_for_passes_under_aead_unless_replay_protection_is_on"]),
    ("9.3.4", "short packets", &["common/srtp/tests::every_truncation_is_refused", "daemon/srtp_hostile::floods_are_counted_logged_once_and_pass_by"]),
    ("9.3.5", "no suite", &["flow/crypto_tests::rule_9_3_5_without_keys_packets_are_dropped_with_an_error"]),
    ("9.3.6", "texts of SRTCP", &["flow/rule_tests::section_23_texts_about_packets_are_as_printed", "daemon/srtp_hostile::srtcp_floods_too"]),
    ("9.4.1", "one index for plain and SRTP", &["flow/crypto_tests::rule_9_4_8_the_plain_phase_gives_the_roll_over_counter"]),
    ("9.4.2", "the estimate", &["common/rtp/tests::index_follows_the_rollover", "daemon/srtp::sequence_numbers_roll_over"]),
    ("9.4.3", "other counters are tried", &["common/srtp/tests::rollover_counter_is_found_again", "flow/crypto_tests::rule_9_4_3_an_unexpected_roll_over_counter_is_found_and_logged"]),
    ("9.4.4", "no replay protection unless wanted", &["flow/crypto_tests::rule_9_4_4_duplicates_pass_unless_replay_protection_is_on", "daemon/srtp_hostile::replayed_packets_are_dropped_on_request_only"]),
    ("9.4.5", "index of what is sent", &["flow/rule_tests::rule_9_4_5_reordered_packets_keep_their_place_in_the_index_of_the_receiver"]),
    ("9.4.6", "SRTCP index", &["flow/crypto_tests::rule_2_1_srtp_to_rtp_and_back_for_every_suite", "flow/crypto_tests::no_srtcp_index_comes_twice_when_sources_make_room"]),
    ("9.4.7", "what resets", &["flow/crypto_tests::rule_9_4_7_another_signalled_endpoint_starts_indices_anew_and_the_same_does_not", "flow/rule_tests::rule_9_4_7_a_dtls_restart_starts_the_indices_anew", "daemon/srtp::a_re_offer_keeps_keys_and_counters"]),
    ("9.4.8", "RTP first, SRTP later", &["flow/crypto_tests::rule_9_4_8_the_plain_phase_gives_the_roll_over_counter"]),
    ("9.5.1", "which keys are in force", &["daemon/srtp::every_pairing_of_plain_and_secure_speaks_and_reports", "call/subscribe::sdp_12_5_the_subscribers_keys_are_in_force_after_its_answer"]),
    ("9.5.2", "the suite of an answer", &["call/sdp/sdes::the_suite_of_an_answer", "call/sdp/sdes::the_key_of_an_answer"]),
    ("9.5.3", "re-INVITE", &["call/sdp/sdes::the_key_stays_with_the_suite", "daemon/srtp::a_re_offer_keeps_keys_and_counters"]),
    ("9.5.4", "DTLS ends SDES", &["daemon/dtls_rules::rule_9_5_4_dtls_ends_sdes"]),
    ("9.5.5", "DTLS is preferred", &["call/sdp/sdes::dtls_wins_over_sdes", "call/sdp/dtls::keys_may_be_preferred"]),
    ("9.5.6", "keys in the log", &["daemon/dtls_rules::rule_9_5_6_keys_are_logged_on_request"]),
    ("9.6", "the bridging matrix", &["daemon/matrix::every_kind_of_phone_talks_to_every_other"]),

    ("10.1 rows 1 to 4", "key, signature, form, validity", &["dtls/certificate::has_the_form_of_section_10_1", "dtls/certificate::serial_numbers_and_keys_differ", "dtls/certificate::rsa_and_sha1_on_request", "dtls/certificate::long_names_are_cut_between_characters"]),
    ("10.1 row 5", "rotation", &["dtls/certificate::is_due_when_less_than_half_is_left"]),
    ("10.1 hashes", "fingerprints", &["dtls/certificate::fingerprints_are_those_of_the_encoded_certificate", "call/sdp/dtls::the_hash", "daemon/dtls::the_certificate_is_that_of_the_process_and_its_hash_that_of_the_request"]),
    ("10.2 row 1", "versions, first flight", &["dtls/tests::the_first_flight_begins_as_section_10_2_says", "dtls/tests::both_versions_are_spoken"]),
    ("10.2 row 2", "ciphers", &["dtls/tests::a_handshake_gives_both_the_same_keys"]),
    ("10.2 row 3", "use_srtp", &["dtls/tests::both_versions_are_spoken", "dtls/tests::a_handshake_gives_both_the_same_keys"]),
    ("10.2 row 4", "client certificates", &["dtls/tests::a_peer_without_certificate_is_refused"]),
    ("10.2 row 5", "MTU; other errors of options", &["dtls/tests::datagrams_keep_to_the_mtu", "options/tests::range_and_word_errors_have_the_texts_of_the_specification", "daemon/dtls_rules::section_10_2_bad_options_end_the_start"]),
    ("10.2 row 6", "exporter", &["dtls/tests::a_handshake_gives_both_the_same_keys", "common/srtp/tests::dtls_material_is_split_between_the_sides", "daemon/webrtc::a_callee_that_begins_gets_keys"]),
    ("10.3.1", "match and mismatch", &["dtls/tests::a_wrong_fingerprint_ends_the_handshake_with_an_alert", "daemon/webrtc::a_wrong_fingerprint_is_refused", "daemon/dtls_hostile::a_certificate_of_64_kib_is_taken_or_refused_by_its_fingerprint"]),
    ("10.3.2", "no fingerprint yet", &["dtls/tests::without_a_fingerprint_acceptance_is_provisional", "daemon/dtls_rules::rule_10_3_2_a_certificate_is_looked_at_when_its_fingerprint_comes"]),
    ("10.3.3", "unknown hashes", &["common/sdp/fingerprint::wrong_lengths_and_letters_do_not_parse"]),
    ("10.4.1", "roles", &["call/sdp/dtls::roles_in_the_answer", "call/sdp/dtls::offers_are_actpass", "daemon/dtls_rules::rule_10_4_1_the_option_prefers_the_passive_role_and_active_undoes_it"]),
    ("10.4.2", "roles of re-offers", &["call/sdp/dtls::roles_of_re_offers", "daemon/webrtc::an_offer_back_keeps_the_role_in_force"]),
    ("10.4.3", "holdconn", &["call/sdp/dtls::roles_in_the_answer", "call/sdp/dtls::dtls_is_decided_by_each_sdp"]),
    ("10.4.4", "the key", &["call/sdp/dtls::values_of_the_option", "daemon/dtls_rules::rule_10_4_4_roles_are_asked_for_in_the_offer"]),
    ("10.5 row 1", "without ICE one for each socket", &["daemon/webrtc::without_multiplexing_rtcp_has_a_handshake_of_its_own"]),
    ("10.5 row 2", "with ICE one for each stream", &["daemon/webrtc::a_browser_offers_and_gets_through", "daemon/matrix::every_kind_of_phone_talks_to_every_other"]),
    ("10.5 row 3", "with mux one for both", &["daemon/matrix::every_kind_of_phone_talks_to_every_other"]),
    ("10.5 row 4", "with BUNDLE one on the head", &["daemon/webrtc::a_bundle_shakes_hands_once"]),
    ("10.5.1", "what comes in, what completion does", &["daemon/webrtc::a_callee_that_begins_gets_keys", "dtls/tests::without_a_profile_there_are_no_keys", "daemon/dtls_rules::rule_10_5_1_without_a_profile_there_are_no_keys", "daemon/dtls_hostile::what_is_no_hello_begins_nothing"]),
    ("10.5.2", "where it goes", &["dtls/reach::a_foreign_source_gets_no_more_than_it_sent", "dtls/reach::a_proven_source_is_returned_to", "daemon/dtls_rules::rule_10_5_2_nothing_is_sent_to_no_place", "daemon/dtls_hostile::a_hello_is_answered_with_no_more_bytes_than_it_has"]),
    ("10.5.3", "what drives it", &["dtls/tests::what_is_lost_is_repeated", "daemon/webrtc::a_lost_first_flight_is_repeated"]),
    ("10.5.4", "when we begin", &["daemon/webrtc::an_offerer_with_both_roles_is_called_at_once", "daemon/webrtc::a_browser_offers_and_gets_through"]),
    ("10.5.5", "datagrams count", &["daemon/dtls_hostile::a_hello_is_answered_with_no_more_bytes_than_it_has"]),
    ("10.5.6", "packets beside a handshake", &["daemon/dtls_rules::rule_10_5_6_packets_beside_a_handshake_are_dropped"]),
    ("10.5.7", "errors and the end", &["daemon/dtls_hostile::a_certificate_of_64_kib_is_taken_or_refused_by_its_fingerprint", "daemon/dtls_rules::rule_10_5_7_a_peer_that_closes_leaves_its_keys_in_use"]),
    ("10.6.1", "tls-id", &["call/sdp/dtls::the_lines", "daemon/dtls::an_offer_shows_role_fingerprint_and_identity", "daemon/dtls_rules::rules_10_6_2_and_3_without_change_nothing_is_sent_and_a_changed_role_restarts_with_the_same_identity"]),
    ("10.6.2", "restarts", &["call/sdp/dtls::a_new_association", "daemon/dtls_rules::rule_10_6_2_another_or_no_tls_id_restarts", "daemon/dtls_rules::rule_10_6_2_an_ice_restart_restarts_where_nobody_has_a_tls_id", "daemon/webrtc::another_fingerprint_makes_another_association"]),
    ("10.6.3", "nothing changed", &["daemon/webrtc::a_reinvite_keeps_the_association", "daemon/dtls_rules::rules_10_6_2_and_3_without_change_nothing_is_sent_and_a_changed_role_restarts_with_the_same_identity"]),
    ("10.6.4", "new sockets", &["daemon/dtls_rules::rule_10_6_4_new_ports_make_a_new_association_and_nothing_goes_to_the_old_ones"]),
    ("10.6.5", "the end of a call", &["daemon/webrtc::a_callee_that_begins_gets_keys", "daemon/webrtc::a_party_that_leaves_a_living_call_is_told"]),

    ("11.1 row 1", "components", &["ice/tests_network::mux_needs_one_component_only", "ice/tests::giving_up_component_two_completes_the_rest"]),
    ("11.1 row 2", "pace", &["ice/tests::new_checks_are_paced_and_ordered"]),
    ("11.1 row 3", "retransmission", &["ice/tests::retransmissions_double_and_end"]),
    ("11.1 row 4", "a hundred candidates", &["ice/tests::candidates_have_a_limit", "daemon/ice::candidates_beyond_the_limit_are_no_targets"]),
    ("11.1 row 5", "nomination delay", &["ice/tests::controlling_side_nominates_after_its_delay"]),
    ("11.1 row 6", "fragments wait three seconds", &["call/sdp/ice::early_fragments"]),
    ("11.1 row 7", "type preferences", &["ice/tests::priorities_are_those_of_the_specification"]),
    ("11.1 row 8", "tie breaker", &["ice/tests::role_conflicts_follow_the_tie_breakers"]),
    ("11.1 priorities", "of candidates and pairs", &["ice/tests::priorities_are_those_of_the_specification", "call/sdp/examples::sdp_14_candidates_and_their_priorities"]),
    ("11.1 credentials", "ufrag, pwd, foundation", &["ice/tests::credentials_have_the_right_form", "net/interfaces_tests::foundations_have_sixteen_alphanumeric_characters_and_differ"]),
    ("11.2 rows", "values of ICE", &["call/sdp/ice::values_of_ice", "call/sdp/ice::options_about_the_receiver", "call/sdp/ice::relay_candidates"]),
    ("11.2 passthrough", "passthrough", &["call/sdp/ice::passthrough_mode"]),
    ("11.2 reject", "an answer that rejects", &["call/sdp/ice::passthrough_and_an_answerer_without_ice", "call/sdp/ice::the_senders_own_ice"]),
    ("11.3.1", "lengths", &["common/stun/tests::malformed_messages_are_ordinary_packets"]),
    ("11.3.2", "method and class", &["common/stun/tests::verdicts_come_in_order", "ice/tests::what_is_no_stun_goes_on"]),
    ("11.3.3", "FINGERPRINT", &["common/stun/tests::verdicts_come_in_order", "common/stun/tests::rfc_5769_request"]),
    ("11.3 rest", "attributes, what is logged", &["common/stun/tests::verdicts_come_in_order", "ice/tests::what_is_no_stun_goes_on"]),
    ("11.4 rows", "answers in their order", &["common/stun/tests::verdicts_come_in_order", "daemon/ice::every_kind_of_bad_request_has_its_answer"]),
    ("11.4 form", "attributes of answers", &["ice/tests::success_reply_is_as_specified", "ice/tests::error_replies_are_as_specified"]),
    ("11.5", "own requests", &["common/stun/tests::own_request_has_the_specified_order", "ice/tests::responses_must_fit_their_request", "ice/tests::refused_role_is_given_up_and_the_check_repeated"]),
    ("11.6.1", "pairs", &["ice/tests::new_checks_are_paced_and_ordered"]),
    ("11.6.2", "a run", &["ice/tests::new_checks_are_paced_and_ordered"]),
    ("11.6.3", "what is no longer checked", &["ice/tests::controlling_side_nominates_after_its_delay", "ice/tests::sets_need_all_components_of_one_interface"]),
    ("11.6.4", "success unfreezes", &["ice/tests::sets_need_all_components_of_one_interface"]),
    ("11.6.5", "unknown addresses", &["ice/tests::learned_candidates_of_one_path_share_a_foundation", "ice/tests::request_without_priority_from_nowhere_is_not_answered"]),
    ("11.6.6", "usable", &["ice/tests::sets_need_all_components_of_one_interface", "ice/tests_network::peer_with_one_component_is_complete", "ice/tests::giving_up_component_two_completes_the_rest"]),
    ("11.6.7", "controlling", &["ice/tests::controlling_side_nominates_after_its_delay", "ice/tests::failed_nomination_falls_back"]),
    ("11.6.8", "controlled", &["ice/tests::highest_nominated_pair_wins_at_first_and_later_nominations_move"]),
    ("11.6.9", "completed", &["daemon/ice::idle_peers_get_keepalives_and_consent_checks_where_wanted"]),
    ("11.6.10", "all failed", &["ice/tests_network::no_path_fails_and_later_candidates_revive"]),
    ("11.7", "effects", &["daemon/webrtc::a_later_offer_shows_only_what_ice_chose"]),
    ("11.8.1", "who controls", &["call/sdp/ice::roles", "ice/tests_network::either_side_may_control"]),
    ("11.8.2", "lite", &["call/sdp/ice::values_of_ice_lite", "ice/tests_network::lite_peer_and_lite_self"]),
    ("11.8.3", "conflicts", &["ice/tests::role_conflicts_follow_the_tie_breakers", "ice/tests_network::role_conflicts_are_settled_by_the_tie_breaker"]),
    ("11.9.1", "media goes out at once", &["daemon/ice::candidates_beyond_the_limit_are_no_targets"]),
    ("11.9.2", "what comes in is checked", &["daemon/webrtc::with_ice_only_who_passed_a_check_is_heard", "flow/tests::rule_3_2_2_to_4_stun_and_dtls_are_left_to_their_owners"]),
    ("11.9.3", "components by themselves", &["daemon/matrix::every_kind_of_phone_talks_to_every_other"]),
    ("11.10.1", "restart by the peer", &["call/sdp/ice::restarts", "ice/tests_network::restart_drops_and_rebuilds", "browser/main::a_browser_restarts_ice"]),
    ("11.10.2", "own restart", &["call/sdp/ice::restarts"]),
    ("11.10.3", "more candidates", &["ice/tests::candidates_are_replaced_by_rule"]),
    ("11.10.4", "trickle and fragments", &["call/sdp/ice::fragments", "ice/tests_network::trickled_candidates_are_used_as_they_come", "daemon/media_rules::rule_11_10_4_fragments_that_fit_nothing_are_told"]),
    ("11.10.5", "reject ICE", &["call/sdp/ice::the_senders_ice_is_rejected"]),
    ("11.10.6", "save-interface-ports", &["call/sdp/ice::candidates_of_all_addresses"]),

    ("12", "fan-out", &["call/subscribe::mp_12_every_subscriber_is_a_sink_of_the_source", "flow/crypto_tests::fan_out_enciphers_for_each_sink_on_its_own"]),

    ("13.1 rows", "types and their lengths", &["common/rtcp/tests::written_packets_read_back", "common/rtcp/tests::strictness_follows_the_specification"]),
    ("13.1.1", "what drops the packet", &["common/rtcp/tests::strictness_follows_the_specification", "flow/tests::rule_13_1_malformed_rtcp_is_dropped"]),
    ("13.1.2", "what ends parsing", &["common/rtcp/tests::strictness_follows_the_specification", "common/rtcp/tests::a_count_beyond_the_packet_yields_what_is_there"]),
    ("13.1.3", "unknown types", &["common/rtcp/tests::strictness_follows_the_specification", "flow/rule_tests::section_23_texts_about_packets_are_as_printed"]),
    ("13.1.4", "XR", &["common/rtcp/tests::receiver_report_app_and_xr_read_back"]),
    ("13.2 row 1", "forwarded unchanged", &["flow/tests::plain_relay_forwards_unchanged_and_counts_both_ways", "daemon/basic_call::rtcp_flows_both_ways_on_its_own_port"]),
    ("13.2 row 2", "AVPF to AVP", &["flow/tests::rule_13_3_feedback_is_cut_out"]),
    ("13.2 row 3", "transcoding", &["daemon/transcoding::reports_beside_transcoded_audio_tell_what_was_sent_here"]),
    ("13.2 row 4", "terminated", &["flow/tests::rule_13_2_terminated_rtcp_is_counted_only", "daemon/reports::reports_are_made_on_request_and_those_of_the_phones_end_here"]),
    ("13.2 row 5", "no sink", &["flow/rule_tests::rule_13_2_rtcp_without_a_sink_makes_statistics_only"]),
    ("13.3", "feedback is cut out", &["common/rtcp/tests::stripping_keeps_the_rest_together", "flow/tests::rule_13_3_feedback_is_cut_out"]),
    ("13.4.1", "SSRCs are mapped", &["common/rtcp/tests::rewriting_maps_and_replaces"]),
    ("13.4.2", "sender info", &["common/rtcp/tests::rewriting_maps_and_replaces", "daemon/transcoding::reports_beside_transcoded_audio_tell_what_was_sent_here"]),
    ("13.4.3", "report blocks", &["common/rtcp/tests::rewriting_maps_and_replaces", "daemon/transcoding::reports_beside_transcoded_audio_tell_what_was_sent_here"]),
    ("13.5.1", "the interval", &["flow/report_tests::rule_13_5_generated_reports_say_what_was_sent_and_received"]),
    ("13.5.2", "one packet for each source", &["flow/report_tests::rule_13_5_generated_reports_say_what_was_sent_and_received", "flow/rule_tests::rule_13_5_2_thirty_blocks_and_a_mid_item_where_medias_are_bundled"]),
    ("13.5.3", "what an SR says", &["flow/report_tests::rule_13_5_generated_reports_say_what_was_sent_and_received", "daemon/reports::reports_are_made_on_request_and_those_of_the_phones_end_here"]),
    ("13.5.4", "what a block says", &["flow/report_tests::rule_13_5_6_generated_reports_feed_each_other"]),
    ("13.5.5", "from where to where", &["flow/report_tests::rule_13_5_5_muxed_reports_leave_from_the_rtp_socket"]),
    ("13.5.6", "they count as received", &["flow/report_tests::rule_13_5_6_generated_reports_feed_each_other"]),
    ("13.5.7", "players", &["daemon/players/playing::a_file_is_heard_at_its_pace"]),
    ("13.6.1", "arrival times of reports", &["flow/report_tests::rule_13_6_both_legs_give_the_end_to_end_time_and_a_score"]),
    ("13.6.2", "no sample", &["flow/report_tests::rule_13_6_2_no_sample_without_times_or_for_foreign_sources", "flow/report_tests::rule_13_6_2_payload_types_must_be_known"]),
    ("13.6.3", "round trips", &["flow/quality::rule_13_6_3_round_trips_are_believed_up_to_ten_seconds"]),
    ("13.6.4", "end to end", &["flow/report_tests::rule_13_6_both_legs_give_the_end_to_end_time_and_a_score", "flow/report_tests::reported_voip_metrics_replace_the_measured_time"]),
    ("13.6.5", "jitter", &["flow/report_tests::rule_13_6_both_legs_give_the_end_to_end_time_and_a_score", "daemon/query::receiver_reports_make_quality_figures"]),
    ("13.6.6", "loss", &["flow/report_tests::rule_13_6_both_legs_give_the_end_to_end_time_and_a_score", "daemon/query::receiver_reports_make_quality_figures"]),
    ("13.6.7", "samples", &["flow/quality::rule_13_6_7_samples_come_a_second_apart_and_only_those_with_score_are_averaged"]),
    ("13.6.8", "global averages", &["flow/report_tests::rule_13_6_both_legs_give_the_end_to_end_time_and_a_score"]),
    ("13.6.9", "measure-rtp", &["flow/rule_tests::rule_13_6_9_the_sample_replaces_the_estimate_of_a_source"]),
    ("13.7", "MOS", &["flow/mos::check_values_of_section_13_7", "flow/mos::conversational_mode_needs_a_round_trip_time_and_listening_mode_ignores_it"]),
    ("13.8.1", "SSRC", &["daemon/query::receiver_reports_make_quality_figures"]),
    ("13.8.2", "keys of an SSRC", &["daemon/query::receiver_reports_make_quality_figures"]),
    ("13.8.3", "average MOS", &["daemon/query::receiver_reports_make_quality_figures"]),
    ("13.8.4", "progression", &["flow/quality::progression_lists_samples_a_tenth_apart", "daemon/query::receiver_reports_make_quality_figures"]),
    ("13.8.5", "totals", &["daemon/query::a_call_is_described_in_the_order_of_the_specification"]),
    ("13.8.6", "units", &["daemon/query::receiver_reports_make_quality_figures"]),

    ("14.1", "no extmap", &["flow/bundle_tests::rule_14_1_without_extmap_on_both_sides_bytes_pass", "daemon/extensions::without_extmap_extensions_pass_byte_for_byte"]),
    ("14.2", "elements are filtered", &["flow/bundle_tests::rule_14_2_elements_need_both_sides_and_nothing_left_means_no_extension", "flow/bundle_tests::rule_14_2_1_a_bundle_has_the_form_of_its_head", "flow/bundle_tests::rule_14_2_3_mid_is_made_without_an_extension_and_never_copied", "daemon/extensions::only_what_both_sides_negotiated_passes"]),
    ("14.3", "forms", &["flow/bundle_tests::rule_14_3_two_byte_form_for_large_ids", "daemon/extensions::large_ids_make_the_two_byte_form", "common/rtp/tests::elements_end_at_what_cannot_be_read"]),
    ("14.4", "values that do not fit", &["flow/bundle_tests::rule_14_4_long_values_change_the_form_for_good_or_are_left_out"]),
    ("14.5", "padding", &["common/rtp/tests::elements_round_trip", "flow/bundle_tests::example_14_own_mid_first_and_unknown_ids_dropped"]),
    ("14.6", "other profiles", &["flow/bundle_tests::rule_14_6_other_profiles_disappear_when_rebuilding"]),
    ("14.7", "with SRTP and transcoding", &["daemon/extensions::a_transcoded_packet_has_the_extension_of_its_source", "daemon/extensions::an_accepted_bundle_is_taken_apart_and_put_together"]),
    ("14.8", "strip and mask", &["daemon/extensions::strip_and_mask_keep_elements_from_the_other_side", "call/sdp/bundle::marked_extensions"]),
    ("14 example", "the example", &["flow/bundle_tests::example_14_own_mid_first_and_unknown_ids_dropped"]),

    ("15 rows", "values of bundle", &["call/sdp/bundle::options", "call/sdp/bundle::bundles_that_are_offered", "call/sdp/bundle::bundles_that_are_required"]),
    ("15.1", "what belongs to the head", &["flow/bundle_tests::rule_15_1_srtp_contexts_belong_to_the_head", "flow/bundle_tests::rule_15_1_own_sockets_of_a_member_still_take_its_packets", "call/sdp/bundle::a_bundle_shares_its_transport"]),
    ("15.2", "demultiplexing", &["flow/bundle_tests::rule_15_2_mid_then_ssrc_memory_then_unique_payload_type_then_the_socket", "flow/bundle_tests::rule_15_2_only_authentic_packets_are_remembered"]),
    ("15.3", "another media is hit", &["flow/bundle_tests::rule_15_2_mid_then_ssrc_memory_then_unique_payload_type_then_the_socket", "flow/bundle_tests::rule_8_5_a_bundle_counts_ssrcs_at_its_head"]),
    ("15.4", "output", &["flow/bundle_tests::rule_15_4_output_to_a_bundled_receiver_leaves_through_the_head_with_its_own_mid"]),
    ("15.5", "who is taken out", &["call/sdp/bundle::sections_that_do_not_fit"]),
    ("15.6", "the id of MID", &["call/sdp/bundle::an_accepted_mid_extension_comes_back", "call/sdp/bundle::bundles_that_are_offered"]),
    ("15.7", "re-offers", &["call/sdp/bundle::the_flag_of_a_party", "call/sdp/addresses::ports_facing_a_bundled_section_are_kept"]),

    ("16.1", "raw copy", &["flow/tests::rule_16_raw_media_is_copied_with_learning", "daemon/extensions::fax_passes_raw_and_its_peer_is_learned"]),
    ("16.2", "learning and the rest as for RTP", &["flow/tests::rule_16_raw_media_is_copied_with_learning", "daemon/extensions::fax_passes_raw_and_its_peer_is_learned"]),
    ("16.3", "the gateway", &["daemon/t38::audio_forced_into_t38_reaches_a_fax_and_comes_back", "daemon/t38::t38_decoded_into_audio_reaches_a_phone_and_comes_back"]),
    ("16.4", "unknown protocols", &["daemon/medias::an_unknown_protocol_is_carried_raw_on_both_ports"]),
    ("16.5", "ZRTP", &["daemon/extensions::zrtp_passes_on_plain_media_and_not_beside_srtp"]),

    ("17 row 1", "block media", &["flow/tests::rule_17_blocked_media_lets_events_pass", "call/block::mp_17_blocked_media_lets_dtmf_pass", "daemon/edges::blocked_media_stops_and_rtcp_goes_on"]),
    ("17 row 2", "silence media", &["flow/tests::rule_17_silence_changes_only_its_own_sink", "daemon/edges::silenced_media_keeps_its_headers"]),
    ("17 row 3", "block DTMF", &["daemon/dtmf::codecs_18_7_drop_lets_audio_pass_and_unblock_restores"]),
    ("17 row 4", "drop-traffic", &["daemon/medias::drop_traffic_drops_everything_until_it_stops", "call/ng/flags::ng_7_2_drop_traffic_holds_until_stop"]),
    ("17 row 5", "unblock, directional forms", &["call/block::ng_11_7_unblocking_the_call_leaves_parties_unless_all", "call/block::ng_11_7_single_flows", "daemon/edges::selectors_that_select_nobody"]),
    ("17 errors", "texts", &["call/block::ng_11_7_single_flows", "call/ng/errors::ng_13_c_d_e_every_text_leaves_the_call_as_it_was"]),
    ("17 modes", "modes of block DTMF", &["call/block::codecs_18_7_modes_and_their_parameters", "daemon/dtmf::codecs_18_7_events_become_silence_or_a_tone"]),
    ("17 TOS", "TOS", &["options/tests::range_and_word_errors_have_the_texts_of_the_specification", "call/ng/deletion::ng_10_9_tos_of_all_sockets", "daemon/addresses::the_traffic_class_is_the_configured_or_the_requested_one", "daemon/addresses::the_traffic_class_holds_for_ipv6_too"]),

    ("18.1 rows", "options", &["options/tests::range_and_word_errors_have_the_texts_of_the_specification", "daemon/dtls_rules::section_10_2_bad_options_end_the_start", "daemon/jitter::a_call_without_jitter_buffer_passes_everything_as_it_comes"]),
    ("18.1.1", "what bypasses", &["flow/jitter_tests::rule_1_bypass"]),
    ("18.1.2", "references", &["flow/jitter_tests::rule_2_references"]),
    ("18.1.3", "send times", &["flow/jitter_tests::rule_3_events", "flow/jitter_tests::rules_2_3_5_depth"]),
    ("18.1.4", "limits of send times", &["flow/jitter_tests::rule_4_limits"]),
    ("18.1.5", "depth", &["flow/jitter_tests::rules_2_3_5_depth", "flow/jitter_tests::rule_5_bounds"]),
    ("18.1.6", "resets", &["flow/jitter_tests::rule_6_gives_up", "flow/jitter_tests::rule_6_burst"]),
    ("18.1.7", "drift", &["flow/jitter_tests::rule_7_drift"]),
    ("18.1.8", "adaptive", &["flow/jitter_tests::rule_8_adaptive", "daemon/jitter::the_adaptive_jitter_buffer_holds_back_what_its_minimum_says"]),
    ("18.1.9", "everything passes", &["flow/jitter_tests::everything_leaves", "daemon/jitter::the_jitter_buffer_restores_order_and_pace"]),
    ("18.2.1", "setting it", &["call/block::codecs_18_7_modes_and_their_parameters", "daemon/jitter::the_delay_buffer_holds_back_each_packet_for_its_time"]),
    ("18.2.2", "order and time", &["flow/delay::rule_2_arrival_and_delay", "daemon/jitter::the_delay_buffer_holds_back_each_packet_for_its_time"]),
    ("18.2.3", "lowering it", &["flow/delay::rule_3_less_delay"]),
    ("18.2.4", "play media", &["flow/delay::rule_4_discard_and_room", "daemon/players/playing::playing_empties_the_delay_buffer"]),
    ("18.2.5", "not in the kernel", &[NO_KERNEL]),
    ("18.2.6", "DTMF-delay", &["daemon/dtmf::codecs_18_7_6_the_delay_buffer_keeps_pace"]),
    ("18.3", "the sequencer", &["daemon/transcoding::coder_threads_keep_order_and_pace", "common/codec/stream/sequencer::rule_15_order_and_loss", "common/codec/stream/sequencer::rule_15_3_ten_packets", "common/codec/stream/sequencer::rule_15_2_resets"]),

    ("21.1", "merged calls", &["daemon/edges::merging_two_calls_loses_no_packet", "flow/tests::merged_calls_keep_their_own_packets_and_numbers"]),
    ("21.2", "delete of a merged call", &["daemon/edges::deleting_one_id_of_a_merged_call_leaves_the_other", "daemon/webrtc::associations_outlive_a_merge"]),
    ("21.3", "re-offer without change", &["daemon/reinvite::the_same_addresses_keep_the_same_ports", "daemon/webrtc::a_reinvite_keeps_the_association", "daemon/srtp::a_re_offer_keeps_keys_and_counters"]),
    ("21.4", "another remote port", &["daemon/reinvite::a_changed_address_changes_the_ports_towards_the_other_side", "daemon/reinvite::port_latching_keeps_the_ports_for_a_changed_address", "daemon/reinvite::packets_of_the_superseded_ports_still_arrive", "daemon/media_rules::rule_21_4_a_packet_to_superseded_ports_moves_nothing_back"]),
    ("21.5", "directions", &["daemon/reinvite::hold_with_sendonly_stops_one_way_and_keeps_the_ports", "flow/tests::rule_3_4_2_direction_stops_rtp_and_never_rtcp"]),
    ("21.6", "RTCP to the RTP port", &["flow/tests::rule_4_3_2_stray_rtcp_on_the_rtp_port_is_forwarded_and_does_not_confirm"]),
    ("21.7", "continuity of SRTP", &["flow/crypto_tests::rule_9_4_8_the_plain_phase_gives_the_roll_over_counter", "daemon/srtp::a_re_offer_keeps_keys_and_counters"]),
    ("21.8", "untouched SDES", &["flow/crypto_tests::rule_21_8_equal_keys_pass_byte_for_byte_even_what_would_not_authenticate", "daemon/srtp::with_equal_keys_packets_pass_untouched_unless_recrypt_is_asked_for"]),
    ("21.9", "early ClientHello", &["daemon/webrtc::an_offerer_with_both_roles_is_called_at_once", "daemon/webrtc::a_bundle_shakes_hands_once"]),
    ("21.10", "ICE at once", &["ice/tests::new_checks_are_paced_and_ordered", "ice/tests::early_requests_are_answered_before_the_answer", "daemon/webrtc::with_ice_only_who_passed_a_check_is_heard"]),
    ("21.11", "runs of learning", &["daemon/learning::delayed_learning_follows_every_packet_and_confirms_after_three_seconds", "daemon/learning::heuristic_learning_prefers_what_is_most_like_the_advertised_address"]),
    ("21.12", "totals", &["daemon/query::a_call_is_described_in_the_order_of_the_specification", "flow/report_tests::rule_13_5_6_generated_reports_feed_each_other"]),
    ("21.13", "replaced packets", &["flow/tests::rule_17_silence_changes_only_its_own_sink", "daemon/dtmf::codecs_18_7_events_become_silence_or_a_tone"]),
    ("21.14", "port 0", &["daemon/medias::a_media_that_was_rejected_comes_back", "call/flows::ng_10_5_a_media_that_comes_back_gets_its_ports_again"]),

    ("22 row 1", "call timer", &["daemon/medias::pierce_nat_sends_the_dummy_packet_until_the_peer_has_sent"]),
    ("22 row 2", "learning window", &["flow/learn::rule_4_1_delayed_follows_for_three_seconds_and_confirms_the_first_later_one"]),
    ("22 row 3", "ICE pace and retransmission", &["ice/tests::retransmissions_double_and_end", "ice/tests::new_checks_are_paced_and_ordered"]),
    ("22 row 4", "ICE nomination", &["ice/tests::controlling_side_nominates_after_its_delay"]),
    ("22 row 5", "ICE hops", &["flow/learn::rule_4_3_5_3_ice_hops_once_per_three_seconds"]),
    ("22 row 6", "fragments", &["call/sdp/ice::early_fragments"]),
    ("22 row 7", "DTLS retransmission", &["dtls/tests::what_is_lost_is_repeated", "daemon/webrtc::a_lost_first_flight_is_repeated"]),
    ("22 row 8", "certificates", &["dtls/certificate::is_due_when_less_than_half_is_left"]),
    ("22 row 9", "RTCP interval", &["flow/report_tests::rule_13_5_generated_reports_say_what_was_sent_and_received", "daemon/players/playing::a_file_is_heard_at_its_pace"]),
    ("22 row 10", "plausible round trips", &["flow/quality::rule_13_6_3_round_trips_are_believed_up_to_ten_seconds"]),
    ("22 row 11", "MOS samples", &["flow/quality::rule_13_6_7_samples_come_a_second_apart_and_only_those_with_score_are_averaged"]),
    ("22 row 12", "loop detection", &["flow/loop_check::rule_3_5_3_a_pause_or_another_packet_starts_anew"]),
    ("22 row 13", "active streams", &[NO_KERNEL]),
    ("22 row 14", "media timeouts", &["flow/tests::rule_19_1_timeouts_depend_on_what_a_stream_expects", "daemon/timeouts::a_call_without_media_times_out"]),
    ("22 row 15", "delete delay", &["daemon/delete::the_delay_may_be_a_decimal_string_and_defaults_to_the_option"]),
    ("22 row 16", "Redis", &[NO_REDIS]),
    ("22 row 17", "hold of the jitter buffer", &["flow/jitter_tests::rule_4_limits"]),

    ("23 row 1", "learning", &["flow/rule_tests::section_23_texts_about_packets_are_as_printed"]),
    ("23 row 2", "strict source", &["flow/rule_tests::section_23_texts_about_packets_are_as_printed"]),
    ("23 row 3", "loop", &["flow/rule_tests::section_23_texts_about_packets_are_as_printed"]),
    ("23 row 4", "SRTP", &["flow/rule_tests::section_23_texts_about_packets_are_as_printed"]),
    ("23 row 5", "DTLS", &["daemon/dtls::an_offer_shows_role_fingerprint_and_identity", "daemon/webrtc::a_callee_that_begins_gets_keys", "daemon/webrtc::a_wrong_fingerprint_is_refused", "daemon/dtls_hostile::a_certificate_of_64_kib_is_taken_or_refused_by_its_fingerprint", "daemon/dtls_rules::rule_10_5_7_a_peer_that_closes_leaves_its_keys_in_use"]),
    ("23 row 6", "ICE", &["daemon/dtls_rules::rule_10_6_2_an_ice_restart_restarts_where_nobody_has_a_tls_id", "daemon/webrtc::a_later_offer_shows_only_what_ice_chose", "daemon/ice::every_kind_of_bad_request_has_its_answer"]),
    ("23 row 7", "RTP", &["flow/rule_tests::section_23_texts_about_packets_are_as_printed", "daemon/media_rules::section_3_1_a_packet_that_fills_the_buffer_is_told"]),
    ("23 row 8", "kernel", &[NO_KERNEL]),
    ("23 row 9", "timeout", &["daemon/timeouts::a_call_without_media_times_out"]),
];

/// How many numbered rules and rows a section has: the list must have each of them.
const COUNTED: &[(&str, usize)] = &[
    ("3.1.", 4),
    ("3.1 row ", 4),
    ("3.2 row ", 15),
    ("3.4.", 5),
    ("3.5.", 4),
    ("4.1 row ", 4),
    ("4.3.5.", 5),
    ("4.3.6.", 4),
    ("4.4.", 5),
    ("6.", 10),
    ("7.", 5),
    ("8.", 6),
    ("9.2.", 3),
    ("9.3.", 6),
    ("9.4.", 8),
    ("9.5.", 6),
    ("10.2 row ", 6),
    ("10.3.", 3),
    ("10.4.", 4),
    ("10.5 row ", 4),
    ("10.5.", 7),
    ("10.6.", 5),
    ("11.1 row ", 8),
    ("11.3.", 3),
    ("11.6.", 10),
    ("11.8.", 3),
    ("11.9.", 3),
    ("11.10.", 6),
    ("13.1.", 4),
    ("13.2 row ", 5),
    ("13.4.", 3),
    ("13.5.", 7),
    ("13.6.", 9),
    ("13.8.", 6),
    ("14.", 8),
    ("15.", 7),
    ("16.", 5),
    ("17 row ", 5),
    ("18.1.", 9),
    ("18.2.", 6),
    ("21.", 14),
    ("22 row ", 17),
    ("23 row ", 9),
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

/// The tests of a file, which may not be there.
fn load(file: &str) -> HashSet<String> {
    let Some((folder, rest)) = file.split_once('/') else { return HashSet::new() };
    let Some((_, folder)) = FOLDERS.iter().find(|(name, _)| *name == folder) else { return HashSet::new() };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join(rest).with_extension("rs");
    std::fs::read_to_string(path).map(|text| tests_of(&text)).unwrap_or_default()
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
        let has = |number: usize| {
            let rule = format!("{section}{number}");
            // A rule may be listed by its parts.
            seen.iter().any(|listed| *listed == rule || listed.starts_with(&format!("{rule}.")))
        };
        assert!((1..=*count).all(has), "{section} lacks a rule");
        assert!(!has(count + 1), "{section} has {count} rules");
    }
}
