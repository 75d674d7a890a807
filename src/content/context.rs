//! What surrounds content: quotes, mentions, forwarding, timers. Reference 06 §3.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::whatsapp::context_info::{
    ExternalAdReplyInfo, ForwardedNewsletterMessageInfo, external_ad_reply_info,
};
use sanswire_proto::whatsapp::{ContextInfo, GroupMention as ProtoGroupMention, Message};

use super::bot::BotPrompt;
use super::build::Building;
use super::error::ContentError;
use super::key::Key;
use super::kinds::Content;
use super::parts::{Blob, blob, bytes, data, flag, jid, signed, unsigned};
use super::slots;
use super::unwrap::{kind, unwrap};
use crate::limits::MENTIONS_PER_MESSAGE;
use crate::wire::OwnedJid;

data! {
    /// What surrounds content.
    pub struct Context {
        /// The message that this one answers.
        pub quote: Option<Box<Quote>>,
        /// Users mentioned: bare JIDs in the conversation's addressing; the text has `@` and the user part.
        pub mentions: Vec<OwnedJid>,
        /// Everybody in the group is mentioned.
        pub mention_all: bool,
        /// Groups mentioned; the text has `@` and the subject.
        pub group_mentions: Vec<GroupMention>,
        /// How often it was forwarded; 0 for what was written here.
        pub forwarding_score: u32,
        /// The channel post that was forwarded.
        pub newsletter: Option<NewsletterPost>,
        /// Timer of the conversation's disappearing messages, in seconds.
        pub expiration_s: Option<u32>,
        /// When that timer was set, seconds since 1970.
        pub expiration_set: Option<u64>,
        /// To be seen only once.
        pub view_once: bool,
        /// The album that it belongs to.
        pub album: Option<Box<Key>>,
        /// The advertisement that it came from.
        pub ad: Option<Box<Ad>>,
        /// A bot is asked, or answers.
        pub bot: Option<Box<BotPrompt>>,
    }

    /// The message that another one answers.
    pub struct Quote {
        /// Its id.
        pub id: String,
        /// Who wrote it, without device; the channel for posts of one.
        pub sender: Option<OwnedJid>,
        /// The conversation that it stands in, when that is another one: a private answer to a group message, or
        /// an answer to a status.
        pub chat: Option<OwnedJid>,
        /// What it says, for people. When sending, used unless `message` is there.
        pub content: Option<Box<Content>>,
        /// The quoted protobuf `Message`.
        pub message: Option<Blob>,
    }

    /// A group that a text mentions.
    pub struct GroupMention {
        /// The group.
        pub group: Option<OwnedJid>,
        /// Its subject.
        pub subject: String,
    }

    /// A post of a channel.
    pub struct NewsletterPost {
        /// The channel.
        pub newsletter: Option<OwnedJid>,
        /// The post's number.
        pub server_id: i32,
        /// The channel's name.
        pub name: Option<String>,
    }

    /// The card of an advertisement above a message.
    pub struct Ad {
        /// Title.
        pub title: Option<String>,
        /// Text below the title.
        pub body: Option<String>,
        /// 1 for a picture, 2 for a video.
        pub media_type: Option<i32>,
        /// Where it leads to.
        pub source_url: Option<String>,
        /// Where its picture is.
        pub thumbnail_url: Option<String>,
        /// Its picture.
        pub thumbnail: Option<Blob>,
        /// Show the picture large.
        pub large: bool,
    }
}

impl Context {
    /// Answers a message.
    #[must_use]
    pub fn quoting(quote: Quote) -> Self {
        Self { quote: Some(Box::new(quote)), ..Self::default() }
    }

    /// Puts the context onto the message of a kind. Kinds without a place for it lose the timer, which they do not
    /// need, but nothing else.
    pub(super) fn put(&self, message: &mut Message, with: &Building<'_>) -> Result<(), ContentError> {
        let mut info = self.build(with)?;
        if with.chat.is_newsletter() {
            (info.expiration, info.ephemeral_setting_timestamp) = (None, None);
        }
        if info == ContextInfo::default() {
            return Ok(());
        }
        let name = kind(message);
        match slots::context_mut(message) {
            Some(slot) => {
                let old = slot.take().map(|old| *old).unwrap_or_default();
                *slot = Some(Box::new(over(old, info)));
            }
            None => {
                (info.expiration, info.ephemeral_setting_timestamp) = (None, None);
                if info != ContextInfo::default() {
                    return Err(ContentError::NoContext(name));
                }
            }
        }
        Ok(())
    }

    fn build(&self, with: &Building<'_>) -> Result<ContextInfo, ContentError> {
        for list in [self.mentions.len(), self.group_mentions.len()] {
            if list > MENTIONS_PER_MESSAGE {
                return Err(ContentError::TooLong { what: "list of mentions", limit: MENTIONS_PER_MESSAGE });
            }
        }
        let mut info = ContextInfo {
            mentioned_jid: self.mentions.iter().map(|jid| jid.bare().to_string()).collect(),
            // Zero is written out beside mentions, as other clients do.
            non_jid_mentions: (self.mention_all || !self.mentions.is_empty())
                .then_some(self.mention_all.into()),
            group_mentions: self.group_mentions.iter().map(GroupMention::build).collect(),
            forwarding_score: Some(self.forwarding_score).filter(|score| *score > 0),
            is_forwarded: flag(self.forwarding_score > 0),
            forwarded_newsletter_message_info: self.newsletter.as_ref().map(|post| Box::new(post.build())),
            expiration: self.expiration_s,
            ephemeral_setting_timestamp: self.expiration_set.map(signed),
            external_ad_reply: self.ad.as_ref().map(|ad| Box::new(ad.build())),
            ..ContextInfo::default()
        };
        // Channels know no answers.
        if let Some(quote) = self.quote.as_ref().filter(|_| !with.chat.is_newsletter()) {
            quote.put(&mut info, with)?;
        }
        Ok(info)
    }

    /// Reads the context of content. The quoted message is read as well, `left` levels deep.
    pub(super) fn read(message: &Message, left: usize) -> Self {
        let Some(info) = slots::context(message) else { return Self::default() };
        Self {
            quote: Quote::read(info, left).map(Box::new),
            mentions: info.mentioned_jid.iter().filter_map(|text| jid(Some(text))).collect(),
            mention_all: info.non_jid_mentions() > 0,
            group_mentions: info.group_mentions.iter().map(GroupMention::read).collect(),
            forwarding_score: info.forwarding_score().max(u32::from(info.is_forwarded())),
            newsletter: info.forwarded_newsletter_message_info.as_deref().map(NewsletterPost::read),
            expiration_s: info.expiration,
            expiration_set: info.ephemeral_setting_timestamp.map(unsigned),
            view_once: false,
            album: None,
            ad: info.external_ad_reply.as_deref().map(|ad| Box::new(Ad::read(ad))),
            bot: None,
        }
    }
}

/// What a draft says goes over what the message brought along, as a forwarded one does.
fn over(mut old: ContextInfo, new: ContextInfo) -> ContextInfo {
    if new.stanza_id.is_some() {
        old.stanza_id = new.stanza_id;
        old.participant = new.participant;
        old.quoted_message = new.quoted_message;
        old.remote_jid = new.remote_jid;
    }
    if !new.mentioned_jid.is_empty() {
        old.mentioned_jid = new.mentioned_jid;
    }
    if !new.group_mentions.is_empty() {
        old.group_mentions = new.group_mentions;
    }
    old.non_jid_mentions = new.non_jid_mentions.or(old.non_jid_mentions);
    old.forwarding_score = new.forwarding_score.or(old.forwarding_score);
    old.is_forwarded = new.is_forwarded.or(old.is_forwarded);
    old.forwarded_newsletter_message_info =
        new.forwarded_newsletter_message_info.or(old.forwarded_newsletter_message_info);
    old.expiration = new.expiration.or(old.expiration);
    old.ephemeral_setting_timestamp = new.ephemeral_setting_timestamp.or(old.ephemeral_setting_timestamp);
    old.external_ad_reply = new.external_ad_reply.or(old.external_ad_reply);
    old
}

impl Quote {
    fn put(&self, info: &mut ContextInfo, with: &Building<'_>) -> Result<(), ContentError> {
        if self.id.is_empty() {
            return Err(ContentError::Empty("the id of the quoted message"));
        }
        let Some(sender) = &self.sender else {
            return Err(ContentError::Empty("the sender of the quoted message"));
        };
        let quoted = match (&self.message, &self.content) {
            (Some(bytes), _) => Message::decode(bytes.0.clone())
                .map_err(|_| ContentError::NotAMessage("the quoted message"))?,
            (None, Some(content)) => super::build::quoted(content, with)?,
            (None, None) => return Err(ContentError::Empty("the quoted message")),
        };
        let quoted = reduced(&quoted);
        if kind(&quoted).is_empty() {
            return Err(ContentError::NotAMessage("the quoted message"));
        }
        info.stanza_id = Some(self.id.clone());
        info.participant = Some(sender.bare().to_string());
        info.quoted_message = Some(Box::new(quoted));
        info.remote_jid =
            self.chat.as_ref().filter(|chat| *chat != with.chat).map(|chat| chat.bare().to_string());
        Ok(())
    }

    fn read(info: &ContextInfo, left: usize) -> Option<Self> {
        let id = info.stanza_id.clone().filter(|id| !id.is_empty())?;
        let quoted = info.quoted_message.as_deref();
        Some(Self {
            id,
            sender: jid(info.participant.as_ref()),
            chat: jid(info.remote_jid.as_ref()),
            content: quoted.map(|quoted| Box::new(super::read::content(quoted, left))),
            message: quoted.map(|quoted| Blob(Bytes::from(quoted.encode_to_vec()))),
        })
    }
}

/// A message as it is quoted: its content without wrappers, without the context of what it quoted itself, and
/// without its secret.
fn reduced(message: &Message) -> Message {
    let mut message = unwrap(message).message.clone();
    message.message_context_info = None;
    message.sender_key_distribution_message = None;
    message.fast_ratchet_key_sender_key_distribution_message = None;
    if let Some(slot) = slots::context_mut(&mut message) {
        *slot = None;
    }
    message
}

impl GroupMention {
    fn build(&self) -> ProtoGroupMention {
        ProtoGroupMention {
            group_jid: self.group.as_ref().map(ToString::to_string),
            group_subject: Some(self.subject.clone()),
        }
    }

    fn read(mention: &ProtoGroupMention) -> Self {
        Self { group: jid(mention.group_jid.as_ref()), subject: mention.group_subject().into() }
    }
}

impl NewsletterPost {
    fn build(&self) -> ForwardedNewsletterMessageInfo {
        ForwardedNewsletterMessageInfo {
            newsletter_jid: self.newsletter.as_ref().map(ToString::to_string),
            server_message_id: Some(self.server_id),
            newsletter_name: self.name.clone(),
            ..ForwardedNewsletterMessageInfo::default()
        }
    }

    fn read(post: &ForwardedNewsletterMessageInfo) -> Self {
        Self {
            newsletter: jid(post.newsletter_jid.as_ref()),
            server_id: post.server_message_id(),
            name: post.newsletter_name.clone(),
        }
    }
}

impl Ad {
    fn build(&self) -> ExternalAdReplyInfo {
        ExternalAdReplyInfo {
            title: self.title.clone(),
            body: self.body.clone(),
            media_type: self.media_type.filter(|kind| external_ad_reply_info::MediaType::is_valid(*kind)),
            source_url: self.source_url.clone(),
            thumbnail_url: self.thumbnail_url.clone(),
            thumbnail: bytes(self.thumbnail.as_ref()),
            render_larger_thumbnail: flag(self.large),
            ..ExternalAdReplyInfo::default()
        }
    }

    fn read(ad: &ExternalAdReplyInfo) -> Self {
        Self {
            title: ad.title.clone(),
            body: ad.body.clone(),
            media_type: ad.media_type,
            source_url: ad.source_url.clone(),
            thumbnail_url: ad.thumbnail_url.clone(),
            thumbnail: blob(ad.thumbnail.as_ref()),
            large: ad.render_larger_thumbnail(),
        }
    }
}
