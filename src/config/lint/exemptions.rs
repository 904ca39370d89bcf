//! Exemptions that do more, less or nothing else than they seem to.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use toml::Spanned;

use super::LintInput;
use super::cover::{Machine, Work};
use super::paths::{GlobList, Globs, warn_of_star};
use crate::config::{Listen, ServerConfig};
use crate::matching::exempt::{Rule, RuleKind};
use crate::matching::glob::PathGlobs;

/// For each rule, as many others are looked at as may cover it.
const MAX_CANDIDATES: usize = 8;
/// So many steps are spent on whether one covers another.
const MAX_WORK: usize = 3_000_000;

pub(super) fn lint(subject: &LintInput<'_>) {
    let rules = rules(subject);
    let (networks, paths): (Vec<_>, Vec<_>) =
        rules.into_iter().partition(|(_, rule)| rule.kind == RuleKind::Network);
    lint_paths(&paths, subject);
    lint_networks(&networks, subject);
    lint_peers(&networks, subject);
}

type RuleText<'a> = (&'a Spanned<String>, &'a Rule);

fn rules<'a>(subject: &LintInput<'a>) -> Vec<RuleText<'a>> {
    let section = &subject.document.exempt;
    let lists = [&section.exact, &section.paths, &section.networks];
    let written = lists.into_iter().flatten().flat_map(Spanned::get_ref);
    written.zip(subject.config.rules.exemptions.rules()).collect()
}

fn lint_paths(rules: &[RuleText<'_>], subject: &LintInput<'_>) {
    let machines: Vec<_> = rules.iter().map(|(_, rule)| machine(rule)).collect();
    let everything = Machine::of_glob("/**");
    let work = Work::new(MAX_WORK);
    let passes_all: Vec<_> = machines.iter().map(|machine| machine.covers(&everything, &work)).collect();
    let globs = Globs::new(GlobList::Exempt, rules.iter().map(|(_, rule)| rule.text.as_str()));
    let covering = Covering::new(rules, &machines, &passes_all, &work);
    for (index, (written, rule)) in rules.iter().enumerate() {
        if passes_all.get(index) == Some(&true) {
            let message = "this exempts every path: no period takes effect";
            subject.warn(written.span(), message, "write what has to stay up, such as `/admin/**`");
        } else if rule.kind == RuleKind::Exact && rule.text.contains('*') {
            warn_of_star(written, subject);
        } else if let Some(other) = covering.covering(index) {
            covered(written, other, subject);
        } else if rule.kind == RuleKind::Path {
            globs.lint(written, subject);
        }
    }
    if let (true, Some((written, _))) = (work.is_used_up(), rules.first()) {
        let message = "not every rule was compared with the others: there are too many, or they are too long";
        subject.note(written.span(), message, "check again once there are fewer");
    }
}

fn machine(rule: &Rule) -> Machine {
    if rule.kind == RuleKind::Exact { Machine::of_path(&rule.text) } else { Machine::of_glob(&rule.text) }
}

fn covered(written: &Spanned<String>, other: &Rule, subject: &LintInput<'_>) {
    let Rule { text, line, .. } = other;
    let message = if text == written.get_ref() {
        format!("`{text}` is exempt already, by line {line}")
    } else {
        format!("`{}` is exempt already: `{text}`, line {line}, covers it", written.get_ref())
    };
    subject.warn(written.span(), message, "remove it");
}

/// Finds the rule that covers another one.
struct Covering<'r> {
    rules: &'r [RuleText<'r>],
    machines: &'r [Machine],
    passes_all: &'r [bool],
    exact: HashMap<&'r str, usize>,
    globs: PathGlobs,
    /// The first rule of each glob, and what it says.
    glob_rules: Vec<usize>,
    first: HashMap<&'r str, usize>,
    work: &'r Work,
}

impl<'r> Covering<'r> {
    fn new(
        rules: &'r [RuleText<'r>],
        machines: &'r [Machine],
        passes_all: &'r [bool],
        work: &'r Work,
    ) -> Self {
        let mut exact = HashMap::new();
        let mut first = HashMap::new();
        let mut glob_rules = Vec::new();
        for (index, (_, rule)) in rules.iter().enumerate() {
            let text = rule.text.as_str();
            if rule.kind == RuleKind::Exact {
                exact.entry(text).or_insert(index);
            } else if *first.entry(text).or_insert(index) == index {
                glob_rules.push(index);
            }
        }
        let texts = glob_rules.iter().filter_map(|&index| Some(rules.get(index)?.1.text.as_str()));
        let globs = PathGlobs::new(texts).unwrap_or_default();
        Self { rules, machines, passes_all, exact, globs, glob_rules, first, work }
    }

    /// The rule that surely covers the one at `index`; of two that cover each other the first stays.
    fn covering(&self, index: usize) -> Option<&'r Rule> {
        let (_, rule) = self.rules.get(index)?;
        if rule.kind == RuleKind::Path
            && let Some(&first) = self.first.get(rule.text.as_str())
            && first < index
        {
            return self.rules.get(first).map(|(_, rule)| *rule);
        }
        let twin = self.exact.get(rule.text.as_str()).copied().filter(|&first| first < index);
        let sample = if rule.kind == RuleKind::Exact { rule.text.clone() } else { sample(&rule.text) };
        let found = self.globs.find_all(&sample);
        let globs = found.into_iter().filter_map(|glob| self.glob_rules.get(glob).copied());
        let exact = twin.filter(|_| rule.kind == RuleKind::Exact);
        let others = exact.into_iter().chain(globs.filter(|&other| other != index).take(MAX_CANDIDATES));
        let other = others.filter(|&other| self.covers(other, index)).min()?;
        self.rules.get(other).map(|(_, rule)| *rule)
    }

    fn covers(&self, other: usize, index: usize) -> bool {
        let (Some(one), Some(two)) = (self.machines.get(other), self.machines.get(index)) else {
            return false;
        };
        self.passes_all.get(other) == Some(&false)
            && one.covers(two, self.work)
            && (other < index || !two.covers(one, self.work))
    }
}

/// A path that a glob matches: whatever covers the glob matches it too.
fn sample(glob: &str) -> String {
    glob.replace("/**", "/x/y").replace(['*', '?'], "x")
}

fn lint_networks(rules: &[RuleText<'_>], subject: &LintInput<'_>) {
    let mut first: HashMap<IpNet, &Rule> = HashMap::new();
    let parsed: Vec<_> = rules
        .iter()
        .filter_map(|&(text, rule)| Some((text, rule, crate::matching::network::parse(&rule.text)?)))
        .collect();
    for &(_, rule, network) in &parsed {
        first.entry(network).or_insert(rule);
    }
    for (written, rule, network) in parsed {
        let wider = std::iter::successors(Some(network), IpNet::supernet).filter(|net| net.prefix_len() > 0);
        let mut covering =
            wider.filter_map(|net| first.get(&net)).filter(|other| !std::ptr::eq(**other, rule));
        if network.prefix_len() == 0 {
            let family = if network.addr().is_ipv4() { "IPv4" } else { "IPv6" };
            let message = format!("this exempts every {family} client: no period takes effect for them");
            subject.warn(written.span(), message, "write your own network, such as `192.0.2.0/24`");
        } else if let Some(other) = covering.next() {
            covered(written, other, subject);
        }
    }
}

/// Where all clients come through a peer on this host whose word is not believed, a network rule knows that peer alone.
fn lint_peers(rules: &[RuleText<'_>], subject: &LintInput<'_>) {
    let server = &subject.config.server;
    if !server.listen.iter().all(|listen| is_local_and_untrusted(listen, server)) {
        return;
    }
    let proxies: Vec<_> = server.listen.iter().map(peer).collect();
    let help = format!(
        "write `trusted_proxies = [{}]` in [server] where a proxy names the clients in X-Forwarded-For; else listen where clients connect themselves",
        joined(proxies)
    );
    let of_peer = |rule: &Rule| {
        let network = crate::matching::network::parse(&rule.text);
        server
            .listen
            .iter()
            .any(|listen| network.is_some_and(|net| net.prefix_len() > 0 && has_peer(net, listen)))
    };
    let mut first = [None, None];
    for (written, rule) in rules {
        if crate::matching::network::parse(&rule.text).is_some_and(|network| network.prefix_len() > 0)
            && let Some(first) = first.get_mut(usize::from(of_peer(rule)))
        {
            first.get_or_insert(*written);
        }
    }
    let messages = [
        "no client can match: the gateway listens on loopback only and trusts no proxy",
        "behind a proxy on this host this exempts every client: the gateway trusts no proxy to name them",
    ];
    for (written, message) in first.into_iter().zip(messages).filter_map(|(first, text)| Some((first?, text)))
    {
        subject.warn(written.span(), message, help.as_str());
    }
}

fn is_local_and_untrusted(listen: &Listen, server: &ServerConfig) -> bool {
    match listen {
        Listen::Tcp(address) => {
            address.ip().is_loopback() && !server.trusted.networks.iter().any(|net| has_peer(*net, listen))
        }
        Listen::AllAddresses(_) => false,
        Listen::Unix(_) => !server.trusted.unix,
    }
}

/// Whether a network holds peers of a listener on a loopback address.
fn has_peer(network: IpNet, listen: &Listen) -> bool {
    let Listen::Tcp(address) = listen else { return false };
    match (network, address.ip()) {
        (IpNet::V4(network), IpAddr::V4(_)) if network.addr().is_loopback() => true,
        (network, address) => network.contains(&address),
    }
}

fn peer(listen: &Listen) -> &'static str {
    match listen {
        Listen::Tcp(address) if address.is_ipv4() => "\"127.0.0.1/32\"",
        Listen::Tcp(_) | Listen::AllAddresses(_) => "\"::1/128\"",
        Listen::Unix(_) => "\"unix:\"",
    }
}

fn joined(mut peers: Vec<&str>) -> String {
    peers.sort_unstable();
    peers.dedup();
    peers.join(", ")
}
