//! HTML as browsers read it.

use html5gum::State;

/// Returns the state in which a browser continues after a start tag (HTML Standard, section 13.2.6.4). The content of
/// `<noscript>` counts as markup, as it does in a browser without scripting.
pub fn state_after(name: &[u8]) -> State {
    match name {
        b"title" | b"textarea" => State::RcData,
        b"style" | b"xmp" | b"iframe" | b"noembed" | b"noframes" => State::RawText,
        b"script" => State::ScriptData,
        b"plaintext" => State::PlainText,
        _ => State::Data,
    }
}
