//! A list of figures and its four forms: ng dictionary, JSON, text and Prometheus (operations.md 8.2, 8.3).

use rtpengine_common::ng::{Dict, Value};
use std::borrow::Cow;
use std::fmt::Write;

/// A figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// A whole number.
    Integer(u64),
    /// A number with so many decimals.
    Decimal(f64, usize),
    /// A whole number that the ng protocol shows as a string.
    Quoted(u64),
    /// Text.
    Text(String),
}

impl Figure {
    fn plain(&self) -> String {
        match self {
            Self::Integer(number) | Self::Quoted(number) => number.to_string(),
            Self::Decimal(number, decimals) => format!("{number:.decimals$}"),
            Self::Text(text) => text.clone(),
        }
    }

    fn to_value(&self) -> Value<'static> {
        match self {
            Self::Integer(number) => Value::from(*number),
            Self::Quoted(_) | Self::Decimal(..) | Self::Text(_) => Value::from(self.plain()),
        }
    }
}

/// How a figure appears in Prometheus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Name without the common prefix.
    pub name: Cow<'static, str>,
    /// `counter` or `gauge`.
    pub kind: &'static str,
    /// What stands between the braces; empty for none.
    pub labels: String,
}

/// One element of the list.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    /// A line of text alone.
    Line(Cow<'static, str>),
    /// A named figure.
    Value {
        key: Option<Cow<'static, str>>,
        label: Option<Cow<'static, str>>,
        /// What text shows instead of the figure.
        shown: Option<String>,
        figure: Option<Figure>,
        sample: Option<Sample>,
    },
    Open {
        key: Option<Cow<'static, str>>,
        list: bool,
    },
    Close,
}

/// The list, built in order.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    items: Vec<Item>,
}

/// A figure about to be added; finished by `Metrics::push`.
#[derive(Clone, Debug)]
pub struct Entry {
    key: Option<Cow<'static, str>>,
    label: Option<Cow<'static, str>>,
    shown: Option<String>,
    figure: Option<Figure>,
    sample: Option<Sample>,
}

impl Entry {
    /// A figure under a key.
    pub fn new(key: impl Into<Cow<'static, str>>, figure: Figure) -> Self {
        Self { key: Some(key.into()), label: None, shown: None, figure: Some(figure), sample: None }
    }

    /// Gives it a line in the text form.
    #[must_use]
    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Shows something else than the figure in the text form.
    #[must_use]
    pub fn shown(mut self, text: impl Into<String>) -> Self {
        self.shown = Some(text.into());
        self
    }

    /// Makes it a Prometheus counter.
    #[must_use]
    pub fn counter(self, name: impl Into<Cow<'static, str>>, labels: impl Into<String>) -> Self {
        self.sample(name.into(), "counter", labels.into())
    }

    /// Makes it a Prometheus gauge.
    #[must_use]
    pub fn gauge(self, name: impl Into<Cow<'static, str>>, labels: impl Into<String>) -> Self {
        self.sample(name.into(), "gauge", labels.into())
    }

    fn sample(mut self, name: Cow<'static, str>, kind: &'static str, labels: String) -> Self {
        self.sample = Some(Sample { name, kind, labels });
        self
    }
}

impl Metrics {
    /// Adds a line that only the text form has: a heading, a table row, or an empty line.
    pub fn line(&mut self, text: impl Into<Cow<'static, str>>) {
        self.items.push(Item::Line(text.into()));
    }

    /// Adds a heading with an empty line around it.
    pub fn heading(&mut self, text: impl Into<Cow<'static, str>>) {
        self.line(text);
        self.line("");
    }

    /// Adds a figure.
    pub fn push(&mut self, entry: Entry) {
        let Entry { key, label, shown, figure, sample } = entry;
        self.items.push(Item::Value { key, label, shown, figure, sample });
    }

    /// Adds a line of text with a label and a value.
    pub fn labelled(&mut self, label: impl Into<Cow<'static, str>>, shown: impl Into<String>) {
        let (label, shown) = (Some(label.into()), Some(shown.into()));
        self.items.push(Item::Value { key: None, label, shown, figure: None, sample: None });
    }

    /// Opens a dictionary; without a key, as an element of a list.
    pub fn open(&mut self, key: Option<&'static str>) {
        self.items.push(Item::Open { key: key.map(Cow::Borrowed), list: false });
    }

    /// Opens a list.
    pub fn open_list(&mut self, key: &'static str) {
        self.items.push(Item::Open { key: Some(Cow::Borrowed(key)), list: true });
    }

    /// Closes what was opened last.
    pub fn close(&mut self) {
        self.items.push(Item::Close);
    }

    /// As a dictionary of the ng protocol.
    pub fn to_dict(&self) -> Dict<'static> {
        let mut stack = vec![Level { key: None, list: false, values: Vec::new(), dict: Dict::new() }];
        for item in &self.items {
            match item {
                Item::Line(_) => {}
                Item::Open { key, list } => {
                    stack.push(Level {
                        key: key.clone(),
                        list: *list,
                        values: Vec::new(),
                        dict: Dict::new(),
                    });
                }
                Item::Close => {
                    let (Some(done), Some(outer)) = (stack.pop(), stack.last_mut()) else { continue };
                    let key = done.key.clone();
                    outer.add(key.as_deref(), done.into_value());
                }
                Item::Value { key: Some(key), figure: Some(figure), .. } => {
                    if let Some(level) = stack.last_mut() {
                        level.add(Some(key), figure.to_value());
                    }
                }
                Item::Value { .. } => {}
            }
        }
        stack.into_iter().next().map(|level| level.dict).unwrap_or_default()
    }

    /// As compact JSON.
    pub fn to_json(&self) -> String {
        let mut text = String::from("{");
        let mut closers = Vec::new();
        for item in &self.items {
            match item {
                Item::Line(_) => continue,
                Item::Close => {
                    text.push(closers.pop().unwrap_or('}'));
                    continue;
                }
                Item::Value { key: None, .. } | Item::Value { figure: None, .. } => continue,
                Item::Open { .. } | Item::Value { .. } => {}
            }
            if !text.ends_with(['{', '[']) {
                text.push(',');
            }
            match item {
                Item::Open { key, list } => {
                    push_key(&mut text, key.as_deref());
                    text.push(if *list { '[' } else { '{' });
                    closers.push(if *list { ']' } else { '}' });
                }
                Item::Value { key, figure: Some(figure), .. } => {
                    push_key(&mut text, key.as_deref());
                    match figure {
                        Figure::Text(value) => push_string(&mut text, value),
                        Figure::Integer(_) | Figure::Decimal(..) | Figure::Quoted(_) => {
                            text.push_str(&figure.plain());
                        }
                    }
                }
                Item::Line(_) | Item::Close | Item::Value { .. } => {}
            }
        }
        text.push('}');
        text
    }

    /// As lines of text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for item in &self.items {
            match item {
                Item::Line(line) => {
                    let _ = writeln!(text, "{line}");
                }
                Item::Value { label: Some(label), shown, figure, .. } => {
                    let value =
                        shown.clone().or_else(|| figure.as_ref().map(Figure::plain)).unwrap_or_default();
                    let _ = writeln!(text, " {label:<48}:{value}");
                }
                Item::Value { .. } | Item::Open { .. } | Item::Close => {}
            }
        }
        text
    }

    /// As the text format of Prometheus.
    pub fn to_prometheus(&self) -> String {
        let mut text = String::new();
        let mut known: Vec<&str> = Vec::new();
        for item in &self.items {
            let Item::Value { label, figure: Some(figure), sample: Some(sample), .. } = item else {
                continue;
            };
            if !known.contains(&&*sample.name) {
                if let Some(label) = label {
                    let _ = writeln!(text, "# HELP rtpengine_{} {label}", sample.name);
                }
                let _ = writeln!(text, "# TYPE rtpengine_{} {}", sample.name, sample.kind);
                known.push(&sample.name);
            }
            let labels = &sample.labels;
            let (open, close) = if labels.is_empty() { ("", "") } else { ("{", "}") };
            let _ = writeln!(text, "rtpengine_{}{open}{labels}{close} {}", sample.name, figure.plain());
        }
        text
    }
}

struct Level {
    key: Option<Cow<'static, str>>,
    list: bool,
    values: Vec<Value<'static>>,
    dict: Dict<'static>,
}

impl Level {
    fn add(&mut self, key: Option<&str>, value: Value<'static>) {
        match key {
            Some(key) if !self.list => {
                self.dict.push(key.to_owned(), value);
            }
            Some(_) | None => self.values.push(value),
        }
    }

    fn into_value(self) -> Value<'static> {
        if self.list { Value::List(self.values) } else { Value::Dict(self.dict) }
    }
}

fn push_key(text: &mut String, key: Option<&str>) {
    if let Some(key) = key {
        push_string(text, key);
        text.push(':');
    }
}

fn push_string(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

/// A label value of Prometheus: quotes, backslashes and line ends are escaped.
pub fn label_value(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtpengine_common::ng::Encoding;

    fn example() -> Metrics {
        let mut metrics = Metrics::default();
        metrics.heading("Things:");
        metrics.open(Some("things"));
        metrics.push(Entry::new("number", Figure::Integer(3)).label("Number").gauge("number", ""));
        metrics.push(Entry::new("share", Figure::Decimal(1.5, 2)).counter("share", "type=\"a\""));
        metrics.push(Entry::new("uptime", Figure::Quoted(7)).label("Uptime").shown("7 seconds"));
        metrics.open_list("list");
        for name in ["a\"", "b"] {
            metrics.open(None);
            metrics.push(Entry::new("name", Figure::Text(name.into())));
            metrics.close();
        }
        metrics.close();
        metrics.close();
        metrics
    }

    #[test]
    fn json_is_compact_and_well_formed() {
        let expected =
            r#"{"things":{"number":3,"share":1.50,"uptime":7,"list":[{"name":"a\""},{"name":"b"}]}}"#;
        assert_eq!(example().to_json(), expected);
    }

    #[test]
    fn ng_has_whole_numbers_as_integers_and_the_rest_as_strings() {
        let mut bytes = Vec::new();
        Encoding::Bencode.write(&example().to_dict(), &mut bytes);
        let expected = "d6:thingsd6:numberi3e5:share4:1.506:uptime1:74:listld4:name2:a\"ed4:name1:beeee";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn text_pads_labels_to_48_columns() {
        let pad = " ".repeat(42);
        assert_eq!(example().to_text(), format!("Things:\n\n Number{pad}:3\n Uptime{pad}:7 seconds\n"));
    }

    #[test]
    fn prometheus_names_every_family_once() {
        assert_eq!(
            example().to_prometheus(),
            "# HELP rtpengine_number Number\n# TYPE rtpengine_number gauge\nrtpengine_number 3\n\
             # TYPE rtpengine_share counter\nrtpengine_share{type=\"a\"} 1.50\n"
        );
    }
}
