//! What makes the built-in page a site's own: `[page]`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;

/// The name, logo and colour of the site, and where visitors find more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brand {
    /// The name of the site.
    pub title: Option<Arc<str>>,
    /// Its logo.
    pub logo: Option<Logo>,
    /// The colour of links and of the progress bar.
    pub accent: Option<Accent>,
    /// The URL of a page with more information, or of a mailbox or telephone (`mailto:`, `tel:`).
    pub contact: Option<Arc<str>>,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    /// Its media type.
    pub media_type: &'static str,
    /// The content of the file.
    pub bytes: Bytes,
}

impl Logo {
    /// Returns the image as a `data:` URL (RFC 2397).
    pub fn data_url(&self) -> String {
        format!("data:{};base64,{}", self.media_type, STANDARD.encode(&self.bytes))
    }
}

/// A colour, as it is used on the page's backgrounds: `#rrggbb`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accent {
    /// The colour on the backgrounds of the light scheme.
    pub light: String,
    /// The colour on those of the dark scheme.
    pub dark: String,
}
