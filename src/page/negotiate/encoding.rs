//! Content negotiation by `Accept-Encoding` (RFC 9110, section 12.5.3).

use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};

use super::weighted::weighted;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::page) enum Encoding {
    Identity,
    Gzip,
    Brotli,
}

impl Encoding {
    /// Returns the value of `Content-Encoding`; `None` for the identity.
    pub(in crate::page) fn field_value(self) -> Option<HeaderValue> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some(HeaderValue::from_static("gzip")),
            Self::Brotli => Some(HeaderValue::from_static("br")),
        }
    }
}

/// Returns the coding that the client weighs most; among equals, the one that compresses best. The identity is chosen even if
/// the client refuses it, which is more useful than a 406.
pub(in crate::page) fn choose_encoding(headers: &HeaderMap) -> Encoding {
    let (mut gzip, mut brotli, mut identity, mut others) = (None, None, None, None);
    for (name, weight) in weighted(headers, &ACCEPT_ENCODING) {
        let coding = match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => &mut gzip,
            "br" => &mut brotli,
            "identity" => &mut identity,
            "*" => &mut others,
            _ => continue,
        };
        *coding = Some(weight);
    }
    let [gzip, brotli] = [gzip, brotli].map(|weight| weight.or(others).unwrap_or(0));
    // The identity is acceptable without being named, but never preferred for that.
    let best = gzip.max(brotli).max(identity.unwrap_or(1)).max(1);
    if brotli == best {
        Encoding::Brotli
    } else if gzip == best {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_with_the_greatest_weight_is_chosen() {
        use Encoding::{Brotli, Gzip, Identity};
        for (field, expected) in [
            ("gzip, deflate, br, zstd", Brotli),
            ("gzip, deflate", Gzip),
            ("GZIP", Gzip),
            ("x-gzip", Gzip),
            ("br;q=0.5, gzip", Gzip),
            ("br;q=0, gzip;q=0", Identity),
            ("identity", Identity),
            ("identity;q=0.5, gzip;q=0.4", Identity),
            ("identity;q=0", Identity),
            ("*", Brotli),
            ("*;q=0", Identity),
            ("br;q=0, *", Gzip),
            ("zstd", Identity),
            ("gzip;q=0.001", Gzip),
            ("", Identity),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(field))]);
            assert_eq!(choose_encoding(&headers), expected, "{field}");
        }
        assert_eq!(choose_encoding(&HeaderMap::new()), Identity);
    }
}
