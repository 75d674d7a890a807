//! What is received and shown, but sent by nobody's hand: calls, statuses about others, history for new members,
//! bots' answers. Reference 06 §4.2, §4.8.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::call_log_message::{CallOutcome, CallParticipant};
use sanswire_proto::whatsapp::message::{
    CallLogMessage, MessageHistoryMetadata, scheduled_call_creation_message, scheduled_call_edit_message,
};

use super::key::Key;
use super::kinds::Content;
use super::media::MediaFile;
use super::parts::{Blob, blob, data, jid, unsigned};
use crate::limits::{BOT_ANSWER_PARTS, CALL_PARTICIPANTS};
use crate::wire::OwnedJid;

data! {
    /// A call that took place or did not.
    pub struct CallLog {
        /// With pictures.
        pub video: bool,
        /// How it ended, as the protocol has it: `CONNECTED`, `MISSED`, `FAILED`, `REJECTED`, ….
        pub outcome: String,
        /// How long, in seconds.
        pub seconds: Option<u64>,
        /// Who took part, and how it ended for them.
        pub participants: Vec<(OwnedJid, String)>,
    }

    /// A call that was planned, or such a plan given up.
    pub struct ScheduledCall {
        /// When, milliseconds since 1970.
        pub at_ms: Option<u64>,
        /// With pictures.
        pub video: bool,
        /// What about.
        pub title: Option<String>,
        /// The plan that is given up.
        pub canceled: Option<Key>,
    }

    /// Earlier messages of a group, for those who came later.
    pub struct HistoryShare {
        /// The file that has them; a notice alone has none.
        pub file: Option<MediaFile>,
        /// For whom.
        pub receivers: Vec<OwnedJid>,
        /// Time of the oldest message, seconds since 1970.
        pub oldest: Option<u64>,
        /// How many messages.
        pub count: Option<u64>,
    }

    /// A text that answers a question, of a channel or of a status.
    pub struct QuestionAnswer {
        /// The question.
        pub to: Key,
        /// The answer.
        pub text: String,
        /// The question is a status.
        pub status: bool,
    }

    /// Something that happened to a status.
    pub struct StatusNotice {
        /// `notification`, `quoted` or `sticker`.
        pub what: String,
        /// Number of its type, as the protocol has it.
        pub number: i32,
        /// The status.
        pub status: Option<Key>,
        /// The message that answers it.
        pub response: Option<Key>,
        /// Text of it.
        pub text: Option<String>,
        /// A small picture of it.
        pub thumbnail: Option<Blob>,
    }

    /// A bot's answer in parts.
    pub struct BotAnswer {
        /// The texts of its parts, in order; parts without text are left out.
        pub texts: Vec<String>,
    }
}

impl CallLog {
    fn read(log: &CallLogMessage) -> Self {
        let participant = |participant: &CallParticipant| {
            Some((jid(participant.jid.as_ref())?, outcome(participant.call_outcome)))
        };
        Self {
            video: log.is_video(),
            outcome: outcome(log.call_outcome),
            seconds: log.duration_secs.map(unsigned),
            participants: log.participants.iter().take(CALL_PARTICIPANTS).filter_map(participant).collect(),
        }
    }
}

fn outcome(number: Option<i32>) -> String {
    let outcome = number.and_then(|number| CallOutcome::try_from(number).ok());
    outcome.map(|outcome| outcome.as_str_name().to_string()).unwrap_or_default()
}

impl ScheduledCall {
    fn read(message: &Message) -> Option<Self> {
        if let Some(plan) = message.scheduled_call_creation_message.as_deref() {
            return Some(Self {
                at_ms: plan.scheduled_timestamp_ms.map(unsigned),
                video: plan.call_type() == scheduled_call_creation_message::CallType::Video,
                title: plan.title.clone(),
                canceled: None,
            });
        }
        let edit = message.scheduled_call_edit_message.as_deref()?;
        let canceled = edit.edit_type() == scheduled_call_edit_message::EditType::Cancel;
        Some(Self { canceled: Key::read(edit.key.as_ref()).filter(|_| canceled), ..Self::default() })
    }
}

impl HistoryShare {
    fn of(metadata: Option<&MessageHistoryMetadata>, file: Option<MediaFile>) -> Self {
        let receivers = |metadata: &MessageHistoryMetadata| {
            metadata.history_receivers.iter().filter_map(|text| jid(Some(text))).collect()
        };
        Self {
            file,
            receivers: metadata.map(receivers).unwrap_or_default(),
            oldest: metadata.and_then(|metadata| metadata.oldest_message_timestamp).map(unsigned),
            count: metadata.and_then(|metadata| metadata.message_count).map(unsigned),
        }
    }

    fn read(message: &Message) -> Option<Self> {
        if let Some(bundle) = message.message_history_bundle.as_deref() {
            let file = MediaFile {
                direct_path: bundle.direct_path().into(),
                media_key: blob(bundle.media_key.as_ref()),
                sha256: Blob(bundle.file_sha256.clone().unwrap_or_default()),
                enc_sha256: blob(bundle.file_enc_sha256.as_ref()),
                mimetype: bundle.mimetype.clone(),
                key_timestamp: bundle.media_key_timestamp.map(unsigned),
                ..MediaFile::default()
            };
            return Some(Self::of(bundle.message_history_metadata.as_ref(), Some(file)));
        }
        let notice = message.message_history_notice.as_deref()?;
        Some(Self::of(notice.message_history_metadata.as_ref(), None))
    }
}

impl QuestionAnswer {
    fn read(message: &Message) -> Option<Self> {
        if let Some(answer) = message.question_response_message.as_deref() {
            let to = Key::read(answer.key.as_ref())?;
            return Some(Self { to, text: answer.text().into(), status: false });
        }
        let answer = message.status_question_answer_message.as_deref()?;
        Some(Self { to: Key::read(answer.key.as_ref())?, text: answer.text().into(), status: true })
    }
}

impl StatusNotice {
    fn read(message: &Message) -> Option<Self> {
        if let Some(notice) = message.status_notification_message.as_deref() {
            return Some(Self {
                what: "notification".into(),
                number: notice.r#type.unwrap_or_default(),
                status: Key::read(notice.original_message_key.as_ref()),
                response: Key::read(notice.response_message_key.as_ref()),
                ..Self::default()
            });
        }
        if let Some(quoted) = message.status_quoted_message.as_deref() {
            return Some(Self {
                what: "quoted".into(),
                number: quoted.r#type.unwrap_or_default(),
                status: Key::read(quoted.original_status_id.as_ref()),
                text: quoted.text.clone(),
                thumbnail: blob(quoted.thumbnail.as_ref()),
                ..Self::default()
            });
        }
        let sticker = message.status_sticker_interaction_message.as_deref()?;
        Some(Self {
            what: "sticker".into(),
            number: sticker.r#type.unwrap_or_default(),
            status: Key::read(sticker.key.as_ref()),
            text: sticker.sticker_key.clone(),
            ..Self::default()
        })
    }
}

/// The view of what nobody's hand sent; `None` for other kinds.
pub(super) fn read(message: &Message) -> Option<Content> {
    if let Some(log) = message.call_log_messsage.as_deref() {
        return Some(Content::CallLog(CallLog::read(log)));
    }
    if let Some(answer) = message.rich_response_message.as_deref() {
        let texts = answer.submessages.iter().filter_map(|part| part.message_text.clone());
        return Some(Content::BotAnswer(BotAnswer { texts: texts.take(BOT_ANSWER_PARTS).collect() }));
    }
    if message.placeholder_message.is_some() {
        return Some(Content::Hidden);
    }
    ScheduledCall::read(message)
        .map(Content::ScheduledCall)
        .or_else(|| HistoryShare::read(message).map(Content::HistoryShare))
        .or_else(|| QuestionAnswer::read(message).map(Content::QuestionAnswer))
        .or_else(|| StatusNotice::read(message).map(Content::StatusNotice))
}
