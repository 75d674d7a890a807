//! The table of every incoming stanza: which handler, how it is closed, and the chapter that describes it.

use alloc::string::ToString;
use alloc::sync::Arc;

use super::ack::ack;
use crate::directory::{digest, identity_change, rotation};
use crate::engine::{Stop, Turn, Work};
use crate::event::Event;
use crate::link;
use crate::messaging::{
    acked, inbox, media_retry, outbox, placeholder, receipts, receive, retry_in, retry_out, shown,
};
use crate::timer::Timer;
use crate::wire::NodeRef;
use crate::{account, business, calls, contacts, groups, newsletters};

type Handler = fn(&mut Turn<'_>, NodeRef<'_>) -> Result<(), Stop>;

/// Who closes a stanza at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// This file, with an ack in the same turn, after the batch.
    Ack,
    /// The same, for what is told once and kept: a second copy is only acked, and while the inbox has no room the
    /// stanza is left to the server.
    Kept,
    /// The handler: with a receipt, an iq answer, or an ack of its own.
    Handler,
    /// Nobody: such stanzas are not kept by the server.
    Nothing,
}

/// One row: the tag; the `type` attribute, or the first child's tag for `iq` and `ib`; the rest.
pub(crate) struct Row {
    pub(crate) tag: &'static str,
    pub(crate) kind: &'static str,
    handler: Handler,
    pub(crate) close: Close,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people, and for the test that resolves it"))]
    pub(crate) chapter: &'static str,
}

/// Any kind that has no row of its own.
pub(crate) const ANY: &str = "*";

/// The rows; the first that fits is taken.
#[rustfmt::skip]
pub(crate) static ROWS: &[Row] = &[
    row("message",      ANY,                    receive::handle,            Close::Handler, "07 §2"),
    row("appdata",      ANY,                    receive::handle,            Close::Handler, "07 §2"),
    row("status",       ANY,                    receive::status,            Close::Handler, "07 §2"),
    row("receipt",      "retry",                retry_in::handle,           Close::Ack,     "04 §12"),
    row("receipt",      ANY,                    receipts::handle,           Close::Ack,     "07 §6"),
    row("ack",          ANY,                    acked::acked,               Close::Nothing, "05 §9"),
    row("notification", "devices",              contacts::devices,          Close::Kept,    "08 §2"),
    row("notification", "encrypt",              contacts::encrypt,          Close::Kept,    "08 §2"),
    row("notification", "account_sync",         account::account_sync,      Close::Kept,    "08 §3"),
    row("notification", "server_sync",          account::server_sync,       Close::Kept,    "08 §3"),
    row("notification", "picture",              contacts::picture,          Close::Kept,    "08 §4"),
    row("notification", "status",               contacts::about,            Close::Kept,    "08 §4"),
    row("notification", "contacts",             contacts::server,           Close::Kept,    "08 §4"),
    row("notification", "disappearing_mode",    contacts::timer,            Close::Kept,    "08 §4"),
    row("notification", "business",             business::notified,         Close::Kept,    "08 §4"),
    row("notification", "mediaretry",           media_retry::notified,      Close::Kept,    "08 §4"),
    row("notification", "newsletter",           newsletters::notified,      Close::Kept,    "08 §6"),
    row("notification", "mex",                  mex,                        Close::Kept,    "08 §6"),
    row("notification", "w:gp2",                groups::notification::handle, Close::Handler, "08 §5"),
    row("notification", "privacy_token",        contacts::token_came,       Close::Ack,     "05 §11"),
    row("notification", "companion_reg_refresh", link::pairing_refresh,     Close::Ack,     "02 §2"),
    row("notification", "link_code_companion_reg", link::code_notified,     Close::Ack,     "02 §3"),
    row("notification", "passkey_prologue_request", link::passkey_wanted,   Close::Ack,     "02 §4"),
    row("notification", "crsc_continuation",    link::passkey_continued,    Close::Ack,     "02 §4"),
    row("notification", ANY,                    unhandled,                  Close::Ack,     "08"),
    row("call",         ANY,                    calls::handle,              Close::Kept,    "08 §8"),
    row("presence",     ANY,                    contacts::presence,         Close::Nothing, "08 §7"),
    row("chatstate",    ANY,                    contacts::chat_state,       Close::Nothing, "08 §7"),
    row("iq",           "pair-device",          link::pair_device,          Close::Handler, "02 §2"),
    row("iq",           "pair-success",         link::pair_success,         Close::Handler, "02 §2"),
    row("iq",           ANY,                    link::server_iq,            Close::Handler, "01 §12"),
    row("success",      ANY,                    link::success,              Close::Nothing, "01 §8"),
    row("failure",      ANY,                    link::failure,              Close::Nothing, "01 §8"),
    row("stream:error", ANY,                    link::stream_error,         Close::Nothing, "01 §8"),
    row("xmlstreamend", ANY,                    link::stream_end,           Close::Nothing, "01 §8"),
    row("ib",           "dirty",                dirty,                      Close::Nothing, "08 §10"),
    row("ib",           ANY,                    link::info,                 Close::Nothing, "01 §10"),
    row(ANY,            ANY,                    unhandled,                  Close::Nothing, "08"),
];

const fn row(
    tag: &'static str,
    kind: &'static str,
    handler: Handler,
    close: Close,
    chapter: &'static str,
) -> Row {
    Row { tag, kind, handler, close, chapter }
}

/// Runs one work item.
pub(crate) fn run(cx: &mut Turn<'_>, work: &Work) -> Result<(), Stop> {
    match work {
        Work::Start => {
            let restored = link::start(cx)?;
            inbox::recover(cx)?;
            placeholder::recover(cx)?;
            outbox::recover(cx, restored)
        }
        Work::Connected => link::connected(cx),
        Work::Closed => link::closed(cx),
        Work::Handshake(frame) => link::handshake(cx, frame),
        Work::Stanza(document) => stanza(cx, document.root()),
        Work::Answer(then, outcome) => Arc::clone(then).answer(cx, outcome),
        Work::Broken(reject) => Err(Stop::Reject(reject.clone())),
        Work::Timer(timer) => fired(cx, *timer),
        Work::Call(call, operation) => operation.start(cx, *call),
        Work::Seen(event) => inbox::seen(cx, *event),
        Work::Advance(seq) => outbox::advance(cx, *seq),
        Work::Wake => {
            outbox::wake(cx);
            retry_in::resume(cx)
        }
        Work::FailSends(users, error) => outbox::fail_all(cx, users, error),
        Work::RetireKeys(user, from) => identity_change::retire_more(cx, user, from),
        Work::ForgetGroups(from) => groups::cache::forget_all(cx, from),
        Work::Resume => {
            outbox::resume(cx);
            placeholder::resume(cx);
            digest::check_once(cx);
            account::ask(cx);
            contacts::resubscribe(cx)?;
            rotation::look(cx)
        }
        Work::Reconnect => link::restart(cx),
        Work::RefillPrekeys => link::refill_prekeys(cx),
        Work::CheckPrekeys => digest::check(cx),
        Work::Shutdown => link::shutdown(cx),
    }
}

fn fired(cx: &mut Turn<'_>, timer: Timer) -> Result<(), Stop> {
    match timer {
        Timer::Outbox => outbox::overdue(cx),
        Timer::Prune => inbox::prune(cx),
        Timer::Placeholders => placeholder::ask(cx),
        Timer::Retries => {
            retry_out::resume(cx);
            Ok(())
        }
        Timer::ChatStates => {
            contacts::chat_states_expired(cx);
            Ok(())
        }
        _ => link::fired(cx, timer),
    }
}

fn stanza(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let Some(row) = find(node) else { return Ok(()) };
    if node.has("offline") && row.close != Close::Nothing {
        link::offline_stanza(cx);
    }
    match row.close {
        Close::Kept => return kept(cx, node, row),
        Close::Ack => {
            (row.handler)(cx, node)?;
            ack(cx, node);
        }
        Close::Handler | Close::Nothing => (row.handler)(cx, node)?,
    }
    Ok(())
}

/// Runs a handler once per stanza, and only if there is room for what it tells.
fn kept(cx: &mut Turn<'_>, node: NodeRef<'_>, row: &Row) -> Result<(), Stop> {
    let name = node.get("id").zip(node.get_jid("from").map(|from| from.bare().into_owned()));
    if let Some((id, from)) = name {
        // Ids are unique per connection at least; with the time they are for good.
        let kind = alloc::format!("{} {} {}", row.tag, row.kind, node.get("t").unwrap_or_default());
        if !shown::is_marked(cx, &from, &kind, &id)? {
            if !inbox::has_room(cx) {
                return Ok(());
            }
            (row.handler)(cx, node)?;
            shown::mark_stanza(cx, &from, &kind, &id);
        }
    } else if inbox::has_room(cx) {
        (row.handler)(cx, node)?;
    } else {
        return Ok(());
    }
    ack(cx, node);
    Ok(())
}

/// What is dirty is the account's, but for groups.
fn dirty(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    account::dirty(cx, node)?;
    link::info(cx, node)
}

/// GraphQL, of which a part is about the account and a part about channels.
fn mex(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    newsletters::mex(cx, node, account::pushed)
}

/// The row for a stanza.
pub(crate) fn find(node: NodeRef<'_>) -> Option<&'static Row> {
    let tag = node.tag();
    let kind = match tag.as_ref() {
        "iq" | "ib" => node.first().map(|child| child.tag()),
        _ => node.get("type"),
    };
    let fits = |wanted: &str, have: Option<&str>| wanted == ANY || Some(wanted) == have;
    ROWS.iter().find(|row| fits(row.tag, Some(&tag)) && fits(row.kind, kind.as_deref()))
}

/// What has no handler is not lost: the application sees it.
fn unhandled(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    cx.emit(Event::Unhandled { stanza: node.to_string() });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Node;

    #[test]
    fn every_stanza_has_a_row_and_no_row_hides_another() {
        for (index, row) in ROWS.iter().enumerate() {
            let hidden = ROWS[..index]
                .iter()
                .any(|earlier| earlier.tag == row.tag && (earlier.kind == row.kind || earlier.kind == ANY));
            assert!(!hidden, "<{} {}> comes too late", row.tag, row.kind);
            assert!(row.chapter.as_bytes()[..2].iter().all(u8::is_ascii_digit), "{}", row.chapter);
        }
        let unknown = Node::new("unheard-of");
        assert_eq!(find(unknown.view()).map(|row| row.tag), Some(ANY));
    }

    #[test]
    fn iqs_are_told_apart_by_their_child() {
        let pair = Node::new("iq").attr("type", "set").child(Node::new("pair-device"));
        assert_eq!(find(pair.view()).map(|row| row.kind), Some("pair-device"));
    }
}
