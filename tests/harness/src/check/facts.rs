//! The journal by subject: which messages the server took, and what each device showed of them.

use std::collections::{BTreeMap, BTreeSet};

use sanswire::OpError;
use sanswire::content::Content;
use sanswire::event::{DownReason, Envelope, Event, LinkEvent, Received};
use sanswire::messaging::SendMessage;
use sanswire::ops::{Answer, Operation};
use sanswire::wire::OwnedJid;

use crate::server::{AccountId, DeviceRef};
use crate::world::{Entry, Fact, Who, World};

/// Names a message: the device that wrote it, and its id.
pub(super) type Name = (DeviceRef, String);

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chat {
    /// Between two accounts, the smaller first.
    Two(AccountId, AccountId),
    /// Of a group.
    Group(OwnedJid),
}

impl Chat {
    pub(super) fn two(one: AccountId, other: AccountId) -> Self {
        Self::Two(one.min(other), one.max(other))
    }
}

/// A message that the server took.
pub(super) struct Taken {
    /// Its place among all messages taken.
    pub(super) order: u64,
    pub(super) chat: Chat,
    /// Devices with a ciphertext of their own.
    pub(super) to: BTreeSet<DeviceRef>,
}

/// A message as one application saw it.
pub(super) struct Show<'w> {
    /// Where in the journal.
    pub(super) at: usize,
    pub(super) who: Who,
    pub(super) device: DeviceRef,
    pub(super) message: Name,
    pub(super) envelope: &'w Envelope,
    pub(super) received: &'w Received,
}

/// One call of an application.
pub(super) struct Call<'w> {
    pub(super) operation: &'w Operation,
    pub(super) replies: Vec<&'w Result<Answer, OpError>>,
    /// The id of the message that it sends, once known.
    pub(super) id: Option<&'w str>,
}

impl<'w> Call<'w> {
    /// The message that it sends, if it sends one.
    pub(super) const fn message(&self) -> Option<&'w SendMessage> {
        match self.operation {
            Operation::SendMessage(send) => Some(send),
            _ => None,
        }
    }
}

/// Names a call: the client, which of its lives, and the number there.
pub(super) type CallName = (Who, u32, u64);

/// A world's journal, sorted.
pub(super) struct Facts<'w> {
    pub(super) world: &'w World,
    /// The client of each device.
    pub(super) clients: BTreeMap<DeviceRef, Who>,
    pub(super) taken: BTreeMap<Name, Taken>,
    pub(super) shows: Vec<Show<'w>>,
    pub(super) calls: BTreeMap<CallName, Call<'w>>,
    /// Texts that applications gave for their messages, by message id.
    pub(super) texts: BTreeMap<(Who, &'w str), &'w str>,
    /// Messages that a device could not read at first, and those it was sent once more.
    pub(super) retried: BTreeSet<(DeviceRef, Name)>,
}

impl<'w> Facts<'w> {
    pub(super) fn of(world: &'w World) -> Self {
        let clients = world.everybody().filter_map(|who| Some((world.device(who)?, who))).collect();
        let mut facts = Self {
            world,
            clients,
            taken: BTreeMap::new(),
            shows: Vec::new(),
            calls: BTreeMap::new(),
            texts: BTreeMap::new(),
            retried: BTreeSet::new(),
        };
        for (at, entry) in world.journal().entries().iter().enumerate() {
            facts.note(at, entry);
        }
        facts
    }

    fn note(&mut self, at: usize, entry: &'w Entry) {
        match &entry.fact {
            Fact::Took { from, id, chat, order, to } => {
                let chat = if chat.is_group() {
                    Chat::Group(chat.clone())
                } else {
                    let Some(other) = self.world.server.device_named(chat) else { return };
                    Chat::two(from.account, other.account)
                };
                let taken = Taken { order: *order, chat, to: BTreeSet::new() };
                self.taken.entry((*from, id.clone())).or_insert(taken).to.extend(to);
            }
            Fact::Resent { from, id, to } => {
                self.retried.insert((*to, (*from, id.clone())));
            }
            Fact::Called { who, life, call, operation } => {
                let call = (*who, *life, call.0);
                self.calls.insert(call, Call { operation, replies: Vec::new(), id: None });
                if let Operation::SendMessage(SendMessage { id: Some(id), .. }) = operation {
                    self.named(call, id);
                }
            }
            Fact::Replied { who, life, call, result } => {
                if let Some(call) = self.calls.get_mut(&(*who, *life, call.0)) {
                    call.replies.push(result);
                }
            }
            Fact::Shown { who, life, envelope } => {
                if let Event::Send(progress) = &envelope.event
                    && let Some(call) = progress.call
                {
                    self.named((*who, *life, call.0), &progress.id);
                }
                self.shown(at, *who, envelope);
            }
            _ => {}
        }
    }

    /// A call's message got its id.
    fn named(&mut self, name: CallName, id: &'w str) {
        let Some(call) = self.calls.get_mut(&name) else { return };
        call.id = Some(id);
        if let Some(Content::Text(text)) = call.message().map(|message| &message.draft.content) {
            self.texts.entry((name.0, id)).or_insert(&text.body);
        }
    }

    fn shown(&mut self, at: usize, who: Who, envelope: &'w Envelope) {
        let Some(device) = self.world.device(who) else { return };
        match &envelope.event {
            Event::Message(received) => {
                let Some(from) = self.world.server.device_named(&received.sender) else { return };
                let message = self.taken_as((from, received.id.clone()), received);
                self.shows.push(Show { at, who, device, message, envelope, received });
            }
            Event::Undecryptable(failed) => {
                let Some(from) = self.world.server.device_named(&failed.sender) else { return };
                self.retried.insert((device, (from, failed.id.clone())));
            }
            _ => {}
        }
    }

    /// What the phone sent again names its author, but not the device: that is the one that the server took it from.
    fn taken_as(&self, message: Name, received: &Received) -> Name {
        if received.details.resent.is_none() || self.taken.contains_key(&message) {
            return message;
        }
        let same = |taken: &&Name| taken.0.account == message.0.account && taken.1 == message.1;
        self.taken.keys().find(same).cloned().unwrap_or(message)
    }

    pub(super) fn is_active(&self, who: Who) -> bool {
        is_active(self.world, who)
    }

    /// The journal.
    pub(super) fn entries(&self) -> &'w [Entry] {
        self.world.journal().entries()
    }

    /// A client's name and number for a report.
    pub(super) fn name(&self, who: Who) -> String {
        format!("{} ({who:?})", self.world[who].name)
    }
}

/// Whether a client can still be expected to do its part: its device is linked, its process runs, and nothing
/// final ended its connection.
pub(super) fn is_active(world: &World, who: Who) -> bool {
    let linked = world.device(who).is_some_and(|device| world.server.is_linked(device));
    linked && world[who].is_running() && !is_down_for_good(world, who)
}

/// Whether the last word about a client's connection is that it will not connect again by itself.
fn is_down_for_good(world: &World, who: Who) -> bool {
    matches!(last_word(world, who), Some(LinkEvent::Down { retry_in_ms: None, .. }))
}

/// Whether the last word about a client's connection is that the device was unlinked.
pub(super) fn is_logged_out(world: &World, who: Who) -> bool {
    let unlinked = |reason: &DownReason| matches!(reason, DownReason::LoggedOut { .. });
    matches!(last_word(world, who), Some(LinkEvent::Down { reason, .. }) if unlinked(reason))
}

fn last_word(world: &World, who: Who) -> Option<&LinkEvent> {
    let word = |event: &&LinkEvent| matches!(event, LinkEvent::Ready | LinkEvent::Down { .. });
    world[who].link_events().into_iter().rev().find(word)
}
