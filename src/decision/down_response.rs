//! The response to a covered request: the down page or a redirect.

mod explain;
mod redirect;

use std::sync::Arc;

pub use self::redirect::Redirect;
use crate::page::message::Message;
use crate::page::template::Template;

/// The response of one period: its own keys, completed by those of `[response]`.
#[derive(Clone, Debug)]
pub struct DownResponse {
    /// The message for visitors.
    pub message: Option<Message>,
    /// The template of the down page, which is also used if a redirect would loop.
    pub template: Template,
    /// The file name of the template, if the period names one itself.
    pub own_template: Option<Arc<str>>,
    /// The redirect that replaces the page.
    pub redirect: Option<Redirect>,
}
