//! The one enum of all kinds of content, what is sent with it, and what is received with it. Reference 06 §4.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::calendar::{CalendarEvent, EventInvite, EventResponse};
use super::commerce::{Invoice, Order, Payment, Product};
use super::context::Context;
use super::edit::{Edit, Revoke};
use super::interactive::{Buttons, Interactive, List};
use super::invite::{GroupInvite, NewsletterInvite};
use super::media::{Album, Audio, Document, Image, Video};
use super::notice::{BotAnswer, CallLog, HistoryShare, QuestionAnswer, ScheduledCall, StatusNotice};
use super::parts::{Blob, data};
use super::place::{Contacts, LiveLocation, Location};
use super::poll::{Poll, PollOption, PollResult, PollVote};
use super::reaction::{Comment, Keep, Pin, Reaction};
use super::reply::{ButtonReply, InteractiveReply, ListReply};
use super::secret::{AddOn, Sealed};
use super::settings::{Disappearing, LimitSharing, MemberLabel, Protocol};
use super::sticker::{Sticker, StickerPack};
use super::text::Text;
use super::unwrap::Flags;

/// What an application sends. In JSON, `{"content": {"text": {"body": "hi"}}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// What it says.
    pub content: Content,
    /// What surrounds it.
    #[serde(default, skip_serializing_if = "super::parts::is_default")]
    pub context: Context,
}

impl Draft {
    /// Content without context.
    #[must_use]
    pub fn new(content: Content) -> Self {
        Self { content, context: Context::default() }
    }

    /// Plain text.
    #[must_use]
    pub fn text(body: impl Into<String>) -> Self {
        Self::new(Content::Text(Text::new(body)))
    }
}

impl From<Content> for Draft {
    fn from(content: Content) -> Self {
        Self::new(content)
    }
}

/// What an application receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// What it says.
    pub content: Content,
    /// What surrounds it.
    #[serde(default, skip_serializing_if = "super::parts::is_default")]
    pub context: Context,
    /// What the wrappers around it said.
    #[serde(default, skip_serializing_if = "super::parts::is_default")]
    pub flags: Flags,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Text, possibly with the preview of a link.
    Text(Text),
    /// A picture.
    Image(Image),
    /// A video, an animation, or a round note.
    Video(Video),
    /// Sound, or a voice message.
    Audio(Audio),
    /// Any file.
    Document(Document),
    /// The announcement of an album.
    Album(Album),
    /// A sticker.
    Sticker(Sticker),
    /// A pack of stickers.
    StickerPack(StickerPack),
    /// A place.
    Location(Location),
    /// A place that changes.
    LiveLocation(LiveLocation),
    /// Contact cards.
    Contacts(Contacts),
    /// A question with options.
    Poll(Poll),
    /// A vote in a poll.
    PollVote(PollVote),
    /// One more option of a poll.
    PollOption(PollOption),
    /// Received only: what a poll came to.
    PollResult(PollResult),
    /// A calendar event.
    Event(CalendarEvent),
    /// An answer to a calendar event.
    EventResponse(EventResponse),
    /// Received only: a calendar event of another conversation.
    EventInvite(EventInvite),
    /// An invitation to a group.
    GroupInvite(GroupInvite),
    /// An invitation to a channel.
    NewsletterInvite(NewsletterInvite),
    /// A text with buttons.
    Buttons(Buttons),
    /// A list to choose from.
    List(List),
    /// A flow.
    Interactive(Interactive),
    /// The press of a button.
    ButtonReply(ButtonReply),
    /// A row chosen from a list.
    ListReply(ListReply),
    /// The end of a flow.
    InteractiveReply(InteractiveReply),
    /// A product.
    Product(Product),
    /// Received only: an order.
    Order(Order),
    /// Received only: an invoice.
    Invoice(Invoice),
    /// Received only: something about a payment.
    Payment(Payment),
    /// The timer of disappearing messages.
    Disappearing(Disappearing),
    /// Whether what is said may be shared.
    LimitSharing(LimitSharing),
    /// The account's label as a member of the group.
    MemberLabel(MemberLabel),
    /// Tells the account's number to somebody who knows only its LID.
    SharePhoneNumber,
    /// Asks somebody for their number.
    RequestPhoneNumber,
    /// Received only: a call.
    CallLog(CallLog),
    /// Received only: a call that was planned.
    ScheduledCall(ScheduledCall),
    /// Received only: earlier messages of a group.
    HistoryShare(HistoryShare),
    /// Received only: an answer to a question.
    QuestionAnswer(QuestionAnswer),
    /// Received only: something that happened to a status.
    StatusNotice(StatusNotice),
    /// Received only: a bot's answer in parts.
    BotAnswer(BotAnswer),
    /// Received only: content that linked devices are not shown. It is on the phone.
    Hidden,
    /// Received only: traffic between clients that nobody said.
    Protocol(Protocol),
    /// An emoji on a message.
    Reaction(Reaction),
    /// A comment under a message.
    Comment(Comment),
    /// A message replaced by another form of it.
    Edit(Edit),
    /// A message deleted for everybody.
    Revoke(Revoke),
    /// A message pinned or unpinned.
    Pin(Pin),
    /// A message kept or let go.
    Keep(Keep),
    /// Received only: a vote, response, reaction, comment or edit that is sealed under another message's secret,
    /// which was not known.
    Sealed(Sealed),
    /// Sent only: a message that was received, handed on.
    Forward(Forward),
    /// Sent only: a protobuf `Message`, as it is.
    Raw {
        /// The encoded message.
        message: Blob,
    },
    /// Received only: a kind without a view of its own.
    Other {
        /// Name of the protobuf field that is set, empty when there is none.
        kind: String,
    },
}

/// No content.
impl Default for Content {
    fn default() -> Self {
        Self::Other { kind: String::new() }
    }
}

impl From<Text> for Content {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl Content {
    /// Counts it as a message: for the number of unread ones and the order of conversations. Reactions, votes and
    /// what changes other messages or settings do not. Reference 06 §8.
    #[must_use]
    pub fn is_message(&self) -> bool {
        match self {
            Self::Reaction(_)
            | Self::Edit(_)
            | Self::Revoke(_)
            | Self::PollVote(_)
            | Self::Disappearing(_)
            | Self::LimitSharing(_)
            | Self::MemberLabel(_)
            | Self::SharePhoneNumber
            | Self::Protocol(_) => false,
            Self::Sealed(sealed) => sealed.kind == AddOn::Comment,
            Self::Other { kind } => {
                kind.contains("Message") && !UNCOUNTED.iter().any(|uncounted| kind.ends_with(uncounted))
            }
            _ => true,
        }
    }
}

/// Kinds without a view that are no messages for people: keys handed out, and small changes without their parts.
const UNCOUNTED: [&str; 3] = ["KeyDistributionMessage", "reactionMessage", "pollUpdateMessage"];

data! {
    /// A message handed on. Its own context is replaced by the forwarding score, one higher than it was.
    pub struct Forward {
        /// The encoded `Message`, as received or as sent.
        pub message: Blob,
        /// The account wrote it: then it is handed on as if new.
        pub own: bool,
        /// Count it as forwarded though the account wrote it.
        pub force: bool,
    }
}

/// Byte fields of events as base64 text.
pub(crate) mod base64_bytes {
    use alloc::string::String;

    use base64ct::{Base64, Encoding};
    use bytes::Bytes;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64::encode_string(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        Base64::decode_vec(&text).map(Bytes::from).map_err(D::Error::custom)
    }
}
