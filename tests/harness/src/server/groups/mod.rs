//! Groups: who is in them, what they are called, and what their members say. Reference 11, 14 §14.
//!
//! | File | Answers |
//! |---|---|
//! | `model` | a group and the `<group>` node that describes it |
//! | `query` | metadata, lists, invite links, join requests: what is asked |
//! | `create`, `members`, `settings`, `invite` | what is changed |
//! | `notify` | who hears of a change |
//! | `route`, `receipts` | messages and receipts between members |
//! | `admin` | the same changes for tests and people at the keyboard |

mod admin;
mod create;
mod invite;
mod members;
mod model;
mod notify;
mod query;
mod receipts;
mod route;
mod settings;

pub use admin::{GroupChange, GroupRequest};
pub use model::Addressing;

pub(crate) use model::Groups;
pub(crate) use route::SharedEncs;

use sanswire::wire::{Jid, Node, Server as WireServer};

use super::accept::ConnId;
use super::{DeviceRef, Server, Stanza};
use notify::Notice;

/// Why an iq is refused: code and text.
type Refusal = (u64, &'static str);

/// What an accepted change answers, and who hears what of it.
struct Done {
    answer: Option<Stanza>,
    notices: Vec<Notice>,
}

impl Done {
    fn quiet(answer: Stanza) -> Self {
        Self { answer: Some(answer), notices: Vec::new() }
    }
}

const FORBIDDEN: Refusal = (403, "forbidden");
const NOT_FOUND: Refusal = (404, "item-not-found");
const BAD_REQUEST: Refusal = (400, "bad-request");
const NOT_ACCEPTABLE: Refusal = (406, "not-acceptable");
const UNKNOWN: Refusal = (501, "feature-not-implemented");

impl Server {
    /// `xmlns=w:g2`: to the collection or to one group. Reference 11 §2.
    pub(crate) fn take_group_iq(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let Some(to) = iq.get_jid("to").filter(|to| *to.server() == WireServer::Group).map(Jid::into_owned)
        else {
            self.violation(Some(at), iq, "a group iq goes to g.us or to a group", "11 §1");
            return self.refuse(conn, iq, 400, "bad-request");
        };
        let Some(child) = iq.first() else {
            self.violation(Some(at), iq, "a group iq needs one child", "11 §1");
            return self.refuse(conn, iq, 400, "bad-request");
        };
        let set = iq.get("type").as_deref() == Some("set");
        let group = to.user();
        let done = match (group.is_empty(), set) {
            (true, false) => self.ask_groups(at, child).map(Done::quiet),
            (true, true) => self.change_groups(at, child),
            (false, false) => self.ask_group(at, group, child).map(Done::quiet),
            (false, true) => self.set_group(at, group, child),
        };
        match done {
            Ok(done) => {
                self.result(conn, iq, done.answer);
                self.publish(at.account, done.notices);
            }
            Err((code, text)) => {
                if code == BAD_REQUEST.0 {
                    self.violation(Some(at), iq, "a malformed group request", "11 §2");
                }
                self.refuse(conn, iq, code, text);
            }
        }
    }

    fn change_groups(&mut self, at: DeviceRef, child: &Node<'_>) -> Result<Done, Refusal> {
        match child.tag.as_ref() {
            "create" => self.take_create(at, child),
            "leave" => self.take_leave(at, child),
            "invite" => self.join_by_code(at, child),
            _ => Err(UNKNOWN),
        }
    }

    fn set_group(&mut self, at: DeviceRef, group: &str, child: &Node<'_>) -> Result<Done, Refusal> {
        if self.groups.get(group).is_none() {
            return Err(NOT_FOUND);
        }
        match child.tag.as_ref() {
            "add" | "remove" | "promote" | "demote" => self.take_members(at, group, child),
            "invite" => self.reset_code(at, group),
            "accept" => self.accept_invitation(at, group, child),
            "revoke" => self.revoke_invitations(at, group, child),
            "membership_requests_action" => self.decide_requests(at, group, child),
            "cancel_membership_requests" => self.cancel_requests(at, group, child),
            "ack" => Ok(Done { answer: None, notices: Vec::new() }),
            _ => self.take_setting(at, group, child),
        }
    }
}
