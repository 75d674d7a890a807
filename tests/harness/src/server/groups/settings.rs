//! Subject, description, switches, the timer: what is changed about a group itself. Reference 11 §6-7.

use sanswire::wire::Node;

use super::super::directory::{AccountId, Form};
use super::super::{DeviceRef, Server, Stanza};
use super::model::Written;
use super::{BAD_REQUEST, Done, FORBIDDEN, NOT_ACCEPTABLE, NOT_FOUND, Refusal, UNKNOWN};

/// One change of a group.
#[derive(Clone, Debug)]
pub(super) enum Setting {
    Subject(String),
    /// The new description's id and text; `None` deletes it.
    Description(String, Option<String>),
    /// A switch, by the tag that turns it on.
    Flag(&'static str, bool),
    /// Seconds; 0 is off.
    Ephemeral(u64),
    /// A mode by its tag.
    Mode(&'static str, String),
    /// Approval of those who come by link.
    Approval(bool),
}

impl Setting {
    /// Reads a child of an iq or of `<create>`.
    pub(super) fn parse(node: &Node<'_>) -> Option<Self> {
        let tag = node.tag.as_ref();
        if let Some((on, off)) = FLAGS.iter().find(|(on, off)| *on == tag || *off == tag) {
            return Some(Self::Flag(on, *off != tag));
        }
        if let Some(mode) = MODES.iter().find(|(mode, _, _)| *mode == tag) {
            let value = node.content_text()?.into_owned();
            return (value == mode.1 || value == mode.2).then_some(Self::Mode(mode.0, value));
        }
        match tag {
            "subject" => Some(Self::Subject(node.content_text()?.into_owned())),
            "description" => {
                let id = node.get("id").unwrap_or_default().into_owned();
                let text = node.find("body").and_then(Node::content_text).map(|text| text.into_owned());
                let deleted = node.get("delete").as_deref() == Some("true");
                Some(Self::Description(id, text.filter(|text| !deleted && !text.is_empty())))
            }
            "ephemeral" => Some(Self::Ephemeral(node.get_u64("expiration")?)),
            "not_ephemeral" => Some(Self::Ephemeral(0)),
            "membership_approval_mode" => {
                let state = node.find("group_join")?.get("state")?;
                matches!(state.as_ref(), "on" | "off").then_some(Self::Approval(state == "on"))
            }
            _ => None,
        }
    }

    /// Whether every member may change it as long as the group is not locked.
    fn is_common(&self) -> bool {
        matches!(self, Self::Subject(_) | Self::Description(..) | Self::Ephemeral(_))
    }

    /// The notification's body. Reference 11 §13.
    fn told(&self, server: &Server, group: &str) -> Stanza {
        match self {
            Self::Subject(text) => {
                let record = server.groups.get(group);
                let by = record.and_then(|record| server.directory.account(record.subject.by));
                let form = record.map_or(Form::Lid, |record| record.addressing().form());
                Node::new("subject")
                    .attr("subject", text.clone())
                    .attr_opt("s_o", by.map(|account| account.bare(form)))
                    .attr("s_t", server.now.seconds())
            }
            Self::Description(id, text) => {
                let node = Node::new("description").attr("id", id.clone());
                match text {
                    Some(text) => node.child(Node::new("body").bytes(text.clone().into_bytes())),
                    None => node.child(Node::new("delete")),
                }
            }
            Self::Flag(on, state) => {
                let pair = FLAGS.iter().find(|(tag, _)| tag == on);
                let node = Node::new(pair.map_or(*on, |(on, off)| if *state { on } else { off }));
                let version = server.groups.get(group).map(|record| record.announced.to_string());
                node.attr_opt("v_id", version.filter(|_| *on == "announcement"))
            }
            Self::Ephemeral(0) => Node::new("not_ephemeral"),
            Self::Ephemeral(seconds) => Node::new("ephemeral").attr("expiration", *seconds),
            Self::Mode(tag, value) => Node::new(*tag).text(value.clone()),
            Self::Approval(on) => {
                let join = Node::new("group_join").attr("state", if *on { "on" } else { "off" });
                Node::new("membership_approval_mode").child(join)
            }
        }
    }
}

impl Server {
    /// A setting's iq: who may change it, what it may be, then everybody hears of it.
    pub(super) fn take_setting(
        &mut self,
        at: DeviceRef,
        group: &str,
        node: &Node<'_>,
    ) -> Result<Done, Refusal> {
        let known = matches!(
            node.tag.as_ref(),
            "subject" | "description" | "ephemeral" | "not_ephemeral" | "membership_approval_mode"
        );
        let known = known || MODES.iter().any(|(tag, ..)| *tag == node.tag);
        if !known && !FLAGS.iter().any(|(on, off)| *on == node.tag || *off == node.tag) {
            return Err(UNKNOWN);
        }
        let setting = Setting::parse(node).ok_or(BAD_REQUEST)?;
        let record = self.groups.get(group).ok_or(NOT_FOUND)?;
        let common = setting.is_common() && !record.flags.contains("locked");
        if !record.has(at.account) || !(common || record.is_admin(at.account)) {
            return Err(FORBIDDEN);
        }
        match &setting {
            Setting::Subject(text) if text.is_empty() || text.chars().count() > SUBJECT_MAX => {
                return Err(NOT_ACCEPTABLE);
            }
            Setting::Description(_, text) => {
                if text.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_MAX) {
                    return Err(NOT_ACCEPTABLE);
                }
                let known = record.description.as_ref().map(|(id, _)| id.as_str());
                if node.get("prev").as_deref() != known {
                    return Err((409, "conflict"));
                }
            }
            Setting::Ephemeral(seconds) if !TIMERS.contains(seconds) => return Err((400, "bad-request")),
            _ => {}
        }
        let notices = self.change_setting(group, at.account, setting);
        Ok(Done { answer: None, notices })
    }

    /// Applies a setting and writes its notice.
    pub(super) fn change_setting(
        &mut self,
        group: &str,
        by: AccountId,
        setting: Setting,
    ) -> Vec<super::notify::Notice> {
        self.apply_setting(group, by, setting.clone());
        let body = setting.told(self, group);
        vec![self.notice(group, body)]
    }

    pub(super) fn apply_setting(&mut self, group: &str, by: AccountId, setting: Setting) {
        let at = self.now.seconds();
        let Some(record) = self.groups.get_mut(group) else { return };
        match setting {
            Setting::Subject(text) => record.subject = Written { text, at, by },
            Setting::Description(id, text) => {
                record.description = text.map(|text| (id, Written { text, at, by }));
            }
            Setting::Flag(flag, on) => {
                if flag == "announcement" {
                    record.announced += 1;
                }
                if on {
                    record.flags.insert(flag)
                } else {
                    record.flags.remove(flag)
                };
            }
            Setting::Ephemeral(seconds) => record.ephemeral = seconds,
            Setting::Mode(tag, value) => {
                record.modes.insert(tag, value);
            }
            Setting::Approval(on) => record.approval = on,
        }
    }
}

/// Switches: the tag that turns each on, and the one that turns it off.
const FLAGS: &[(&str, &str)] = &[
    ("announcement", "not_announcement"),
    ("locked", "unlocked"),
    ("no_frequently_forwarded", "frequently_forwarded_ok"),
    ("allow_admin_reports", "not_allow_admin_reports"),
    ("group_history", "no_group_history"),
];
/// Modes and their two values.
const MODES: &[(&str, &str, &str)] = &[
    ("member_add_mode", "all_member_add", "admin_add"),
    ("member_link_mode", "all_member_link", "admin_link"),
    ("member_share_group_history_mode", "all_member_share", "admin_share"),
];
/// Timers that official clients offer; 0 is off.
const TIMERS: &[u64] = &[0, 86_400, 604_800, 7_776_000];
/// Longest subject, in characters.
pub(super) const SUBJECT_MAX: usize = 100;
/// Longest description, in characters.
pub(super) const DESCRIPTION_MAX: usize = 2048;
