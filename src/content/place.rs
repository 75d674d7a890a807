//! Places and people: locations, live locations, contact cards. Reference 06 §4.2.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::{
    ContactMessage, ContactsArrayMessage, LiveLocationMessage, LocationMessage,
};

use super::error::ContentError;
use super::number::Number;
use super::parts::{Blob, blob, bytes, data, signed, unsigned};
use super::text::limit;
use crate::limits::CONTACTS_PER_MESSAGE;

data! {
    /// A place.
    pub struct Location {
        /// Degrees north.
        pub latitude: Number,
        /// Degrees east.
        pub longitude: Number,
        /// What is there.
        pub name: Option<String>,
        /// Its address.
        pub address: Option<String>,
        /// A page about it.
        pub url: Option<String>,
        /// It is the start of a live location, in the older form.
        pub live: Option<bool>,
        /// How far off it may be, in metres.
        pub accuracy_m: Option<u32>,
        /// Metres per second.
        pub speed: Option<Number>,
        /// Direction in degrees clockwise from north.
        pub heading: Option<u32>,
        /// Text below it.
        pub comment: Option<String>,
        /// A small JPEG of the map.
        pub thumbnail: Option<Blob>,
    }

    /// A place that changes: later ones of the same share have higher numbers.
    pub struct LiveLocation {
        /// Degrees north.
        pub latitude: Number,
        /// Degrees east.
        pub longitude: Number,
        /// How far off it may be, in metres.
        pub accuracy_m: Option<u32>,
        /// Metres per second.
        pub speed: Option<Number>,
        /// Direction in degrees clockwise from north.
        pub heading: Option<u32>,
        /// Text below it.
        pub caption: Option<String>,
        /// Number of the update.
        pub sequence: Option<u64>,
        /// Seconds since the share began.
        pub offset_s: Option<u32>,
        /// A small JPEG of the map.
        pub thumbnail: Option<Blob>,
    }

    /// Contact cards.
    pub struct Contacts {
        /// Name of the whole, when there are several.
        pub name: Option<String>,
        /// The cards.
        pub contacts: Vec<Contact>,
    }

    /// A contact card.
    pub struct Contact {
        /// The name shown.
        pub name: String,
        /// The card, as vCard text.
        pub vcard: String,
    }
}

impl Location {
    pub(super) fn message(&self) -> Result<LocationMessage, ContentError> {
        for text in [&self.name, &self.address, &self.url, &self.comment].into_iter().flatten() {
            limit("text of the location", text)?;
        }
        Ok(LocationMessage {
            degrees_latitude: Some(self.latitude.get()),
            degrees_longitude: Some(self.longitude.get()),
            name: self.name.clone(),
            address: self.address.clone(),
            url: self.url.clone(),
            is_live: self.live,
            accuracy_in_meters: self.accuracy_m,
            speed_in_mps: self.speed.map(Number::to_single),
            degrees_clockwise_from_magnetic_north: self.heading,
            comment: self.comment.clone(),
            jpeg_thumbnail: bytes(self.thumbnail.as_ref()),
            context_info: None,
        })
    }

    pub(super) fn build(&self) -> Result<Message, ContentError> {
        Ok(Message { location_message: Some(Box::new(self.message()?)), ..Message::default() })
    }

    pub(super) fn read(location: &LocationMessage) -> Self {
        Self {
            latitude: Number::new(location.degrees_latitude()),
            longitude: Number::new(location.degrees_longitude()),
            name: location.name.clone(),
            address: location.address.clone(),
            url: location.url.clone(),
            live: location.is_live,
            accuracy_m: location.accuracy_in_meters,
            speed: location.speed_in_mps.map(Number::single),
            heading: location.degrees_clockwise_from_magnetic_north,
            comment: location.comment.clone(),
            thumbnail: blob(location.jpeg_thumbnail.as_ref()),
        }
    }
}

impl LiveLocation {
    pub(super) fn build(&self) -> Result<Message, ContentError> {
        self.caption.as_ref().map_or(Ok(()), |caption| limit("caption", caption))?;
        let live = LiveLocationMessage {
            degrees_latitude: Some(self.latitude.get()),
            degrees_longitude: Some(self.longitude.get()),
            accuracy_in_meters: self.accuracy_m,
            speed_in_mps: self.speed.map(Number::to_single),
            degrees_clockwise_from_magnetic_north: self.heading,
            caption: self.caption.clone(),
            sequence_number: self.sequence.map(signed),
            time_offset: self.offset_s,
            jpeg_thumbnail: bytes(self.thumbnail.as_ref()),
            context_info: None,
        };
        Ok(Message { live_location_message: Some(Box::new(live)), ..Message::default() })
    }

    pub(super) fn read(live: &LiveLocationMessage) -> Self {
        Self {
            latitude: Number::new(live.degrees_latitude()),
            longitude: Number::new(live.degrees_longitude()),
            accuracy_m: live.accuracy_in_meters,
            speed: live.speed_in_mps.map(Number::single),
            heading: live.degrees_clockwise_from_magnetic_north,
            caption: live.caption.clone(),
            sequence: live.sequence_number.map(unsigned),
            offset_s: live.time_offset,
            thumbnail: blob(live.jpeg_thumbnail.as_ref()),
        }
    }
}

impl Contacts {
    /// One card is a kind of its own.
    pub(super) fn build(&self) -> Result<Message, ContentError> {
        if self.contacts.len() > CONTACTS_PER_MESSAGE {
            return Err(ContentError::TooLong { what: "list of contacts", limit: CONTACTS_PER_MESSAGE });
        }
        for contact in &self.contacts {
            limit("contact card", &contact.vcard)?;
        }
        match self.contacts.as_slice() {
            [] => Err(ContentError::Empty("the list of contacts")),
            [contact] => {
                Ok(Message { contact_message: Some(Box::new(contact.build())), ..Message::default() })
            }
            contacts => {
                let array = ContactsArrayMessage {
                    display_name: self.name.clone(),
                    contacts: contacts.iter().map(Contact::build).collect(),
                    context_info: None,
                };
                Ok(Message { contacts_array_message: Some(Box::new(array)), ..Message::default() })
            }
        }
    }

    pub(super) fn read(message: &Message) -> Option<Self> {
        if let Some(contact) = message.contact_message.as_deref() {
            return Some(Self { name: None, contacts: [Contact::read(contact)].into() });
        }
        let array = message.contacts_array_message.as_deref()?;
        Some(Self {
            name: array.display_name.clone(),
            contacts: array.contacts.iter().map(Contact::read).collect(),
        })
    }
}

impl Contact {
    fn build(&self) -> ContactMessage {
        ContactMessage {
            display_name: Some(self.name.clone()),
            vcard: Some(self.vcard.clone()),
            ..ContactMessage::default()
        }
    }

    fn read(contact: &ContactMessage) -> Self {
        Self { name: contact.display_name().into(), vcard: contact.vcard().into() }
    }
}
