//! Log lines that their contents cannot break: a name that comes from a client, a file or an upstream may hold any
//! character, and must neither start a line of its own nor steer a terminal.

use std::fmt::{self, Debug};
use std::io;

use tracing::Metadata;
use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FormatFields, MakeWriter};

use crate::escape::{escape, escape_json};

/// Fields for programs, which repeat what the message says. Lines of text are without them.
const IN_MESSAGES: [&str; 8] =
    ["state", "until", "period", "file", "errors", "upstream", "failed", "dropped"];

/// Formats the message and the fields of an event as text. Unsafe characters are escaped, and a value that is not one
/// plain word is quoted.
pub(super) struct EscapedFields;

impl<'w> FormatFields<'w> for EscapedFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = Visitor { writer, is_first: true, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct Visitor<'w> {
    writer: Writer<'w>,
    is_first: bool,
    result: fmt::Result,
}

impl Visitor<'_> {
    fn write(&mut self, field: &Field, value: &str, is_text: bool) -> fmt::Result {
        let name = field.name();
        if IN_MESSAGES.contains(&name) {
            return Ok(());
        }
        if !std::mem::take(&mut self.is_first) {
            self.writer.write_char(' ')?;
        }
        if name == "message" {
            return self.writer.write_str(&escape(value));
        }
        if self.writer.has_ansi_escapes() {
            write!(self.writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m")?;
        } else {
            write!(self.writer, "{name}=")?;
        }
        if is_text || !is_plain(value) {
            write!(self.writer, "{value:?}")
        } else {
            self.writer.write_str(value)
        }
    }

    fn record(&mut self, field: &Field, value: &str, is_text: bool) {
        if self.result.is_ok() {
            self.result = self.write(field, value, is_text);
        }
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record(field, value, true);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record(field, &format!("{value:?}"), false);
    }
}

/// Returns true if the value needs no quotes: one word, such as a number, an address or a path.
fn is_plain(value: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '=');
    !value.is_empty() && value.chars().all(is_plain)
}

/// Writes lines of JSON, and escapes the characters that the encoder leaves although they could steer a terminal.
pub(super) struct JsonLines<W>(pub(super) W);

impl<W: io::Write> io::Write for JsonLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.0.write_all(escape_json(text).as_bytes())?,
            Err(_) => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<'w, M: MakeWriter<'w>> MakeWriter<'w> for JsonLines<M> {
    type Writer = JsonLines<M::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        JsonLines(self.0.make_writer())
    }

    fn make_writer_for(&'w self, metadata: &Metadata<'_>) -> Self::Writer {
        JsonLines(self.0.make_writer_for(metadata))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::escape::is_unsafe;

    /// Keeps what is logged.
    #[derive(Clone, Default)]
    struct CapturedLog(Arc<Mutex<Vec<u8>>>);

    impl io::Write for CapturedLog {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for CapturedLog {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }

    impl CapturedLog {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn text(colour: bool, log: impl FnOnce()) -> String {
        let log_output = CapturedLog::default();
        let layer =
            tracing_subscriber::fmt::layer().fmt_fields(EscapedFields).with_writer(log_output.clone());
        let layer = layer.with_ansi(colour).with_target(false).with_level(false).without_time();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        log_output.text()
    }

    fn json(log: impl FnOnce()) -> String {
        let log_output = CapturedLog::default();
        let writer = log_output.clone();
        let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).without_time();
        let layer = layer.with_writer(JsonLines(writer));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        log_output.text()
    }

    /// Ends lines, fields and strings, and steers terminals.
    const NASTY: &str = "a\nERROR b\r\t\x1b[31m\u{9b}2J\x7f\u{202e}\u{2028}\"c\\";

    #[test]
    fn no_text_breaks_its_line() {
        let plain = "a\\nERROR b\\r\\t\\u{1b}[31m\\u{9b}2J\\u{7f}\\u{202e}\\u{2028}";
        let quoted = format!("\"{plain}\\\"c\\\\\"");
        for (said, expected) in [
            (text(false, || tracing::info!("{NASTY}")), format!("{plain}\"c\\\n")),
            (text(false, || tracing::info!(NASTY)), format!("NASTY={quoted}\n")),
            (text(false, || tracing::info!(path = %NASTY, "m")), format!("m path={quoted}\n")),
            (text(false, || tracing::info!(path = NASTY, "m")), format!("m path={quoted}\n")),
            (text(false, || tracing::info!(error = ?io::Error::other(NASTY), "m")), String::new()),
            (
                text(true, || tracing::info!(path = %NASTY, "m")),
                format!("m \x1b[3mpath\x1b[0m\x1b[2m=\x1b[0m{quoted}\n"),
            ),
        ] {
            assert_eq!(said.matches('\n').count(), 1, "{said}");
            let controls = said.chars().filter(|c| is_unsafe(*c) && *c != '\n').count();
            assert_eq!(controls, said.matches("\x1b[3m").count() * 4, "{said}");
            assert!(expected.is_empty() || said == expected, "{said}\n{expected}");
        }
    }

    #[test]
    fn only_a_value_of_one_plain_word_is_not_quoted() {
        for (value, shown) in [
            ("/a/b.css", "/a/b.css"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("a status=200", "\"a status=200\""),
            ("a=b", "\"a=b\""),
            ("é", "\"é\""),
        ] {
            assert_eq!(
                text(false, || tracing::info!(path = %value, status = 200, "m")),
                format!("m path={shown} status=200\n")
            );
        }
        assert_eq!(text(false, || tracing::info!(method = "GET", "„é“ – ok")), "„é“ – ok method=\"GET\"\n");
    }

    #[test]
    fn no_json_breaks_its_line_or_changes_its_meaning() {
        let said = json(|| tracing::info!(path = %NASTY, "{NASTY}"));
        assert_eq!(said.matches('\n').count(), 1, "{said}");
        assert!(!said.contains(|c: char| is_unsafe(c) && c != '\n'), "{said}");
        let line: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!((line["message"].as_str(), line["path"].as_str()), (Some(NASTY), Some(NASTY)));
    }
}
