//! A reply for human readers: one line per value, indented by depth; texts of several lines last, as they are.

use std::fmt::Write;

use rtpengine_common::ng::{Dict, Value};

/// The whole reply.
pub(crate) fn readable(reply: &Dict<'_>) -> String {
    let mut out = String::new();
    let is_long = |value: &Value<'_>| value.as_bytes().is_some_and(|bytes| bytes.contains(&b'\n'));
    for (key, value) in reply.iter().filter(|(_, value)| !is_long(value)) {
        entry(&mut out, 0, &String::from_utf8_lossy(key), value);
    }
    for (key, value) in reply.iter().filter(|(_, value)| is_long(value)) {
        let text = String::from_utf8_lossy(value.as_bytes().unwrap_or_default()).replace("\r\n", "\n");
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}:\n\n{}", String::from_utf8_lossy(key), text.trim_end());
    }
    out
}

fn entry(out: &mut String, depth: usize, key: &str, value: &Value<'_>) {
    let indent = "  ".repeat(depth);
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Bytes(bytes) => writeln!(out, "{indent}{key}: {}", line(bytes)),
        Value::Int(number) => writeln!(out, "{indent}{key}: {number}"),
        Value::Null => writeln!(out, "{indent}{key}:"),
        Value::List(list) if list.iter().all(is_plain) => {
            let items: Vec<_> = list.iter().map(plain).collect();
            writeln!(out, "{indent}{key}: {}", items.join(", "))
        }
        Value::List(list) => {
            let result = writeln!(out, "{indent}{key}:");
            for (at, item) in list.iter().enumerate() {
                entry(out, depth + 1, &format!("{}.", at + 1), item);
            }
            result
        }
        Value::Dict(dict) => {
            let result = writeln!(out, "{indent}{key}:");
            for (key, value) in dict.iter() {
                entry(out, depth + 1, &String::from_utf8_lossy(key), value);
            }
            result
        }
    };
}

fn is_plain(value: &Value<'_>) -> bool {
    matches!(value, Value::Bytes(_) | Value::Int(_) | Value::Null)
}

fn plain(value: &Value<'_>) -> String {
    match value {
        Value::Bytes(bytes) => line(bytes),
        Value::Int(number) => number.to_string(),
        Value::List(_) | Value::Dict(_) | Value::Null => String::new(),
    }
}

/// One line whatever is in it: what a terminal would act on is shown as an escape.
fn line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars()
        .flat_map(|c| {
            if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
                .chars()
                .collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_then_long_texts() {
        let inner = Dict::new().with("port", 5).with("x", "a\x1bb");
        let reply = Dict::new()
            .with("sdp", "v=0\r\ns=-\r\n")
            .with("result", "ok")
            .with("flags", Value::list(["a", "b"]))
            .with("streams", Value::List(vec![Value::Dict(inner)]));
        assert_eq!(
            readable(&reply),
            "result: ok\nflags: a, b\nstreams:\n  1.:\n    port: 5\n    x: a\\u{1b}b\nsdp:\n\nv=0\ns=-\n"
        );
    }
}
