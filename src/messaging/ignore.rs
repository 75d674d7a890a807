//! Whose messages the configuration has dropped. Reference 01 §17.

use super::source::Source;
use crate::engine::Turn;
use crate::wire::Jid;

/// Whether a message is on the list: by its conversation, or by its sender unless that is a device of ours.
pub(super) fn is_ignored(cx: &Turn<'_>, source: &Source) -> bool {
    let list = &cx.config.ignore;
    let among_own = source.from_me && cx.is_me(&source.chat);
    if list.is_empty() || source.peer || among_own {
        return false;
    }
    let sender = (!source.from_me).then_some(&source.sender);
    let names = [Some(&source.chat), source.chat_alt.as_ref(), sender, source.sender_alt.as_ref()];
    let listed = |name: &Jid<'_>| list.iter().any(|entry| entry.same_user(name));
    let of_server =
        |entry: &Jid<'_>| entry.user().is_empty() && entry.server().family() == source.chat.server().family();
    names.into_iter().flatten().any(listed) || list.iter().any(of_server)
}
