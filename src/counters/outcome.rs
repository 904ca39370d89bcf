//! What requests got, and why: the words by which they are counted.

/// What a request got, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It passed: no active period covers it.
    Up,
    /// It passed: it is exempt, or the redirect of a period leads to it.
    Exempt,
    /// It passed with the secret of a bypass.
    Bypass,
    /// The gateway gave the public status.
    Status,
    /// The gateway answered the probe of a load balancer, or passed it.
    Probe,
    /// It was for the page at which testers enter.
    Enter,
    /// It got the down page of a planned period.
    Planned,
    /// It got the down page of a period that was not planned.
    Unscheduled,
    /// It got the down page or an error, because the upstream sent no response.
    Unreachable,
    /// A planned period redirected it.
    RedirectPlanned,
    /// A period that was not planned redirected it.
    RedirectUnscheduled,
    /// It was redirected to https.
    Https,
    /// It was malformed, ambiguous or beyond a limit, or cannot be forwarded.
    Refused,
}

impl Outcome {
    /// All outcomes, in their order.
    pub const ALL: [Self; 13] = [
        Self::Up,
        Self::Exempt,
        Self::Bypass,
        Self::Status,
        Self::Probe,
        Self::Enter,
        Self::Planned,
        Self::Unscheduled,
        Self::Unreachable,
        Self::RedirectPlanned,
        Self::RedirectUnscheduled,
        Self::Https,
        Self::Refused,
    ];

    /// Returns the decision.
    pub const fn decision(self) -> DecisionKind {
        match self {
            Self::Up | Self::Exempt | Self::Bypass | Self::Status | Self::Probe | Self::Enter => {
                DecisionKind::Pass
            }
            Self::Planned | Self::Unscheduled | Self::Unreachable => DecisionKind::Unavailable,
            Self::RedirectPlanned | Self::RedirectUnscheduled | Self::Https => DecisionKind::Redirect,
            Self::Refused => DecisionKind::Refused,
        }
    }

    /// Returns true if it was a visitor's request that the site responded to.
    pub(super) const fn is_visit_of_the_site(self) -> bool {
        matches!(self, Self::Up | Self::Exempt | Self::Bypass)
    }

    /// Returns true if it was a visitor's request that a down page or a redirect responded to.
    pub(super) const fn is_visit_while_down(self) -> bool {
        matches!(
            self,
            Self::Planned
                | Self::Unscheduled
                | Self::Unreachable
                | Self::RedirectPlanned
                | Self::RedirectUnscheduled
        )
    }

    /// Returns the word for the cause.
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Exempt => "exempt",
            Self::Bypass => "bypass",
            Self::Status => "status",
            Self::Probe => "probe",
            Self::Enter => "enter",
            Self::Planned | Self::RedirectPlanned => "planned",
            Self::Unscheduled | Self::RedirectUnscheduled => "unscheduled",
            Self::Unreachable => "unreachable",
            Self::Https => "https_only",
            Self::Refused => "invalid",
        }
    }
}

/// What was decided on a request, without its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionKind {
    /// It passes.
    Pass,
    /// It gets the down page.
    Unavailable,
    /// It is redirected.
    Redirect,
    /// It was not decided on.
    Refused,
}

impl DecisionKind {
    /// All kinds, in their order.
    pub const ALL: [Self; 4] = [Self::Pass, Self::Unavailable, Self::Redirect, Self::Refused];

    /// Returns the word for it in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unavailable => "unavailable",
            Self::Redirect => "redirect",
            Self::Refused => "refused",
        }
    }
}
