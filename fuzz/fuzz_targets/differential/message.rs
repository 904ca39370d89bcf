//! What a parser makes of a stream of bytes, in a form in which parsers can be compared.

/// A field, its name in lower case.
pub type FieldLine = (String, Vec<u8>);

/// What a parser makes of a stream: messages, of which only the last can be incomplete, and then an end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    pub messages: Vec<Message>,
    pub end: End,
    /// Where the bytes after the whole messages begin. Only the gateway's reader says it.
    pub last_offset: usize,
}

/// What a parser does after the messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// It waits for more, of an incomplete message or of the next one.
    Waits,
    /// It takes nothing more: the messages say that the connection closes. The number of bytes that are left, if known.
    Closes(Option<usize>),
    /// The connection has ended within a message.
    Broken,
    /// It refuses what comes next, for this reason.
    Refuses(String),
}

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Where it begins, or the empty lines before it. Only the gateway's reader says it.
    pub offset: usize,
    pub start: StartLine,
    /// The fields except those that frame the body, sorted by name.
    pub fields: Vec<FieldLine>,
    pub framing: Framing,
    pub body: Vec<u8>,
    pub trailers: Vec<FieldLine>,
    pub is_whole: bool,
}

impl Message {
    /// A message that ends with its head.
    pub fn new(start: StartLine) -> Self {
        let (fields, body, trailers) = (Vec::new(), Vec::new(), Vec::new());
        Self { offset: 0, start, fields, framing: Framing::Length(0), body, trailers, is_whole: true }
    }

    /// Returns true if both are the same message, or the same part of one.
    pub fn agrees(&self, other: &Self) -> bool {
        self.start == other.start
            && self.fields == other.fields
            && self.framing.agrees(other.framing)
            && self.body == other.body
            && self.trailers == other.trailers
    }

    /// The minor version of HTTP/1.
    pub fn version(&self) -> u8 {
        match self.start {
            StartLine::Request { version, .. } | StartLine::Response { version, .. } => version,
        }
    }

    /// Returns true for an interim response.
    pub fn is_interim(&self) -> bool {
        matches!(self.start, StartLine::Response { status: 100..=199, .. })
    }
}

/// The first line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StartLine {
    Request { method: String, target: RequestTarget, version: u8 },
    Response { status: u16, version: u8 },
}

/// A target: the authority of absolute form, then the path and the query as they came. For CONNECT there is no path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestTarget {
    pub authority: Option<String>,
    pub rest: Vec<u8>,
}

/// The framing of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
    /// The parser does not say which of the two.
    Unsized,
}

impl Framing {
    fn agrees(self, other: Self) -> bool {
        match (self, other) {
            (Self::Unsized, other) | (other, Self::Unsized) => !matches!(other, Self::Length(_)),
            (one, other) => one == other,
        }
    }
}

/// Sorts fields by name, and leaves out those that the framing is made of, which parsers normalize.
pub fn comparable(mut fields: Vec<FieldLine>) -> Vec<FieldLine> {
    fields.retain(|(name, _)| name != "content-length" && name != "transfer-encoding");
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    fields
}

/// What the parsers read.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Kind {
    /// Requests, as a server.
    #[default]
    Requests,
    /// The response to a GET.
    ResponseToGet,
    /// The response to a HEAD.
    ResponseToHead,
}

/// A stream of bytes, which comes in pieces.
#[derive(Clone, Debug)]
pub struct Stream<'i> {
    pub kind: Kind,
    pub bytes: &'i [u8],
    pub pieces: Vec<&'i [u8]>,
    /// True if the connection ends after the bytes. Only for responses.
    pub ends: bool,
}

impl<'i> Stream<'i> {
    /// Reads the input of the target: a byte for the kind and the end, a byte that says how the rest is cut, the rest.
    pub fn from_input(input: &'i [u8]) -> Option<Self> {
        let [kind, cuts, bytes @ ..] = input else { return None };
        let (kind, ends) = match kind % 5 {
            0 | 4 => (Kind::Requests, false),
            1 => (Kind::ResponseToGet, true),
            2 => (Kind::ResponseToGet, false),
            _ => (Kind::ResponseToHead, true),
        };
        Some(Self { kind, bytes, pieces: cut(bytes, *cuts), ends })
    }

    /// The same stream in other pieces.
    pub fn cut_at(&self, at: usize) -> Self {
        let (before, after) = self.bytes.split_at(at);
        Self { pieces: vec![before, after], ..self.clone() }
    }

    /// The same stream, byte by byte.
    pub fn byte_by_byte(&self) -> Self {
        Self { pieces: self.bytes.chunks(1).collect(), ..self.clone() }
    }
}

/// Cuts bytes in two, at a place that `cuts` gives, or byte by byte, or not.
fn cut(bytes: &[u8], cuts: u8) -> Vec<&[u8]> {
    match cuts {
        0..=31 | b'0' => vec![bytes],
        255 | b'1' => bytes.chunks(1).collect(),
        at => {
            let (before, after) = bytes.split_at(usize::from(at) * 7 % (bytes.len() + 1));
            vec![before, after]
        }
    }
}
