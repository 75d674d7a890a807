//! Privacy tokens: proof that a contact trusts this account, without which the server may hold back messages to
//! them. Reference 05 §11, 12 §10.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;
use sanswire_proto::records::{PrivacyToken, TokenSalt};

use super::lid;
use super::token_time::{contact_token, is_due, is_expired};
use crate::engine::{Continuation, Outcome, Stop, Turn};
use crate::limits::{TOKEN_BYTES, TOKENS_IN_FLIGHT};
use crate::records::{Record, TOKEN_SALT_KEY, Table};
use crate::stanza::parse;
use crate::wire::{Jid, Node, NodeRef, OwnedJid};

/// What to attach to a stanza for a contact: their token, or what is derived for one that gave none, or nothing.
pub(crate) fn node_for(cx: &mut Turn<'_>, contact: &Jid<'_>) -> Result<Option<Node<'static>>, Stop> {
    if !is_person(contact) || cx.is_me(contact) {
        return Ok(None);
    }
    let user = name_of(cx, contact)?;
    let record = cx.get::<PrivacyToken>(&key(&user))?;
    let salt = cx.get::<TokenSalt>(TOKEN_SALT_KEY)?.and_then(|record| record.salt);
    let now = cx.now.unix.seconds();
    let held = record.and_then(|record| record.token.filter(|_| !is_expired(record.received_unix_s, now)));
    Ok(match (held, salt.filter(|salt| !salt.is_empty() && user.is_lid())) {
        (Some(token), _) => Some(Node::new("tctoken").bytes(token.to_vec())),
        (None, Some(salt)) => Some(Node::new("cstoken").bytes(contact_token(&salt, &user).to_vec())),
        (None, None) => None,
    })
}

/// Gives a contact a token unless they got one this week: a message to them has left. What comes of it is not
/// waited for.
pub(crate) fn issue_if_due(cx: &mut Turn<'_>, contact: &Jid<'_>) -> Result<(), Stop> {
    if !is_person(contact) || cx.is_me(contact) {
        return Ok(());
    }
    let user = name_of(cx, contact)?;
    let given = cx.get::<PrivacyToken>(&key(&user))?.and_then(|record| record.issued_unix_s);
    let now = cx.now.unix.seconds();
    if is_due(given, now) {
        issue(cx, user, now);
    }
    Ok(())
}

/// Gives a contact a token now: the server refused a message for want of one. Reference 05 §9.
pub(crate) fn issue_now(cx: &mut Turn<'_>, contact: &Jid<'_>) -> Result<(), Stop> {
    if is_person(contact) && !cx.is_me(contact) {
        let user = name_of(cx, contact)?;
        let now = cx.now.unix.seconds();
        issue(cx, user, now);
    }
    Ok(())
}

/// A contact was set up anew: what we gave them goes to their new device, as of when they got it first.
pub(crate) fn issue_again(cx: &mut Turn<'_>, contact: &Jid<'_>) -> Result<(), Stop> {
    let user = name_of(cx, contact)?;
    let given = cx.get::<PrivacyToken>(&key(&user))?.and_then(|record| record.issued_unix_s);
    let now = cx.now.unix.seconds();
    if let Some(given) = given.filter(|given| !is_expired(Some(*given), now)) {
        issue(cx, user, given);
    }
    Ok(())
}

/// `<notification type=privacy_token>`: a contact gave us a token. The JID inside is our own.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let from = parse::jid(node, "notification", "from")?.bare().into_owned();
    let lid = node.get_jid("sender_lid").filter(Jid::is_lid).map(|lid| lid.bare().into_owned());
    if !is_person(&from) || cx.is_me(&from) {
        return Ok(());
    }
    if let Some(lid) = &lid {
        lid::learn(cx, &from, lid)?;
    }
    let user = match lid {
        Some(lid) => lid,
        None => name_of(cx, &from)?,
    };
    store_tokens(cx, node, |_| Some(user.clone()))
}

/// Takes what history says about the tokens of a contact, unless what is known is newer.
pub(crate) fn import(
    cx: &mut Turn<'_>,
    contact: &Jid<'_>,
    token: &[u8],
    received_s: Option<u64>,
    issued_s: Option<u64>,
) -> Result<(), Stop> {
    if !is_person(contact) {
        return Ok(());
    }
    let user = name_of(cx, contact)?;
    if let Some(given) = received_s {
        take(cx, &user, token, given)?;
    }
    let mut record = cx.get::<PrivacyToken>(&key(&user))?.unwrap_or_default();
    if issued_s > record.issued_unix_s {
        record.issued_unix_s = issued_s;
        cx.put(&key(&user), &record);
    }
    Ok(())
}

/// Sets what tokens are derived from for contacts that gave none; an empty salt is ignored, and so is one that comes
/// after another.
pub(crate) fn learn_salt(cx: &mut Turn<'_>, salt: Bytes) -> Result<(), Stop> {
    if !salt.is_empty() && cx.get::<TokenSalt>(TOKEN_SALT_KEY)?.is_none() {
        cx.put(TOKEN_SALT_KEY, &TokenSalt { salt: Some(salt) });
    }
    Ok(())
}

/// Drops records of which both halves are expired, a run at a time; says whether there may be more.
pub(crate) fn prune(cx: &mut Turn<'_>) -> Result<bool, Stop> {
    let now = cx.now.unix.seconds();
    cx.sweep(Table::Token, |_, value| {
        PrivacyToken::from_record(value).is_ok_and(|record| {
            !is_expired(record.received_unix_s, now) || !is_expired(record.issued_unix_s, now)
        })
    })
}

fn issue(cx: &mut Turn<'_>, user: OwnedJid, t: u64) {
    let busy = &cx.memory.issuing_tokens;
    if !cx.memory.phase.is_logged_in() || busy.contains(&user) || busy.len() >= TOKENS_IN_FLIGHT {
        return;
    }
    let token = Node::new("token").attr("jid", user.clone()).attr("t", t).attr("type", TRUSTED_CONTACT);
    let iq = Node::new("iq")
        .attr("to", Jid::SERVER)
        .attr("type", "set")
        .attr("xmlns", "privacy")
        .child(Node::new("tokens").child(token));
    let marked = user.clone();
    cx.remember(move |memory| {
        memory.issuing_tokens.insert(marked);
    });
    cx.ask(iq, cx.config.timing.query(), Arc::new(Issued { user, t }));
}

#[derive(Debug)]
struct Issued {
    user: OwnedJid,
    t: u64,
}

impl Continuation for Issued {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        let user = self.user.clone();
        cx.remember(move |memory| {
            memory.issuing_tokens.remove(&user);
        });
        // Not given: the next message to them tries again.
        let Some(iq) = outcome.result() else { return Ok(()) };
        let mut record = cx.get::<PrivacyToken>(&key(&self.user))?.unwrap_or_default();
        record.issued_unix_s = Some(self.t);
        cx.put(&key(&self.user), &record);
        let ours = self.user.clone();
        store_tokens(cx, iq, |jid| jid.is_some_and(|jid| jid.same_user(&ours)).then(|| ours.clone()))
    }
}

/// Stores each token of a `<tokens>` for the user that `owner` names, unless an older or unusable one.
fn store_tokens(
    cx: &mut Turn<'_>,
    node: NodeRef<'_>,
    owner: impl Fn(Option<&Jid<'_>>) -> Option<OwnedJid>,
) -> Result<(), Stop> {
    for token in node.find("tokens").into_iter().flat_map(|tokens| tokens.find_all("token")) {
        let (Some(given), Some(bytes)) = (token.get_u64("t"), token.content_bytes()) else { continue };
        let trusted = token.get("type").as_deref() == Some(TRUSTED_CONTACT);
        if let Some(user) = owner(token.get_jid("jid").as_ref()).filter(|_| trusted) {
            take(cx, &user, &bytes, given)?;
        }
    }
    Ok(())
}

/// Stores a token unless it is unusable or older than what is known.
fn take(cx: &mut Turn<'_>, user: &OwnedJid, token: &[u8], given: u64) -> Result<(), Stop> {
    if given == 0 || token.is_empty() || token.len() > TOKEN_BYTES {
        return Ok(());
    }
    let mut record = cx.get::<PrivacyToken>(&key(user))?.unwrap_or_default();
    if record.received_unix_s.is_none_or(|known| given >= known) {
        record.token = Some(Bytes::copy_from_slice(token));
        record.received_unix_s = Some(given);
        cx.put(&key(user), &record);
    }
    Ok(())
}

/// Where a contact's tokens are stored.
pub(crate) fn record_key(user: &Jid<'_>) -> (Table, Vec<u8>) {
    (Table::Token, key(user))
}

/// The name under which a contact's tokens are kept: the LID when it is known.
fn name_of(cx: &mut Turn<'_>, contact: &Jid<'_>) -> Result<OwnedJid, Stop> {
    let lid = if contact.is_pn() { lid::lid_of(cx, contact)? } else { None };
    Ok(lid.unwrap_or_else(|| contact.bare().into_owned()))
}

/// Users that tokens are exchanged with: no bots, no service accounts, no groups.
fn is_person(jid: &Jid<'_>) -> bool {
    (jid.is_pn() || jid.is_lid()) && !jid.is_bot() && jid.user() != "0"
}

fn key(user: &Jid<'_>) -> Vec<u8> {
    user.bare().to_string().into_bytes()
}

const TRUSTED_CONTACT: &str = "trusted_contact";
