//! The rules of media-plane.md §§17 and 18, each with its tests. Rows of tables and sentences without a number are counted in their order.

use super::super::rules::{Rule, are_listed, are_tested};

#[rustfmt::skip]
const RULES: &[Rule] = &[
    ("17.1", "block media: audio stops, events and RTCP pass, it counts as received", &["call/held/blocking::block_media_lets_events_and_rtcp_pass", "call/held/blocking::block_media_does_not_stop_learning", "call/block::mp_17_blocked_media_lets_dtmf_pass"]),
    ("17.2", "silence media", &["call/held/blocking::silence_media_keeps_header_and_length", "call/held/blocking::blocking_and_silencing_are_independent", "call/held/blocking::transcoded_media_is_blocked_and_silenced"]),
    ("17.3", "block DTMF", &["call/block::mp_17_blocked_media_lets_dtmf_pass", "daemon/dtmf::codecs_18_7_drop_lets_audio_pass_and_unblock_restores"]),
    ("17.4", "drop-traffic", &["call/held/blocking::drop_traffic_drops_before_anything_else", "daemon/medias::drop_traffic_drops_everything_until_it_stops"]),
    ("17.5", "unblock, unsilence, all, directional forms", &["call/block::ng_11_7_unblocking_the_call_leaves_parties_unless_all", "call/block::ng_11_7_single_flows"]),
    ("17.6", "errors of directional forms", &["call/block::ng_11_7_single_flows"]),
    ("17.7", "withdrawal from the kernel", &["- no stream is forwarded by the kernel in this build, so none is withdrawn from it"]),
    ("17.8", "DTMF modes", &["daemon/dtmf::codecs_18_7_events_become_silence_or_a_tone", "daemon/dtmf::codecs_18_7_event_numbers_change", "call/block::codecs_18_7_modes_and_their_parameters"]),
    ("17.9", "the mode of the call overrides the side", &["call/held/blocking::the_mode_of_the_call_overrides_that_of_a_side"]),
    ("17.10", "delay-buffer and DTMF-delay in the same request", &["call/block::codecs_18_7_modes_and_their_parameters"]),
    ("17.11", "TOS: option", &["options/tests::range_and_word_errors_have_the_texts_of_the_specification", "options/tests::defaults"]),
    ("17.12", "TOS: key of offers, whole call", &["call/ng/deletion::ng_10_9_tos_of_all_sockets"]),
    ("17.13", "TOS: on every socket at once", &["daemon/addresses::the_traffic_class_is_the_configured_or_the_requested_one"]),
    ("18.1", "options of the jitter buffer", &["options/tests::range_and_word_errors_have_the_texts_of_the_specification", "options/tests::players_9_options_of_players"]),
    ("18.1 flag", "no jitter buffer", &["call/held/buffers::rule_18_1_which_streams_have_a_jitter_buffer", "daemon/jitter::a_call_without_jitter_buffer_passes_everything_as_it_comes"]),
    ("18.1.1", "only RTP, the first packets, unknown clocks", &["flow/jitter_tests::rule_1_bypass", "call/held/buffers::rule_18_1_which_streams_have_a_jitter_buffer"]),
    ("18.1.2", "the reference", &["flow/jitter_tests::rule_2_references", "flow/jitter_tests::rules_2_3_5_depth"]),
    ("18.1.3", "send times", &["flow/jitter_tests::rules_2_3_5_depth", "flow/jitter_tests::rule_3_events", "daemon/jitter::the_jitter_buffer_restores_order_and_pace"]),
    ("18.1.4", "past, too far ahead, order", &["flow/jitter_tests::rule_4_limits"]),
    ("18.1.5", "depth", &["flow/jitter_tests::rule_5_bounds", "flow/jitter_tests::rules_2_3_5_depth"]),
    ("18.1.6", "resets and discards", &["flow/jitter_tests::rule_6_gives_up", "flow/jitter_tests::rule_6_burst"]),
    ("18.1.7", "drift", &["flow/jitter_tests::rule_7_drift"]),
    ("18.1.8", "adaptive", &["flow/jitter_tests::rule_8_adaptive", "daemon/jitter::the_adaptive_jitter_buffer_holds_back_what_its_minimum_says"]),
    ("18.1.9", "everything appears within a second", &["flow/jitter_tests::everything_leaves", "call/held/buffers::rule_18_1_which_streams_have_a_jitter_buffer", "call/held/buffers::both_buffers_in_a_row"]),
    ("18.2.1", "who sets it, and the direct path", &["call/held/buffers::rule_18_2_1_requests_that_set_it"]),
    ("18.2.2", "arrival and delay", &["call/held/buffers::rule_18_2_2_each_packet_after_its_time", "flow/delay::rule_2_arrival_and_delay", "daemon/dtmf::codecs_18_7_6_the_delay_buffer_keeps_pace"]),
    ("18.2.3", "less delay, numbers in order", &["call/held/buffers::rule_18_2_3_a_shorter_delay_keeps_the_order", "flow/delay::rule_3_less_delay"]),
    ("18.2.4", "play media empties it", &["call/players/wire::rule_3_8_delay_buffers_are_emptied_at_the_start", "flow/delay::rule_4_discard_and_room"]),
    ("18.2.4 handlers", "a change of handlers", &["- what waits meets the handlers in force when it leaves (codecs.md 18.7 rule 2), so there is nothing that a change has to flush"]),
    ("18.2.5", "not in the kernel", &["- no stream is forwarded by the kernel in this build, with a delay or without"]),
    ("18.2.6", "DTMF-delay", &["call/held/buffers::rule_18_2_6_delayed_digits"]),
    ("18.3.1", "order, loss, duplicates, jumps", &["common/codec/stream/sequencer::rule_15_order_and_loss", "common/codec/stream/sequencer::rule_15_3_ten_packets", "common/codec/stream/sequencer::rule_15_2_resets", "common/codec/stream/sequencer::rule_15_3_events_move_time_on"]),
    ("18.3.2", "send times, skew", &["common/codec/stream/pacing::rule_14_5_skew"]),
];

/// How many numbered rules a section has.
const COUNTED: &[(&str, usize)] = &[("17", 13), ("18.1", 9), ("18.2", 6)];

#[test]
fn every_rule_has_a_test_that_exists() {
    are_tested(RULES);
}

#[test]
fn the_list_has_every_rule_once() {
    are_listed(RULES, COUNTED);
}
