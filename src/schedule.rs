//! The schedule of downtime: periods, their occurrences, and the outages that these form.
//!
//! Everything here is pure: the time is an argument.

pub mod human_time;
pub mod occurrence;
pub mod outage;
pub mod period;
pub mod period_name;
pub mod series;
pub mod state;
pub mod zone;
