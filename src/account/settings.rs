//! What is asked for after each login, and when the server says that it changed. Reference 12 §7, §8.

use alloc::sync::Arc;

use super::{blocklist, privacy};
use crate::engine::{Continuation, Outcome, Stop, Turn};
use crate::wire::{Jid, Node};

/// Asks for the privacy settings and the list of blocked users, if the configuration wants it.
pub(crate) fn ask(cx: &mut Turn<'_>) {
    if cx.config.login_queries {
        ask_privacy(cx);
        ask_blocklist(cx);
    }
}

/// Asks for the privacy settings.
fn ask_privacy(cx: &mut Turn<'_>) {
    let limit = cx.config.timing.query();
    cx.ask(query("privacy").child(Node::new("privacy")), limit, Arc::new(Privacy));
}

/// Asks for the list of blocked users.
pub(super) fn ask_blocklist(cx: &mut Turn<'_>) {
    let limit = cx.config.timing.query();
    cx.ask(query("blocklist"), limit, Arc::new(Blocked));
}

fn query(xmlns: &'static str) -> Node<'static> {
    Node::new("iq").attr("to", Jid::SERVER).attr("type", "get").attr("xmlns", xmlns)
}

/// What was not answered is asked again after the next login.
#[derive(Debug)]
struct Privacy;

impl Continuation for Privacy {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        match outcome.result().and_then(|iq| iq.find("privacy")) {
            Some(settings) => privacy::merge(cx, settings),
            None => Ok(()),
        }
    }
}

#[derive(Debug)]
struct Blocked;

impl Continuation for Blocked {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        match outcome.result() {
            Some(iq) => blocklist::replace(cx, iq.find("list").unwrap_or(iq)),
            None => Ok(()),
        }
    }
}
