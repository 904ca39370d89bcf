//! Edits of the periods and bypasses in the file. An operation plans the changes of one version of the text; the result is
//! validated before it is written, and then awaited in the running gateway.
//!
//! Edits go to the main file or, if that names one, to the periods file, and never to both. The commands and the admin page
//! share what is here.

mod awaited;
mod bypass;
mod bypass_link;
mod covered;
mod downtime;
mod draft;
mod duration;
mod end;
mod extend;
mod failure;
mod running;
mod source;
mod times;
mod warnings;

pub use awaited::{AppliedEdit, AwaitedEdit, WaitError, from_gateway};
pub use bypass::{
    BypassFault, RequestedBypass, begin_bypass, end_bypass, is_editable_bypass, random_secret, remove_bypass,
};
pub use bypass_link::{BypassInputs, bypass_link, bypass_warnings, parse_site_url};
pub use downtime::{DowntimeFault, RequestedDowntime, write_period};
pub use draft::{EditPlan, Edited, Wait, check, edit};
pub use duration::{parse_duration, parse_duration_with};
pub use end::{Ended, end_periods, end_started, ends_without_a_name};
pub use extend::{ExtendFault, NewEnd, extend};
pub use failure::{EditFailure, EditRefusal};
pub use running::change_running;
pub use source::{EditSource, first_editable};
pub use times::{date_time_literal, floor_to_millisecond, floor_to_second};
