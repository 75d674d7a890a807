//! What travels under the secret of another message: votes, responses, comments, edits, bots' answers.
//! Reference 06 §5, 05 §13, 07 §3.6.

use alloc::string::ToString;
use alloc::vec::Vec;

use prost::Message as _;
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::{EventResponseMessage, PollVoteMessage, ReactionMessage};
use serde::{Deserialize, Serialize};

use super::calendar::EventResponse;
use super::context::Context;
use super::edit::Edit;
use super::error::ContentError;
use super::key::Key;
use super::kinds::{Content, View};
use super::parts::Blob;
use super::poll::PollVote;
use super::reaction::{Comment, Reaction};
use super::read;
use super::unwrap::Flags;
use crate::crypto::Secret;
use crate::crypto::aead::Gcm;
use crate::crypto::kdf::hkdf;
use crate::wire::Jid;

/// What a key is derived for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UseCase {
    /// A vote in a poll.
    PollVote,
    /// An answer to a calendar event.
    EventResponse,
    /// A reaction.
    Reaction,
    /// A comment.
    Comment,
    /// A new form of a message.
    MessageEdit,
    /// A new form of a calendar event.
    EventEdit,
    /// A new form of a poll.
    PollEdit,
    /// One more option of a poll.
    PollAddOption,
    /// The token with which a message can be reported.
    ReportToken,
    /// A bot's answer, under [`bot_secret`].
    BotReply,
}

impl UseCase {
    /// The words that go into the derivation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PollVote => "Poll Vote",
            Self::EventResponse => "Event Response",
            Self::Reaction => "Enc Reaction",
            Self::Comment => "Enc Comment",
            Self::MessageEdit => "Message Edit",
            Self::EventEdit => "Event Edit",
            Self::PollEdit => "Poll Edit",
            Self::PollAddOption => "Poll Add Option",
            Self::ReportToken => "Report Token",
            Self::BotReply => "",
        }
    }

    /// The additional data: who sent it about what, for those uses that bind them.
    fn aad(self, target: &str, actor: &str) -> Vec<u8> {
        match self {
            Self::PollVote | Self::EventResponse | Self::BotReply => {
                [target.as_bytes(), &[0], actor.as_bytes()].concat()
            }
            _ => Vec::new(),
        }
    }
}

/// The key for one use: `author` wrote the message `target` that has the secret, `actor` sends what is sealed.
/// Both go in as bare JIDs, in the same form (number or LID) on both sides.
#[must_use]
pub fn derive(
    use_case: UseCase,
    secret: &[u8; 32],
    target: &str,
    author: &Jid<'_>,
    actor: &Jid<'_>,
) -> Secret<32> {
    let info = [target, &author.bare().to_string(), &actor.bare().to_string(), use_case.as_str()].concat();
    hkdf(secret, None, info.as_bytes())
}

/// The secret under which bots answer a message.
#[must_use]
pub fn bot_secret(secret: &[u8; 32]) -> Secret<32> {
    hkdf(secret, None, b"Bot Message")
}

/// Seals `plaintext`: ciphertext and tag.
///
/// # Errors
/// [`ContentError::Malformed`] when it is longer than the cipher can take.
pub fn seal(
    use_case: UseCase,
    secret: &[u8; 32],
    target: &str,
    [author, actor]: [&Jid<'_>; 2],
    iv: &[u8; 12],
    plaintext: &[u8],
) -> Result<Vec<u8>, ContentError> {
    let key = derive(use_case, secret, target, author, actor);
    let aad = use_case.aad(target, &actor.bare().to_string());
    Gcm::new(key.expose()).seal(iv, &aad, plaintext).map_err(|_| ContentError::Malformed)
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`ContentError::Malformed`] for an iv that is not 12 bytes or a payload shorter than a tag,
/// [`ContentError::Sealed`] when the tag does not match.
pub fn open(
    use_case: UseCase,
    secret: &[u8; 32],
    target: &str,
    [author, actor]: [&Jid<'_>; 2],
    iv: &[u8],
    payload: &[u8],
) -> Result<Vec<u8>, ContentError> {
    let iv: &[u8; 12] = iv.try_into().map_err(|_| ContentError::Malformed)?;
    if payload.len() < crate::crypto::aead::TAG_LEN {
        return Err(ContentError::Malformed);
    }
    let key = derive(use_case, secret, target, author, actor);
    let aad = use_case.aad(target, &actor.bare().to_string());
    Gcm::new(key.expose()).open(iv, &aad, payload).map_err(|_| ContentError::Sealed)
}

/// What a sealed message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AddOn {
    /// A vote in a poll.
    PollVote,
    /// An answer to a calendar event.
    EventResponse,
    /// A reaction.
    Reaction,
    /// A comment.
    Comment,
    /// A new form of a message.
    MessageEdit,
    /// A new form of a calendar event.
    EventEdit,
    /// A new form of a poll.
    PollEdit,
    /// One more option of a poll.
    PollAddOption,
    /// One that this version does not know, by its number.
    Unknown(i32),
}

impl AddOn {
    /// The uses under which it may have been sealed, in the order to try them.
    fn use_cases(self) -> &'static [UseCase] {
        match self {
            Self::PollVote => &[UseCase::PollVote],
            Self::EventResponse => &[UseCase::EventResponse],
            Self::Reaction => &[UseCase::Reaction],
            Self::Comment => &[UseCase::Comment],
            Self::MessageEdit => &[UseCase::MessageEdit],
            Self::EventEdit => &[UseCase::EventEdit],
            Self::PollEdit => &[UseCase::PollEdit],
            Self::PollAddOption => &[UseCase::PollEdit, UseCase::PollAddOption],
            Self::Unknown(_) => &[],
        }
    }
}

/// A message whose content is sealed under the secret of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// What it is.
    pub kind: AddOn,
    /// The message whose secret it needs, seen with the sender's eyes.
    pub to: Key,
    /// Ciphertext and tag.
    pub payload: Blob,
    /// The iv.
    pub iv: Blob,
    /// When a vote was sent, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_ms: Option<u64>,
}

impl Sealed {
    /// Opens it. There is nothing in the message that says whether numbers or LIDs went into the key: all `authors`
    /// (addresses of who wrote the target) are tried with all `actors` (addresses of who sent this).
    ///
    /// # Errors
    /// [`ContentError::Malformed`] and [`ContentError::Sealed`] as [`open`]; [`ContentError::NotAMessage`] when what
    /// was sealed does not decode; [`ContentError::NotSendable`] for a kind that this version does not know.
    pub fn open(
        &self,
        secret: &[u8; 32],
        authors: &[&Jid<'_>],
        actors: &[&Jid<'_>],
    ) -> Result<View, ContentError> {
        let mut last = ContentError::NotAMessage("a sealed message of an unknown kind");
        for use_case in self.kind.use_cases() {
            for author in authors {
                for actor in actors {
                    let pair = [*author, *actor];
                    match open(*use_case, secret, &self.to.id, pair, &self.iv, &self.payload) {
                        Ok(plaintext) => return self.view(&plaintext),
                        Err(error) => last = error,
                    }
                }
            }
        }
        Err(last)
    }

    fn view(&self, plaintext: &[u8]) -> Result<View, ContentError> {
        let refused = |_| ContentError::NotAMessage("what was sealed");
        let of = self.to.clone();
        let plain = |content| View { content, context: Context::default(), flags: Flags::default() };
        match self.kind {
            AddOn::Reaction => {
                let reaction = ReactionMessage::decode(plaintext).map_err(refused)?;
                let reaction = Reaction::read(&reaction, Some(of), true);
                Ok(plain(Content::Reaction(reaction.unwrap_or_default())))
            }
            AddOn::PollVote => {
                let vote = PollVoteMessage::decode(plaintext).map_err(refused)?;
                Ok(plain(Content::PollVote(PollVote::read(&vote, of, self.sent_ms))))
            }
            AddOn::EventResponse => {
                let response = EventResponseMessage::decode(plaintext).map_err(refused)?;
                Ok(plain(Content::EventResponse(EventResponse::read(&response, of))))
            }
            AddOn::PollAddOption => Ok(read(&Message::decode(plaintext).map_err(refused)?)),
            AddOn::Comment => {
                let view = read(&Message::decode(plaintext).map_err(refused)?);
                let comment = Comment { to: of, content: view.content.into(), sealed: true };
                Ok(View { content: Content::Comment(comment), ..view })
            }
            _ => {
                let view = read(&Message::decode(plaintext).map_err(refused)?);
                let edit = Edit { of, content: view.content.into(), sent_ms: None };
                Ok(View { content: Content::Edit(edit), ..view })
            }
        }
    }
}
