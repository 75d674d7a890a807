//! Calendar events, the answers to them, and calls that are planned. Reference 06 §4.5, §4.2.

use alloc::boxed::Box;
use alloc::string::String;

use prost::Message as _;
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::event_response_message::EventResponseType;
use sanswire_proto::whatsapp::message::{
    EncEventResponseMessage, EventInviteMessage, EventMessage, EventResponseMessage,
};
use serde::{Deserialize, Serialize};

use super::build::{Building, iv, sealed};
use super::error::ContentError;
use super::key::Key;
use super::parts::{Blob, blob, data, flag, signed, unsigned};
use super::place::Location;
use super::secret::UseCase;
use super::text::limit;

data! {
    /// An event that people can say whether they come to.
    pub struct CalendarEvent {
        /// What it is called.
        pub name: String,
        /// More about it.
        pub description: Option<String>,
        /// Where.
        pub location: Option<Box<Location>>,
        /// Link of the call that it is.
        pub join_link: Option<String>,
        /// When it begins, seconds since 1970.
        pub start_s: u64,
        /// When it ends, seconds since 1970.
        pub end_s: Option<u64>,
        /// It does not take place.
        pub canceled: bool,
        /// It is a planned call.
        pub call: bool,
        /// People may bring others.
        pub extra_guests: Option<bool>,
        /// Seconds before the beginning at which people are reminded.
        pub reminder_s: Option<u64>,
    }

    /// Whether somebody comes to an event. It replaces their earlier answer.
    pub struct EventResponse {
        /// The event.
        pub event: Key,
        /// The answer.
        pub answer: Answer,
        /// How many others come along.
        pub guests: Option<u32>,
        /// When, milliseconds since 1970; when sending, now if left out.
        pub sent_ms: Option<u64>,
    }

    /// An event shown to somebody who is not in the conversation. Received only.
    pub struct EventInvite {
        /// The event's id.
        pub id: String,
        /// What it is called.
        pub title: String,
        /// Text below it.
        pub caption: Option<String>,
        /// When it begins, seconds since 1970.
        pub start_s: u64,
        /// When it ends, seconds since 1970.
        pub end_s: Option<u64>,
        /// It does not take place.
        pub canceled: bool,
        /// Link of the call that it is.
        pub join_link: Option<String>,
        /// A small JPEG.
        pub thumbnail: Option<Blob>,
    }
}

/// An answer to an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// None that this version knows.
    #[default]
    Unknown,
    /// Comes.
    Going,
    /// Does not come.
    NotGoing,
    /// Perhaps.
    Maybe,
}

impl CalendarEvent {
    pub(super) fn build(&self) -> Result<Message, ContentError> {
        if self.name.is_empty() {
            return Err(ContentError::Empty("the name of the event"));
        }
        if self.start_s == 0 {
            return Err(ContentError::Empty("the beginning of the event"));
        }
        limit("name of the event", &self.name)?;
        self.description.as_ref().map_or(Ok(()), |text| limit("description of the event", text))?;
        if self.end_s.is_some_and(|end| end < self.start_s) {
            return Err(ContentError::Invalid { what: "event", why: "it ends before it begins" });
        }
        let location = self.location.as_ref().map(|location| location.message()).transpose()?;
        // Two flags are written though they are not set: all clients do.
        let event = EventMessage {
            is_canceled: Some(self.canceled),
            name: Some(self.name.clone()),
            description: self.description.clone(),
            location: location.map(Into::into),
            join_link: self.join_link.clone(),
            start_time: Some(signed(self.start_s)),
            end_time: self.end_s.map(signed),
            extra_guests_allowed: self.extra_guests,
            is_schedule_call: Some(self.call),
            has_reminder: flag(self.reminder_s.is_some()),
            reminder_offset_sec: self.reminder_s.map(signed),
            context_info: None,
        };
        Ok(Message { event_message: Some(Box::new(event)), ..Message::default() })
    }

    pub(super) fn read(event: &EventMessage) -> Self {
        Self {
            name: event.name().into(),
            description: event.description.clone(),
            location: event.location.as_deref().map(|location| Box::new(Location::read(location))),
            join_link: event.join_link.clone(),
            start_s: unsigned(event.start_time()),
            end_s: event.end_time.map(unsigned),
            canceled: event.is_canceled(),
            call: event.is_schedule_call(),
            extra_guests: event.extra_guests_allowed,
            reminder_s: event.reminder_offset_sec.filter(|_| event.has_reminder()).map(unsigned),
        }
    }
}

impl EventResponse {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        let answer = match self.answer {
            Answer::Going => EventResponseType::Going,
            Answer::NotGoing => EventResponseType::NotGoing,
            Answer::Maybe => EventResponseType::Maybe,
            Answer::Unknown => return Err(ContentError::Empty("the answer to the event")),
        };
        let response = EventResponseMessage {
            response: Some(answer as i32),
            timestamp_ms: Some(signed(self.sent_ms.unwrap_or(with.now_ms))),
            extra_guest_count: self.guests.map(|guests| i32::try_from(guests).unwrap_or(i32::MAX)),
        };
        let payload = sealed(UseCase::EventResponse, &self.event, &response.encode_to_vec(), with)?;
        let message = EncEventResponseMessage {
            event_creation_message_key: Some(self.event.build(with)?),
            enc_payload: Some(payload),
            enc_iv: Some(iv(with)),
        };
        Ok(Message { enc_event_response_message: Some(Box::new(message)), ..Message::default() })
    }

    pub(super) fn read(response: &EventResponseMessage, event: Key) -> Self {
        let answer = match response.response() {
            EventResponseType::Unknown => Answer::Unknown,
            EventResponseType::Going => Answer::Going,
            EventResponseType::NotGoing => Answer::NotGoing,
            EventResponseType::Maybe => Answer::Maybe,
        };
        Self {
            event,
            answer,
            guests: response.extra_guest_count.and_then(|guests| u32::try_from(guests).ok()),
            sent_ms: response.timestamp_ms.map(unsigned),
        }
    }
}

impl EventInvite {
    pub(super) fn read(invite: &EventInviteMessage) -> Self {
        Self {
            id: invite.event_id().into(),
            title: invite.event_title().into(),
            caption: invite.caption.clone(),
            start_s: unsigned(invite.start_time()),
            end_s: invite.end_time.map(unsigned),
            canceled: invite.is_canceled(),
            join_link: invite.call_link.clone(),
            thumbnail: blob(invite.jpeg_thumbnail.as_ref()),
        }
    }
}
