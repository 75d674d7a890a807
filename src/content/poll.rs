//! Polls: their creation, votes, further options, and results handed on. Reference 06 §4.4, §5.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::secret_encrypted_message::SecretEncType;
use sanswire_proto::whatsapp::message::{
    PollAddOptionMessage, PollCreationMessage, PollEncValue, PollResultSnapshotMessage, PollType,
    PollUpdateMessage, PollUpdateMessageMetadata, PollVoteMessage, poll_creation_message,
    poll_result_snapshot_message,
};

use super::build::{Building, iv, sealed, sealed_message};
use super::error::ContentError;
use super::key::Key;
use super::parts::{Blob, data, flag, signed, unsigned};
use super::secret::UseCase;
use super::text::limit;
use crate::crypto::mac::sha256;
use crate::limits::{POLL_OPTIONS_MAX, POLL_OPTIONS_MIN};

data! {
    /// A question with options to choose from.
    pub struct Poll {
        /// The question.
        pub name: String,
        /// The options, 2 to 12, all different.
        pub options: Vec<String>,
        /// How many may be chosen; 0 for any number.
        pub selectable: u32,
        /// It is for the announcement group of a community.
        pub announcement: bool,
        /// The right answer: then it is a quiz.
        pub answer: Option<String>,
        /// When voting ends, in the unit of the field on the wire, which no reference names.
        pub end_time: Option<u64>,
        /// Who voted for what is hidden.
        pub hide_voters: bool,
        /// Others may add options.
        pub open: bool,
    }

    /// A vote. It replaces the voter's earlier one; an empty choice takes it back.
    pub struct PollVote {
        /// The poll.
        pub poll: Key,
        /// Chosen options, by name: for sending.
        pub options: Vec<String>,
        /// Chosen options, by the SHA-256 of their names: what is received.
        pub hashes: Vec<Blob>,
        /// When, milliseconds since 1970; when sending, now if left out.
        pub sent_ms: Option<u64>,
    }

    /// One more option of an open poll.
    pub struct PollOption {
        /// The poll.
        pub poll: Key,
        /// The option's name.
        pub option: String,
    }

    /// What a poll came to, handed on. Received only.
    pub struct PollResult {
        /// The question.
        pub name: String,
        /// Each option's name and number of votes.
        pub votes: Vec<(String, u64)>,
    }
}

impl Poll {
    /// A poll of which any number of options may be chosen.
    #[must_use]
    pub fn new(name: impl Into<String>, options: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let options = options.into_iter().map(Into::into).collect();
        Self { name: name.into(), options, ..Self::default() }
    }

    fn check(&self) -> Result<(), ContentError> {
        let refuse = |why| Err(ContentError::Invalid { what: "poll", why });
        if self.name.is_empty() {
            return Err(ContentError::Empty("the question of the poll"));
        }
        limit("question of the poll", &self.name)?;
        if self.options.len() < POLL_OPTIONS_MIN {
            return refuse("too few options");
        }
        if self.options.len() > POLL_OPTIONS_MAX {
            return Err(ContentError::TooLong { what: "list of options", limit: POLL_OPTIONS_MAX });
        }
        for option in &self.options {
            if option.is_empty() {
                return Err(ContentError::Empty("an option of the poll"));
            }
            limit("option of the poll", option)?;
        }
        if self.options.iter().collect::<BTreeSet<_>>().len() < self.options.len() {
            return refuse("two options are the same");
        }
        if usize::try_from(self.selectable).is_ok_and(|selectable| selectable > self.options.len()) {
            return refuse("more to choose than there are options");
        }
        if self.answer.as_ref().is_some_and(|answer| !self.options.contains(answer)) {
            return refuse("the right answer is not an option");
        }
        Ok(())
    }

    /// The field depends on what the poll is: quizzes and polls with newer settings have a newer one.
    pub(super) fn build(&self) -> Result<Message, ContentError> {
        self.check()?;
        let quiz = self.answer.is_some();
        let poll = Some(Box::new(PollCreationMessage {
            name: Some(self.name.clone()),
            options: self.options.iter().map(|name| option(name)).collect(),
            selectable_options_count: Some(self.selectable),
            poll_type: quiz.then_some(PollType::Quiz as i32),
            correct_answer: self.answer.as_ref().map(|name| option(name)),
            end_time: self.end_time.map(signed),
            hide_participant_name: flag(self.hide_voters),
            allow_add_option: flag(self.open),
            ..PollCreationMessage::default()
        }));
        let newer = quiz || self.end_time.is_some() || self.hide_voters || self.open;
        let empty = Message::default();
        Ok(if newer {
            Message { poll_creation_message_v5: poll, ..empty }
        } else if self.announcement {
            Message { poll_creation_message_v2: poll, ..empty }
        } else if self.selectable == 1 {
            Message { poll_creation_message_v3: poll, ..empty }
        } else {
            Message { poll_creation_message: poll, ..empty }
        })
    }

    pub(super) fn read(message: &Message) -> Option<Self> {
        let fields = [
            &message.poll_creation_message,
            &message.poll_creation_message_v2,
            &message.poll_creation_message_v3,
            &message.poll_creation_message_v5,
            &message.poll_creation_message_v6,
        ];
        let poll = fields.into_iter().find_map(|field| field.as_deref())?;
        Some(Self {
            name: poll.name().into(),
            options: poll.options.iter().map(|option| option.option_name().to_string()).collect(),
            selectable: poll.selectable_options_count(),
            announcement: message.poll_creation_message_v2.is_some(),
            answer: poll.correct_answer.as_ref().map(|option| option.option_name().to_string()),
            end_time: poll.end_time.map(unsigned),
            hide_voters: poll.hide_participant_name(),
            open: poll.allow_add_option(),
        })
    }
}

impl PollVote {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        let names = self.options.iter().map(|name| Bytes::copy_from_slice(&option_hash(name)));
        let selected: Vec<_> = names.chain(self.hashes.iter().map(|hash| hash.0.clone())).collect();
        if selected.len() > POLL_OPTIONS_MAX {
            return Err(ContentError::TooLong { what: "list of chosen options", limit: POLL_OPTIONS_MAX });
        }
        if selected.iter().any(|hash| hash.len() != 32) {
            return Err(ContentError::Invalid { what: "hash of an option", why: "not 32 bytes" });
        }
        let vote = PollVoteMessage { selected_options: selected };
        let payload = sealed(UseCase::PollVote, &self.poll, &vote.encode_to_vec(), with)?;
        let update = PollUpdateMessage {
            poll_creation_message_key: Some(self.poll.build(with)?),
            vote: Some(PollEncValue { enc_payload: Some(payload), enc_iv: Some(iv(with)) }),
            metadata: Some(PollUpdateMessageMetadata::default()),
            sender_timestamp_ms: Some(signed(self.sent_ms.unwrap_or(with.now_ms))),
        };
        Ok(Message { poll_update_message: Some(Box::new(update)), ..Message::default() })
    }

    pub(super) fn read(vote: &PollVoteMessage, poll: Key, sent_ms: Option<u64>) -> Self {
        let hashes = vote.selected_options.iter().take(POLL_OPTIONS_MAX).cloned().map(Blob).collect();
        Self { poll, options: Vec::new(), hashes, sent_ms }
    }
}

impl PollOption {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        if self.option.is_empty() {
            return Err(ContentError::Empty("the new option"));
        }
        limit("option of the poll", &self.option)?;
        let inner = PollAddOptionMessage {
            poll_creation_message_key: Some(self.poll.build(with)?),
            add_option: Some(option(&self.option)),
            metadata: None,
        };
        let inner = Message { poll_add_option_message: Some(Box::new(inner)), ..Message::default() };
        // Sealed like an edit, which is how others open it. Reference 06 §5.
        sealed_message(SecretEncType::PollAddOption, UseCase::PollEdit, &self.poll, &inner, with)
    }

    pub(super) fn read(added: &PollAddOptionMessage) -> Option<Self> {
        let poll = Key::read(added.poll_creation_message_key.as_ref())?;
        Some(Self { poll, option: added.add_option.as_ref()?.option_name().into() })
    }
}

impl PollResult {
    pub(super) fn read(message: &Message) -> Option<Self> {
        let result: &PollResultSnapshotMessage = message
            .poll_result_snapshot_message
            .as_deref()
            .or(message.poll_result_snapshot_message_v3.as_deref())
            .or(message.poll_result_snapshot_message_v3_at114.as_deref())?;
        let vote = |vote: &poll_result_snapshot_message::PollVote| {
            (vote.option_name().to_string(), unsigned(vote.option_vote_count()))
        };
        Some(Self { name: result.name().into(), votes: result.poll_votes.iter().map(vote).collect() })
    }
}

/// By what votes name an option: the SHA-256 of its name.
#[must_use]
pub fn option_hash(name: &str) -> [u8; 32] {
    sha256(&[name.as_bytes()])
}

fn option(name: &str) -> poll_creation_message::Option {
    poll_creation_message::Option {
        option_name: Some(name.to_string()),
        ..poll_creation_message::Option::default()
    }
}
