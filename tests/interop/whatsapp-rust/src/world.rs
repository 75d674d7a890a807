//! Who plays, what they tell each other, and who must have been shown it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use crate::Outcome;
use crate::command::Server;
use crate::ours::Ours;
use crate::said::Said;
use crate::theirs::Theirs;

/// Anna, Ben and Dora use whatsapp-rust, Carl uses our command, and at times both.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) anna: Theirs,
    pub(crate) ben: Theirs,
    pub(crate) carl: Ours,
    pub(crate) other_carl: Theirs,
    pub(crate) dora: Theirs,
    pub(crate) later_anna: Theirs,
    pub(crate) later_carl: Ours,
    pub(crate) scenario: &'static str,
    /// Devices that are linked.
    pub(crate) linked: BTreeSet<Who>,
    pub(crate) groups: Vec<Group>,
    /// Everything that was said to a device: it must have been shown exactly once when all is over.
    pub(crate) promised: Vec<(Who, Said)>,
    /// What was said by somebody who died over it: at most once.
    pub(crate) attempted: Vec<(Who, Said)>,
    /// Facts about whatsapp-rust that are worth a line, but break nothing.
    pub(crate) notes: Vec<String>,
}

/// A group that the server made.
pub(crate) struct Group {
    pub(crate) jid: String,
    /// First devices of its members' accounts.
    pub(crate) members: BTreeSet<Who>,
}

/// A device, and the account for those that are the first of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Anna,
    LaterAnna,
    Ben,
    Carl,
    OtherCarl,
    LaterCarl,
    Dora,
}

use Who::{Anna, Ben, Carl, Dora, LaterAnna, LaterCarl, OtherCarl};

impl Who {
    pub(crate) const ALL: [Self; 7] = [Anna, LaterAnna, Ben, Carl, OtherCarl, LaterCarl, Dora];

    pub(crate) fn account(self) -> Self {
        match self {
            LaterAnna => Anna,
            OtherCarl | LaterCarl => Carl,
            first => first,
        }
    }
}

/// Where something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To this account.
    With(Who),
    /// In the group of this number.
    In(usize),
}

impl From<Who> for Place {
    fn from(who: Who) -> Self {
        Self::With(who)
    }
}

/// A message that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) from: Who,
    pub(crate) place: Place,
}

/// Whoever drives a device.
pub(crate) enum Party<'a> {
    Theirs(&'a Theirs),
    Ours(&'a Ours),
}

impl Party<'_> {
    pub(crate) async fn shows(&self, said: &Said) -> Outcome {
        match self {
            Self::Theirs(theirs) => theirs.shows(said).await,
            Self::Ours(ours) => ours.shows(said).await,
        }
    }

    pub(crate) fn said(&self) -> Vec<Said> {
        match self {
            Self::Theirs(theirs) => theirs.said(),
            Self::Ours(ours) => ours.said(),
        }
    }

    pub(crate) async fn confirmed(&self, id: &str, read: bool, by: &[String]) -> Outcome {
        match self {
            Self::Theirs(theirs) => theirs.confirmed(id, read, by).await,
            Self::Ours(ours) => ours.confirmed(id, read, by).await,
        }
    }

    fn is_awake(&self) -> bool {
        match self {
            Self::Theirs(theirs) => theirs.is_connected(),
            Self::Ours(ours) => ours.is_awake(),
        }
    }
}

impl World {
    pub(crate) async fn start(folder: &Path) -> Outcome<Self> {
        let server = Server::start().await?;
        Ok(Self {
            // Device 1 beside her phone over plain WebSocket; he in the phone's place, and over TLS.
            anna: Theirs::new(&server, "anna", false, Some("Linux")),
            ben: Theirs::new(&server, "ben", true, None),
            carl: Ours::new(&server, "carl", folder),
            // The same name makes it a further device of the same account.
            other_carl: Theirs::new(&server, "carl", false, Some("Linux")),
            dora: Theirs::new(&server, "dora", false, Some("Linux")),
            later_anna: Theirs::new(&server, "anna", false, Some("Linux")),
            later_carl: Ours::new(&server, "carl", &folder.join("later")),
            server,
            scenario: "",
            linked: BTreeSet::new(),
            groups: Vec::new(),
            promised: Vec::new(),
            attempted: Vec::new(),
            notes: Vec::new(),
        })
    }

    pub(crate) fn party(&self, who: Who) -> Party<'_> {
        match who {
            Carl => Party::Ours(&self.carl),
            LaterCarl => Party::Ours(&self.later_carl),
            Anna => Party::Theirs(&self.anna),
            LaterAnna => Party::Theirs(&self.later_anna),
            Ben => Party::Theirs(&self.ben),
            OtherCarl => Party::Theirs(&self.other_carl),
            Dora => Party::Theirs(&self.dora),
        }
    }

    /// Connects a device of whatsapp-rust, pairing it if it never was.
    pub(crate) async fn connect(&mut self, who: Who) -> Outcome {
        let theirs = match who {
            Anna => &mut self.anna,
            LaterAnna => &mut self.later_anna,
            Ben => &mut self.ben,
            OtherCarl => &mut self.other_carl,
            Dora => &mut self.dora,
            Carl | LaterCarl => return Err("that one is ours".into()),
        };
        theirs.connect(&self.server).await?;
        self.linked.insert(who);
        Ok(())
    }

    pub(crate) fn listen(&mut self) -> Outcome {
        self.carl.listen(self.scenario)
    }

    /// From now on Carl sends and listens in one process.
    pub(crate) fn talk(&mut self) -> Outcome {
        self.carl.talk(self.scenario)
    }

    pub(crate) fn jid(&self, account: Who) -> String {
        match self.party(account.account()) {
            Party::Theirs(theirs) => theirs.jid.clone(),
            Party::Ours(ours) => ours.jid.clone(),
        }
    }

    /// Address that this device sends to.
    pub(crate) fn address(&self, place: Place) -> String {
        match place {
            Place::With(who) => self.jid(who),
            Place::In(group) => self.groups[group].jid.clone(),
        }
    }

    /// Devices that are to be shown what this one says there.
    pub(crate) fn audience(&self, from: Who, place: Place) -> Vec<Who> {
        let reaches = |who: &Who| match place {
            Place::With(other) => [from.account(), other.account()].contains(&who.account()),
            Place::In(group) => self.groups[group].members.contains(&who.account()),
        };
        self.linked.iter().copied().filter(|who| *who != from && reaches(who)).collect()
    }

    pub(crate) fn promise(&mut self, from: Who, place: Place, said: &Said) {
        let audience = self.audience(from, place);
        self.promised.extend(audience.into_iter().map(|who| (who, said.clone())));
    }

    pub(crate) async fn says(&mut self, from: Who, to: impl Into<Place>, text: &str) -> Outcome<Sent> {
        let place = to.into();
        self.promise(from, place, &Said::text(text));
        let to = self.address(place);
        let scenario = self.scenario;
        let id = match from {
            Carl => self.carl.send(scenario, &to, text).await?,
            LaterCarl => self.later_carl.send(scenario, &to, text).await?,
            _ => self.theirs(from)?.send(&to, text).await?,
        };
        Ok(Sent { id, from, place })
    }

    /// Says something, and waits until every device that is awake shows it.
    pub(crate) async fn tells(&mut self, from: Who, to: impl Into<Place>, text: &str) -> Outcome<Sent> {
        let sent = self.says(from, to, text).await?;
        self.all_show(&sent, &Said::text(text)).await?;
        Ok(sent)
    }

    /// Sends texts and waits until the other side shows each of them.
    pub(crate) async fn exchange(&mut self, from: Who, to: Who, texts: &[&str]) -> Outcome {
        for text in texts {
            self.says(from, to, text).await?;
        }
        for text in texts {
            self.party(to).shows(&Said::text(text)).await?;
        }
        Ok(())
    }

    pub(crate) async fn react(&mut self, from: Who, to: &Sent, emoji: &str) -> Outcome {
        let place = self.seen_from(from, to);
        let said = Said::Reaction { to: to.id.clone(), emoji: emoji.to_owned() };
        self.promise(from, place, &said);
        let chat = self.address(place);
        let id = if let Some(ours) = self.ours(from) {
            let key = ours.key_of(&to.id)?;
            ours.send_content(&chat, json!({ "reaction": { "to": key, "emoji": emoji } })).await?
        } else {
            let theirs = self.theirs(from)?;
            theirs.react(&chat, theirs.key_of(&to.id)?, emoji).await?
        };
        self.all_show(&Sent { id, from, place }, &said).await
    }

    /// Its author replaces a message.
    pub(crate) async fn edit(&mut self, sent: &Sent, text: &str) -> Outcome {
        let said = Said::Edit { of: sent.id.clone(), text: text.to_owned() };
        self.promise(sent.from, sent.place, &said);
        let chat = self.address(sent.place);
        if let Some(ours) = self.ours(sent.from) {
            let of = json!({ "from_me": true, "id": sent.id });
            let edit = json!({ "edit": { "of": of, "content": { "text": { "body": text } } } });
            ours.send_content(&chat, edit).await?;
        } else {
            self.theirs(sent.from)?.edit(&chat, &sent.id, text).await?;
        }
        self.all_show(sent, &said).await
    }

    /// Its author deletes a message, or an admin of the group.
    pub(crate) async fn revoke(&mut self, who: Who, sent: &Sent) -> Outcome {
        let said = Said::Revoke { of: sent.id.clone() };
        self.promise(who, sent.place, &said);
        let (chat, own) = (self.address(sent.place), who == sent.from);
        if let Some(ours) = self.ours(who) {
            let of = if own { json!({ "from_me": true, "id": sent.id }) } else { ours.key_of(&sent.id)? };
            ours.send_content(&chat, json!({ "revoke": { "of": of } })).await?;
        } else {
            let theirs = self.theirs(who)?;
            let author = if own { None } else { Some(theirs.author_of(&sent.id)?) };
            theirs.revoke(&chat, &sent.id, author).await?;
        }
        self.all_show(&Sent { from: who, ..sent.clone() }, &said).await
    }

    /// One marks a message as read; its author learns that.
    pub(crate) async fn read(&mut self, who: Who, sent: &Sent) -> Outcome {
        if let Some(ours) = self.ours(who) {
            ours.read(&sent.id).await?;
        } else {
            self.theirs(who)?.read(&sent.id).await?;
        }
        let by = self.server.names(&self.jid(who)).await?;
        self.party(sent.from).confirmed(&sent.id, true, &by).await
    }

    /// Waits until all devices that are awake and were to be shown it, show it.
    pub(crate) async fn all_show(&self, sent: &Sent, said: &Said) -> Outcome {
        for who in self.audience(sent.from, sent.place) {
            let party = self.party(who);
            if party.is_awake() {
                party.shows(said).await?;
            }
        }
        Ok(())
    }

    /// The place where a message was said, for a device that was shown it.
    pub(crate) fn seen_from(&self, who: Who, sent: &Sent) -> Place {
        match sent.place {
            Place::With(to) if to.account() == who.account() => Place::With(sent.from.account()),
            place => place,
        }
    }

    pub(crate) fn ours(&mut self, who: Who) -> Option<&mut Ours> {
        match who {
            Carl => Some(&mut self.carl),
            LaterCarl => Some(&mut self.later_carl),
            _ => None,
        }
    }

    pub(crate) fn theirs(&self, who: Who) -> Outcome<&Theirs> {
        match self.party(who) {
            Party::Theirs(theirs) => Ok(theirs),
            Party::Ours(_) => Err(format!("{who:?} is ours").into()),
        }
    }

    pub(crate) fn in_order(&self, who: Who, texts: &[&str]) -> Outcome {
        let wanted: Vec<Said> = texts.iter().map(|text| Said::text(text)).collect();
        let seen: Vec<Said> =
            self.party(who).said().into_iter().filter(|said| wanted.contains(said)).collect();
        insist(seen == wanted, || format!("{who:?} saw {seen:?} instead of {texts:?}"))
    }

    pub(crate) fn shown_once(&self, who: Who, texts: &[&str]) -> Outcome {
        texts.iter().try_for_each(|text| self.shown_times(who, &Said::text(text), 1))
    }

    pub(crate) fn shown_times(&self, who: Who, wanted: &Said, times: usize) -> Outcome {
        let shown = self.party(who).said().iter().filter(|said| *said == wanted).count();
        insist(shown == times, || format!("{who:?} was shown {wanted:?} {shown} times"))
    }
}

pub(crate) fn insist(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(what().into()) }
}
