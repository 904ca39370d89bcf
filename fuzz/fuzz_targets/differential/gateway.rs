//! The gateway's parser.

use downtime::http1::chunked::Chunks;
use downtime::http1::fields::FieldLine as Header;
use downtime::http1::framing::{Framing as Body, TransferCoding};
use downtime::http1::head::complete_within;
use downtime::http1::request::{RequestHead, Version};
use downtime::http1::response::ResponseHead;
use http::{Method, StatusCode};

use crate::message::{
    End, FieldLine, Framing, Kind, Message, RequestTarget, StartLine, Stream, Verdict, comparable,
};

/// Reads a stream as the gateway does.
pub fn read(stream: &Stream<'_>) -> Verdict {
    let mut reader = Reader { kind: stream.kind, ..Reader::default() };
    let end = stream.pieces.iter().find_map(|piece| reader.receive(piece));
    let end = end.unwrap_or_else(|| if stream.ends { reader.end() } else { End::Waits });
    let end = match end {
        End::Closes(_) => End::Closes(Some(stream.bytes.len() - reader.taken)),
        end => end,
    };
    Verdict { messages: reader.messages, end, last_offset: reader.offset }
}

#[derive(Default)]
struct Reader {
    kind: Kind,
    /// What was received and not taken.
    received: Vec<u8>,
    /// How many bytes were taken.
    taken: usize,
    /// Where the bytes after the whole messages begin.
    offset: usize,
    /// How many of the received bytes were searched for the end of a head.
    searched: usize,
    messages: Vec<Message>,
    /// The rest of the last message's body, unless it is whole.
    body: Option<Body>,
    closes: bool,
}

impl Reader {
    /// Reads what it can. Returns an end if it takes nothing more.
    fn receive(&mut self, piece: &[u8]) -> Option<End> {
        self.received.extend_from_slice(piece);
        loop {
            let step = match (&self.body, self.closes, self.kind) {
                (Some(_), ..) => self.read_body(),
                (None, true, _) => return Some(End::Closes(None)),
                (None, false, Kind::Requests) => self.read_request(),
                (None, false, _) => self.read_response(),
            };
            match step {
                Ok(true) => {}
                Ok(false) => return None,
                Err(reason) => return Some(End::Refuses(reason.to_owned())),
            }
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        self.taken += length;
        self.received.drain(..length).collect()
    }

    /// Reads the head of a request. Returns false if it is incomplete.
    fn read_request(&mut self) -> Result<bool, &'static str> {
        loop {
            match *self.received {
                [b'\r', b'\n', ..] => self.take(2),
                [b'\n', ..] => self.take(1),
                _ => break,
            };
        }
        let Some(length) = complete_within(&self.received, self.searched, 64 << 10) else {
            self.searched = self.received.len();
            return Ok(false);
        };
        self.searched = 0;
        let bytes = self.received[..length].to_vec();
        let head = RequestHead::parse(&bytes).map_err(|refusal| refusal.reason)?;
        self.take(head.bytes.len());
        self.closes = head.closes();
        let version = if head.version == Version::Http11 { 1 } else { 0 };
        let start = StartLine::Request { method: head.method.to_string(), target: target(&head), version };
        self.begin(start, owned(&head.fields), head.framing.clone());
        Ok(true)
    }

    fn read_response(&mut self) -> Result<bool, &'static str> {
        let to_head = self.kind == Kind::ResponseToHead;
        let parsed = ResponseHead::parse(&self.received, to_head).map_err(|invalid| invalid.0)?;
        let Some((length, head)) = parsed else { return Ok(false) };
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err("it switched to a protocol that was not requested");
        }
        self.closes = !head.status.is_informational();
        let start = StartLine::Response { status: head.status.as_u16(), version: head.is_http11.into() };
        let (fields, framing) = (owned(&head.fields), head.framing.clone());
        self.take(length);
        self.begin(start, fields, framing);
        Ok(true)
    }

    fn begin(&mut self, start: StartLine, fields: Vec<FieldLine>, body: Body) {
        let framing = match &body {
            Body::Length(length) => Framing::Length(*length),
            Body::Chunked(_) => Framing::Chunked,
            Body::UntilClose => Framing::UntilClose,
        };
        let (fields, is_whole) = (comparable(fields), body.is_done());
        let offset = self.offset;
        self.messages.push(Message { offset, fields, framing, is_whole, ..Message::new(start) });
        self.body = (!is_whole).then_some(body);
        if is_whole {
            self.offset = self.taken;
        }
    }

    /// Reads what was received of the body. Returns false if it is incomplete.
    fn read_body(&mut self) -> Result<bool, &'static str> {
        let (Some(body), Some(message)) = (&mut self.body, self.messages.last_mut()) else { return Ok(true) };
        let taken = match body {
            Body::Chunked(chunks) => read_chunks(chunks, &self.received, message)?,
            Body::Length(_) | Body::UntilClose => {
                let taken = body.unchanged(self.received.len(), TransferCoding::Identity);
                message.body.extend_from_slice(&self.received[..taken]);
                body.skip(taken);
                taken
            }
        };
        message.is_whole = body.is_done();
        let is_whole = message.is_whole;
        self.take(taken);
        if is_whole {
            self.body = None;
            self.offset = self.taken;
        }
        Ok(is_whole)
    }

    /// Handles the end of the connection.
    fn end(&mut self) -> End {
        match (&mut self.body, self.messages.last_mut()) {
            (Some(Body::UntilClose), Some(message)) => {
                message.is_whole = true;
                End::Closes(None)
            }
            _ => End::Broken,
        }
    }
}

fn read_chunks(chunks: &mut Chunks, received: &[u8], message: &mut Message) -> Result<usize, &'static str> {
    let decoded = chunks.decode(received, |data| message.body.extend_from_slice(data));
    let taken = decoded.map_err(|_| "its chunks are malformed")?;
    if chunks.is_done() {
        let mut trailers = Vec::new();
        let add = |name: &str, value: &[u8]| trailers.push((name.to_ascii_lowercase(), value.to_vec()));
        chunks.take_trailers(add).map_err(|_| "its trailers are malformed")?;
        message.trailers = comparable(trailers);
    }
    Ok(taken)
}

fn owned(fields: &[Header<'_>]) -> Vec<FieldLine> {
    fields.iter().map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec())).collect()
}

fn target(head: &RequestHead<'_>) -> RequestTarget {
    let mut rest = Vec::new();
    if head.method != Method::CONNECT {
        head.target.write(&mut rest);
    }
    RequestTarget { authority: head.target.authority.map(str::to_owned), rest }
}
