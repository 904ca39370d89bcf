//! The requests of the load.

/// How a request is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 over TCP.
    Plain,
    /// HTTP/1.1 over TLS 1.3.
    Tls,
    /// HTTP/2 over TLS 1.3.
    Http2,
}

/// A request that the load sends again and again.
pub struct BenchRequest {
    pub method: &'static str,
    /// The lines of the fields beside `Host` and `Content-Length`, each with its line ending.
    pub fields: &'static str,
    /// The length of the body, in bytes.
    pub body_length: usize,
    /// True if each request has a connection of its own.
    pub closes: bool,
    /// How many are under way at the same time, each on a connection of its own. Over HTTP/2, always 64 on 4 connections.
    pub connections: usize,
    pub protocol: Protocol,
}

impl BenchRequest {
    /// A GET with no field but `Host`.
    pub const GET: Self = Self {
        method: "GET",
        fields: "",
        body_length: 0,
        closes: false,
        connections: 64,
        protocol: Protocol::Plain,
    };

    /// A GET that asks the server to close the connection.
    pub const LAST_GET: Self = Self { fields: "Connection: close\r\n", closes: true, ..Self::GET };

    /// A GET as Chrome 141 sends it for the address of a site behind TLS, but without the content codings of the down page, so that all
    /// servers send the same text.
    pub const BROWSER_GET: Self = Self {
        fields: "Connection: keep-alive\r\n\
            sec-ch-ua: \"Google Chrome\";v=\"141\", \"Not?A_Brand\";v=\"8\", \"Chromium\";v=\"141\"\r\n\
            sec-ch-ua-mobile: ?0\r\n\
            sec-ch-ua-platform: \"Windows\"\r\n\
            Upgrade-Insecure-Requests: 1\r\n\
            User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
            Chrome/141.0.0.0 Safari/537.36\r\n\
            Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,\
            */*;q=0.8,application/signed-exchange;v=b3;q=0.7\r\n\
            Sec-Fetch-Site: none\r\n\
            Sec-Fetch-Mode: navigate\r\n\
            Sec-Fetch-User: ?1\r\n\
            Sec-Fetch-Dest: document\r\n\
            Accept-Encoding: zstd, deflate, compress\r\n\
            Accept-Language: en-US,en;q=0.9\r\n",
        ..Self::GET
    };

    /// A POST with a body of this length.
    pub const fn post(body_length: usize) -> Self {
        Self {
            method: "POST",
            fields: "Content-Type: application/x-www-form-urlencoded\r\n",
            body_length,
            ..Self::GET
        }
    }

    /// The same request, but only 4 at a time: so some end in a short run, although a body is very long.
    pub const fn few(self) -> Self {
        Self { connections: 4, ..self }
    }

    /// The same request, sent in another way.
    pub const fn over(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }

    /// The bytes of the request, for the server at `authority`.
    pub fn encode(&self, authority: &str) -> Vec<u8> {
        let Self { method, fields, body_length, .. } = self;
        let framing = match body_length {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let head = format!("{method} / HTTP/1.1\r\nHost: {authority}\r\n{fields}{framing}\r\n");
        let mut bytes = head.into_bytes();
        bytes.resize(bytes.len() + body_length, b'x');
        bytes
    }
}
