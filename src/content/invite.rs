//! Invitations: to groups, to administrate or to follow a channel. Reference 06 §4.2.

use alloc::boxed::Box;
use alloc::string::{String, ToString};

use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::{
    GroupInviteMessage, NewsletterAdminInviteMessage, NewsletterFollowerInviteMessage, group_invite_message,
};

use super::error::ContentError;
use super::parts::{Blob, blob, bytes, data, jid, signed, unsigned};
use super::text::limit;
use crate::wire::OwnedJid;

data! {
    /// An invitation to a group, for one person.
    pub struct GroupInvite {
        /// The group.
        pub group: Option<OwnedJid>,
        /// The code.
        pub code: String,
        /// Until when it is good, seconds since 1970.
        pub expires: Option<u64>,
        /// The group's subject.
        pub name: String,
        /// Text below it.
        pub caption: Option<String>,
        /// A small JPEG.
        pub thumbnail: Option<Blob>,
        /// The group is a community.
        pub community: bool,
    }

    /// An invitation to a channel.
    pub struct NewsletterInvite {
        /// The channel.
        pub newsletter: Option<OwnedJid>,
        /// Its name.
        pub name: String,
        /// Text below it.
        pub caption: Option<String>,
        /// A small JPEG.
        pub thumbnail: Option<Blob>,
        /// To administrate it, not only to follow it.
        pub admin: bool,
        /// Until when it is good, seconds since 1970. For administrators only.
        pub expires: Option<u64>,
    }
}

impl GroupInvite {
    pub(super) fn build(&self) -> Result<Message, ContentError> {
        let Some(group) = &self.group else { return Err(ContentError::Empty("the group of the invitation")) };
        if self.code.is_empty() {
            return Err(ContentError::Empty("the code of the invitation"));
        }
        self.caption.as_ref().map_or(Ok(()), |caption| limit("caption", caption))?;
        let invite = GroupInviteMessage {
            group_jid: Some(group.to_string()),
            invite_code: Some(self.code.clone()),
            invite_expiration: self.expires.map(signed),
            group_name: Some(self.name.clone()),
            jpeg_thumbnail: bytes(self.thumbnail.as_ref()),
            caption: self.caption.clone(),
            group_type: self.community.then_some(group_invite_message::GroupType::Parent as i32),
            context_info: None,
        };
        Ok(Message { group_invite_message: Some(Box::new(invite)), ..Message::default() })
    }

    pub(super) fn read(invite: &GroupInviteMessage) -> Self {
        Self {
            group: jid(invite.group_jid.as_ref()),
            code: invite.invite_code().into(),
            expires: invite.invite_expiration.map(unsigned),
            name: invite.group_name().into(),
            caption: invite.caption.clone(),
            thumbnail: blob(invite.jpeg_thumbnail.as_ref()),
            community: invite.group_type() == group_invite_message::GroupType::Parent,
        }
    }
}

impl NewsletterInvite {
    pub(super) fn build(&self) -> Result<Message, ContentError> {
        let Some(newsletter) = &self.newsletter else {
            return Err(ContentError::Empty("the channel of the invitation"));
        };
        self.caption.as_ref().map_or(Ok(()), |caption| limit("caption", caption))?;
        let thumbnail = bytes(self.thumbnail.as_ref());
        if self.admin {
            let invite = NewsletterAdminInviteMessage {
                newsletter_jid: Some(newsletter.to_string()),
                newsletter_name: Some(self.name.clone()),
                jpeg_thumbnail: thumbnail,
                caption: self.caption.clone(),
                invite_expiration: self.expires.map(signed),
                context_info: None,
            };
            return Ok(Message {
                newsletter_admin_invite_message: Some(Box::new(invite)),
                ..Message::default()
            });
        }
        let invite = NewsletterFollowerInviteMessage {
            newsletter_jid: Some(newsletter.to_string()),
            newsletter_name: Some(self.name.clone()),
            jpeg_thumbnail: thumbnail,
            caption: self.caption.clone(),
            context_info: None,
        };
        Ok(Message { newsletter_follower_invite_message_v2: Some(Box::new(invite)), ..Message::default() })
    }

    pub(super) fn read(message: &Message) -> Option<Self> {
        if let Some(invite) = message.newsletter_admin_invite_message.as_deref() {
            return Some(Self {
                newsletter: jid(invite.newsletter_jid.as_ref()),
                name: invite.newsletter_name().into(),
                caption: invite.caption.clone(),
                thumbnail: blob(invite.jpeg_thumbnail.as_ref()),
                admin: true,
                expires: invite.invite_expiration.map(unsigned),
            });
        }
        let invite = message.newsletter_follower_invite_message_v2.as_deref()?;
        Some(Self {
            newsletter: jid(invite.newsletter_jid.as_ref()),
            name: invite.newsletter_name().into(),
            caption: invite.caption.clone(),
            thumbnail: blob(invite.jpeg_thumbnail.as_ref()),
            admin: false,
            expires: None,
        })
    }
}
