//! Inserts and removes pieces of text, following its lines, commas and indentation.
//!
//! Positions are byte offsets into the whole text, including a byte order mark. They come from the parser, so the text
//! around them is valid TOML: the rest of a line is blank, a comment, or more of the same list.

use std::ops::Range;

use super::EditError;

const BLANK: [char; 2] = [' ', '\t'];
const BLANK_OR_NEWLINE: [char; 4] = [' ', '\t', '\r', '\n'];
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Replaces a range of the text.
pub(super) fn splice(text: &str, at: Range<usize>, with: &str) -> Result<String, EditError> {
    match (text.get(..at.start), text.get(at.end..)) {
        (Some(before), Some(after)) => Ok([before, with, after].concat()),
        _ => Err(EditError::Misread),
    }
}

/// Appends a table to the text, with one blank line before it and a newline at the end.
pub(super) fn append_table(text: &str, header: &str, entries: &[String]) -> String {
    let newline = newline(text);
    let mut appended = text.to_owned();
    if !text.is_empty() && !text.ends_with(['\n', BYTE_ORDER_MARK]) {
        appended.push_str(newline);
    }
    if !ends_with_blank_line(&appended) {
        appended.push_str(newline);
    }
    for line in std::iter::once(header).chain(entries.iter().map(String::as_str)) {
        appended.push_str(line);
        appended.push_str(newline);
    }
    appended
}

/// Inserts a line after the one on which a range ends, indented like the one on which it starts.
pub(super) fn insert_line(text: &str, after: &Range<usize>, line: &str) -> Result<String, EditError> {
    let end = line_end(text, after.end);
    splice(text, end..end, &[newline(text), indentation(text, after.start), line].concat())
}

/// Removes a piece: with the whole line if there is nothing else on it, or else with the blanks after it.
pub(super) fn remove(text: &str, piece: &Range<usize>) -> Result<String, EditError> {
    if starts_line(text, piece.start) && rest_of_line(text, piece.end).is_empty() {
        splice(text, line_start(text, piece.start)..next_line(text, piece.end), "")
    } else {
        let rest = rest_of_line(text, piece.end);
        let end = line_end(text, piece.end) - rest.len();
        splice(text, piece.start..end, "")
    }
}

/// Returns a piece of the text with the rest of its last line.
pub(super) fn with_rest_of_line(text: &str, piece: Range<usize>) -> Option<&str> {
    text.get(piece.start..line_end(text, piece.end))
}

/// Removes the lines of a table, and the blank line after it if there is one before it too. A text that would be left without
/// anything gets a comment, since an empty file is taken for damaged.
pub(super) fn remove_table(text: &str, table: &Range<usize>) -> Result<String, EditError> {
    let start = line_start(text, table.start);
    let mut end = next_line(text, table.end);
    let after = text.get(end..).unwrap_or_default();
    if ends_with_blank_line(text.get(..start).unwrap_or_default())
        && let Some((line, _)) = after.split_once('\n')
        && line.trim_matches(['\r', ' ', '\t']).is_empty()
    {
        end += line.len() + 1;
    }
    let removed = splice(text, start..end, "")?;
    if removed.trim_start_matches(BYTE_ORDER_MARK).trim().is_empty() {
        return Ok(removed + "# no periods" + newline(text));
    }
    Ok(removed)
}

/// Removes an element of a list with the comma after it, or with the one before it at the end of a list.
pub(super) fn remove_from_list(
    text: &str,
    element: &Range<usize>,
    previous: Option<Range<usize>>,
) -> Result<String, EditError> {
    if let Some(comma) = comma_after(text, element.end) {
        return remove(&splice(text, comma..comma + 1, "")?, element);
    }
    match previous.and_then(|previous| comma_after(text, previous.end)) {
        None => remove(text, element),
        Some(comma) if is_blank(text, comma + 1..element.start) => splice(text, comma..element.end, ""),
        Some(comma) => splice(&remove(text, element)?, comma..comma + 1, ""),
    }
}

/// The text between the brackets of an array or the braces of an inline table.
pub(super) struct ListLayout {
    /// Everything between the brackets.
    pub(super) inside: Range<usize>,
    /// The last element, or the last key and value of an inline table.
    pub(super) last: Option<Range<usize>>,
    /// The blanks to put around a first element.
    pub(super) padding: &'static str,
}

impl ListLayout {
    /// Appends an element like the last one: on a line of its own if that is, with a comma after it if that has one. A
    /// comment stays next to its element.
    pub(super) fn append(&self, text: &str, element: &str) -> Result<String, EditError> {
        match &self.last {
            Some(last) => append_after(text, last, element),
            None if text.get(self.inside.clone()).is_some_and(|inside| inside.contains('\n')) => {
                self.append_first_line(text, element)
            }
            None => self.append_first(text, element),
        }
    }

    fn append_first(&self, text: &str, element: &str) -> Result<String, EditError> {
        let padding = match text.get(self.inside.clone()) {
            Some("") | None => self.padding,
            Some(blanks) => blanks,
        };
        splice(text, self.inside.clone(), &[padding, element, padding].concat())
    }

    fn append_first_line(&self, text: &str, element: &str) -> Result<String, EditError> {
        let inside = text.get(self.inside.clone()).unwrap_or_default().trim_end_matches(BLANK_OR_NEWLINE);
        let comments = self.inside.start + inside.len();
        let indentation = if inside.contains('\n') {
            indentation(text, comments).to_owned()
        } else {
            deeper(indentation(text, self.inside.end))
        };
        let end = line_end(text, comments);
        splice(text, end..end, &[newline(text), &indentation, element, ","].concat())
    }
}

fn append_after(text: &str, last: &Range<usize>, element: &str) -> Result<String, EditError> {
    let comma = comma_after(text, last.end);
    let after = comma.map_or(last.end, |comma| comma + 1);
    let own_line = starts_line(text, last.start);
    let rest = rest_of_line(text, after);
    let closing = if comma.is_some() { "," } else { "" };
    let appended = if own_line || rest.starts_with('#') {
        let indentation = indentation(text, last.start);
        let indentation = if own_line { indentation.to_owned() } else { deeper(indentation) };
        let at = if rest.is_empty() || rest.starts_with('#') { line_end(text, after) } else { after };
        splice(text, at..at, &[newline(text), &indentation, element, closing].concat())?
    } else {
        splice(text, after..after, &[" ", element, closing].concat())?
    };
    if comma.is_some() { Ok(appended) } else { splice(&appended, last.end..last.end, ",") }
}

/// Finds the comma after an element, skipping comments and newlines.
fn comma_after(text: &str, at: usize) -> Option<usize> {
    let mut rest = text.get(at..)?;
    loop {
        rest = rest.trim_start_matches(BLANK_OR_NEWLINE);
        match rest.chars().next()? {
            ',' => return Some(text.len() - rest.len()),
            '#' => rest = rest.split_once('\n')?.1,
            _ => return None,
        }
    }
}

/// Returns the newline of the first line, or a line feed if there is none.
fn newline(text: &str) -> &'static str {
    match text.split_once('\n') {
        Some((line, _)) if line.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

fn ends_with_blank_line(text: &str) -> bool {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    text.lines().next_back().is_none_or(|line| line.trim_matches(BLANK).is_empty())
}

fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    match before.rfind('\n') {
        Some(newline) => newline + 1,
        None if before.starts_with(BYTE_ORDER_MARK) => BYTE_ORDER_MARK.len_utf8(),
        None => 0,
    }
}

/// Returns the end of the line, without its newline.
fn line_end(text: &str, at: usize) -> usize {
    let line = text.get(at..).unwrap_or_default().split('\n').next().unwrap_or_default();
    at + line.strip_suffix('\r').unwrap_or(line).len()
}

/// Returns the start of the text on the line of a place, after its indentation.
pub(super) fn text_start(text: &str, at: usize) -> usize {
    line_start(text, at) + indentation(text, at).len()
}

fn next_line(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |newline| at + newline + 1)
}

/// Returns the rest of the line without leading blanks.
fn rest_of_line(text: &str, at: usize) -> &str {
    text.get(at..line_end(text, at)).unwrap_or_default().trim_start_matches(BLANK)
}

fn starts_line(text: &str, at: usize) -> bool {
    is_blank(text, line_start(text, at)..at)
}

fn is_blank(text: &str, range: Range<usize>) -> bool {
    text.get(range).is_some_and(|between| between.trim_matches(BLANK).is_empty())
}

fn indentation(text: &str, at: usize) -> &str {
    let line = text.get(line_start(text, at)..).unwrap_or_default();
    line.split(|c| !BLANK.contains(&c)).next().unwrap_or_default()
}

fn deeper(indentation: &str) -> String {
    if indentation.contains('\t') { format!("{indentation}\t") } else { format!("{indentation}  ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_outside_the_text_is_refused() {
        for (place, edited) in [
            (0..2, Ok("xb")),
            (3..3, Ok("ébx")),
            (0..1, Err(EditError::Misread)),
            (1..2, Err(EditError::Misread)),
            (3..4, Err(EditError::Misread)),
        ] {
            assert_eq!(splice("éb", place.clone(), "x"), edited.map(str::to_owned), "{place:?}");
        }
    }
}
