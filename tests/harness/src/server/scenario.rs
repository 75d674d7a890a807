//! What an account's push name says about it: `restricted:REST` and `scenario:FLAG,FLAG=0:REST`. Reference 14 §6.2.

use super::tokens::Restriction;
use super::{AccountId, Server};

/// What was said about an account, and what was left to the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scenario {
    restricted: bool,
    tctoken: bool,
    cstoken: bool,
    /// Props 24941, 25189 and 25253.
    props: [bool; 3],
    salt_in_history: bool,
}

impl Scenario {
    /// Reads a push name; `None` when it is an ordinary one.
    fn parse(name: &str) -> Option<Self> {
        let flags = match name.strip_prefix("scenario:") {
            Some(rest) => rest.split_once(':')?.0,
            None => name.starts_with("restricted:").then_some("restricted")?,
        };
        let mut scenario = Self {
            restricted: false,
            tctoken: true,
            cstoken: true,
            props: [false; 3],
            salt_in_history: false,
        };
        for flag in flags.split(',') {
            let (flag, value) = flag.split_once('=').unwrap_or((flag, "1"));
            let on = value != "0";
            match flag {
                "restricted" => scenario.restricted = on,
                "tc_enabled" => scenario.tctoken = on,
                "cs_enabled" => scenario.cstoken = on,
                "nct_send_ab" => scenario.props[0] = on,
                "nct_history_ab" => scenario.props[1] = on,
                "nct_syncd_ab" => scenario.props[2] = on,
                "nct_history_delivery" => scenario.salt_in_history = on,
                _ => {}
            }
        }
        Some(scenario)
    }

    /// The props that it decides.
    pub(crate) fn props(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let codes = ["24941", "25189", "25253"];
        codes.into_iter().zip(self.props).map(|(code, on)| (code, if on { "1" } else { "0" }))
    }
}

impl Server {
    /// Sets an account up as its push name says.
    pub(crate) fn set_scene(&mut self, account: AccountId, name: &str) {
        let Some(scenario) = Scenario::parse(name) else { return };
        if scenario.restricted {
            let restriction = Restriction { tctoken: scenario.tctoken, cstoken: scenario.cstoken };
            self.restrict(account, Some(restriction));
        }
        if scenario.salt_in_history {
            self.hand_out_salt(account);
        }
        self.scenarios.insert(account, scenario);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_name_can_say_what_is_special_about_an_account() {
        assert_eq!(Scenario::parse("Alice"), None);
        assert_eq!(Scenario::parse("scenario:restricted"), None, "the part that makes it unique is missing");
        let known = Scenario::parse("restricted:1").map(|scenario| (scenario.restricted, scenario.tctoken));
        assert_eq!(known, Some((true, true)));
        assert_eq!(Scenario::parse("restricted:1"), Scenario::parse("scenario:restricted:1"));
        let chosen = Scenario::parse("scenario:restricted,cs_enabled=0,nct_send_ab,weather:x");
        let chosen = chosen.map(|scenario| (scenario.cstoken, scenario.props, scenario.salt_in_history));
        assert_eq!(chosen, Some((false, [true, false, false], false)));
    }
}
