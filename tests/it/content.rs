//! What messages say: building, reading, sealing, counting.

mod limits;
mod operations;
mod round;
mod samples;
mod sealed;
mod translate;
mod vectors;

use sanswire::content::{Building, Content, ContentError, Context, Draft, Parent, build};
use sanswire::wire::{Jid, OwnedJid};
use sanswire_proto::whatsapp::Message;

/// Builds at a fixed time with fixed randomness.
struct Scene {
    now_ms: u64,
    secret: [u8; 32],
    me: OwnedJid,
    chat: OwnedJid,
    /// Secret and author of the message that is sealed under.
    parent: Option<([u8; 32], OwnedJid)>,
}

impl Scene {
    fn new(chat: &str) -> Self {
        Self { now_ms: NOW_MS, secret: [7; 32], me: jid(ME), chat: jid(chat), parent: None }
    }

    fn user() -> Self {
        Self::new("15550001111@s.whatsapp.net")
    }

    fn group() -> Self {
        Self::new("120363000000000001@g.us")
    }

    fn build(&self, draft: &Draft) -> Result<Message, ContentError> {
        let parent = self.parent.as_ref().map(|(secret, author)| Parent { secret, author });
        let with = Building {
            now_ms: self.now_ms,
            secret: self.secret,
            iv: [9; 12],
            me: &self.me,
            chat: &self.chat,
            parent,
        };
        build(draft, &with)
    }

    fn refusal(&self, content: Content) -> ContentError {
        self.build(&Draft::new(content)).expect_err("refused")
    }
}

fn with(content: impl Into<Content>, context: Context) -> Draft {
    Draft { content: content.into(), context }
}

fn jid(text: &str) -> OwnedJid {
    Jid::parse(text).unwrap().into_owned()
}

const ME: &str = "15550009999@s.whatsapp.net";
const NOW_MS: u64 = 1_700_000_000_123;
