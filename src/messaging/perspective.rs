//! Messages name other messages as their sender sees them; applications get them as this account does.
//! Reference 07 §3.5.

use alloc::vec::Vec;

use super::source::Source;
use crate::content::{Content, Key};
use crate::engine::Turn;
use crate::event::Received;

/// Turns every key in what somebody else sent.
pub(super) fn turn(cx: &Turn<'_>, source: &Source, content: &mut Content) {
    let Some(me) = &cx.memory.me else { return };
    let own: Vec<_> = core::iter::once(&me.pn).chain(&me.lid).collect();
    if let Some(key) = key_of(content) {
        *key = key.turned(&source.chat, &source.sender, &own);
    }
}

/// Whether what an event says may differ from what its message says by itself.
pub(super) const fn changes(received: &Received) -> bool {
    let about_another = matches!(
        received.content,
        Content::Reaction(_)
            | Content::Comment(_)
            | Content::Edit(_)
            | Content::Revoke(_)
            | Content::Pin(_)
            | Content::Keep(_)
            | Content::PollVote(_)
            | Content::PollOption(_)
            | Content::EventResponse(_)
            | Content::QuestionAnswer(_)
            | Content::Sealed(_)
    );
    about_another || received.details.unsealed
}

/// The message that content is about.
fn key_of(content: &mut Content) -> Option<&mut Key> {
    match content {
        Content::Reaction(reaction) => Some(&mut reaction.to),
        Content::Comment(comment) => Some(&mut comment.to),
        Content::Edit(edit) => Some(&mut edit.of),
        Content::Revoke(revoke) => Some(&mut revoke.of),
        Content::Pin(pin) => Some(&mut pin.to),
        Content::Keep(keep) => Some(&mut keep.to),
        Content::PollVote(vote) => Some(&mut vote.poll),
        Content::PollOption(option) => Some(&mut option.poll),
        Content::EventResponse(response) => Some(&mut response.event),
        Content::QuestionAnswer(answer) => Some(&mut answer.to),
        Content::Sealed(sealed) => Some(&mut sealed.to),
        _ => None,
    }
}
