//! Buttons, lists and flows of businesses, and the replies to them. Reference 06 §4.7, §9.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::hydrated_template_button::HydratedButton;
use sanswire_proto::whatsapp::message::buttons_message::button::{ButtonText, Type as ButtonType};
use sanswire_proto::whatsapp::message::buttons_message::{Button as ProtoButton, Header, HeaderType};
use sanswire_proto::whatsapp::message::interactive_message::native_flow_message::NativeFlowButton;
use sanswire_proto::whatsapp::message::interactive_message::{
    Body, Footer, Header as FlowHeader, InteractiveMessage as Flow, NativeFlowMessage, header::Media,
};
use sanswire_proto::whatsapp::message::list_message::{ListType, Row, Section};
use sanswire_proto::whatsapp::message::template_message::{
    Format, HydratedFourRowTemplate, hydrated_four_row_template::Title,
};
use sanswire_proto::whatsapp::message::{
    ButtonsMessage, FutureProofMessage, InteractiveMessage, ListMessage, TemplateMessage,
};

use super::build::Building;
use super::error::ContentError;
use super::kinds::Content;
use super::media::{Document, Image, Video};
use super::parts::{data, flag};
use super::place::Location;
use super::text::{Text, limit};
use crate::limits::{BUTTONS_PER_MESSAGE, LIST_ROWS};

data! {
    /// A text with buttons. From normal accounts servers usually refuse it, or phones do not show it.
    pub struct Buttons {
        /// What stands above: text, a picture, a video, a document or a place.
        pub header: Option<Box<Content>>,
        /// What it says.
        pub body: String,
        /// Small text below.
        pub footer: Option<String>,
        /// The buttons. Those of templates may lead to a page or a number.
        pub buttons: Vec<Button>,
        /// It is a template of a business. Received only.
        pub template: bool,
    }

    /// A button.
    pub struct Button {
        /// Its id; the reply has it.
        pub id: String,
        /// What stands on it.
        pub text: String,
        /// The page that it opens.
        pub url: Option<String>,
        /// The number that it calls.
        pub phone: Option<String>,
    }

    /// A list to choose from. From normal accounts servers usually refuse it, or phones do not show it.
    pub struct List {
        /// Its title.
        pub title: Option<String>,
        /// What it says.
        pub description: String,
        /// What stands on the button that opens it.
        pub button: String,
        /// Small text below.
        pub footer: Option<String>,
        /// The rows, in sections.
        pub sections: Vec<ListSection>,
        /// It is a list of products. Received only.
        pub products: bool,
    }

    /// A part of a list.
    pub struct ListSection {
        /// Its title.
        pub title: String,
        /// Its rows.
        pub rows: Vec<ListRow>,
    }

    /// A row of a list.
    pub struct ListRow {
        /// Its id; the reply has it.
        pub id: String,
        /// Its title.
        pub title: String,
        /// More about it.
        pub description: Option<String>,
    }

    /// A flow: buttons whose meaning is named, with JSON for each. From normal accounts usually refused.
    pub struct Interactive {
        /// Its title.
        pub title: Option<String>,
        /// Text below the title.
        pub subtitle: Option<String>,
        /// A picture, a video, a document or a place above it.
        pub header: Option<Box<Content>>,
        /// What it says.
        pub body: String,
        /// Small text below.
        pub footer: Option<String>,
        /// The buttons.
        pub buttons: Vec<FlowButton>,
        /// JSON for the whole.
        pub params: Option<String>,
        /// Version of the form.
        pub version: Option<i32>,
        /// Another form of interaction, which this version has no fields for: `shop`, `collection` or `carousel`.
        /// Received only.
        pub form: Option<String>,
    }

    /// A button of a flow.
    pub struct FlowButton {
        /// What it does.
        pub name: String,
        /// JSON for it.
        pub params: String,
    }
}

impl Buttons {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        if self.template {
            return Err(ContentError::NotSendable("a template"));
        }
        texts(&self.body, self.footer.as_ref())?;
        count(self.buttons.len())?;
        if self.buttons.iter().any(|button| button.url.is_some() || button.phone.is_some()) {
            return Err(ContentError::Invalid {
                what: "button",
                why: "only those of templates lead elsewhere",
            });
        }
        let (kind, header) = match self.header.as_deref() {
            None => (HeaderType::Empty, None),
            Some(Content::Text(text)) => (HeaderType::Text, Some(Header::Text(text.body.clone()))),
            Some(Content::Image(image)) => {
                (HeaderType::Image, Some(Header::ImageMessage(Box::new(image.message(with)?))))
            }
            Some(Content::Video(video)) => {
                (HeaderType::Video, Some(Header::VideoMessage(Box::new(video.message(with)?))))
            }
            Some(Content::Document(document)) => {
                (HeaderType::Document, Some(Header::DocumentMessage(Box::new(document.message(with)?))))
            }
            Some(Content::Location(place)) => {
                (HeaderType::Location, Some(Header::LocationMessage(Box::new(place.message()?))))
            }
            Some(_) => return Err(wrong_header()),
        };
        let buttons = self.buttons.iter().map(|button| ProtoButton {
            button_id: Some(button.id.clone()),
            button_text: Some(ButtonText { display_text: Some(button.text.clone()) }),
            r#type: Some(ButtonType::Response as i32),
            native_flow_info: None,
        });
        let message = ButtonsMessage {
            content_text: Some(self.body.clone()),
            footer_text: self.footer.clone(),
            buttons: buttons.collect(),
            header_type: Some(kind as i32),
            header,
            context_info: None,
        };
        Ok(Message { buttons_message: Some(Box::new(message)), ..Message::default() })
    }

    pub(super) fn read(message: &ButtonsMessage) -> Self {
        let header = message.header.as_ref().map(|header| match header {
            Header::Text(text) => Content::Text(Text::new(text.clone())),
            Header::DocumentMessage(document) => Content::Document(Document::read(document)),
            Header::ImageMessage(image) => Content::Image(Image::read(image)),
            Header::VideoMessage(video) => Content::Video(Video::read(video, false)),
            Header::LocationMessage(place) => Content::Location(Location::read(place)),
        });
        let button = |button: &ProtoButton| Button {
            id: button.button_id().into(),
            text: button.button_text.as_ref().map(|text| text.display_text().to_string()).unwrap_or_default(),
            ..Button::default()
        };
        Self {
            header: header.map(Box::new),
            body: message.content_text().into(),
            footer: message.footer_text.clone(),
            buttons: message.buttons.iter().map(button).collect(),
            template: false,
        }
    }

    /// Of the forms of a template the first one that people can read.
    pub(super) fn read_template(template: &TemplateMessage) -> Option<Self> {
        let formatted = match &template.format {
            Some(Format::HydratedFourRowTemplate(rows)) => Some(rows.as_ref()),
            _ => None,
        };
        let rows: &HydratedFourRowTemplate = formatted.or(template.hydrated_template.as_deref())?;
        let header = rows.title.as_ref().map(|title| match title {
            Title::HydratedTitleText(text) => Content::Text(Text::new(text.clone())),
            Title::DocumentMessage(document) => Content::Document(Document::read(document)),
            Title::ImageMessage(image) => Content::Image(Image::read(image)),
            Title::VideoMessage(video) => Content::Video(Video::read(video, false)),
            Title::LocationMessage(place) => Content::Location(Location::read(place)),
        });
        let buttons = rows.hydrated_buttons.iter().filter_map(|button| {
            Some(match button.hydrated_button.as_ref()? {
                HydratedButton::QuickReplyButton(reply) => {
                    Button { id: reply.id().into(), text: reply.display_text().into(), ..Button::default() }
                }
                HydratedButton::UrlButton(link) => {
                    Button { text: link.display_text().into(), url: link.url.clone(), ..Button::default() }
                }
                HydratedButton::CallButton(call) => Button {
                    text: call.display_text().into(),
                    phone: call.phone_number.clone(),
                    ..Button::default()
                },
            })
        });
        Some(Self {
            header: header.map(Box::new),
            body: rows.hydrated_content_text().into(),
            footer: rows.hydrated_footer_text.clone(),
            buttons: buttons.collect(),
            template: true,
        })
    }
}

impl List {
    pub(super) fn build(&self) -> Result<Message, ContentError> {
        if self.products {
            return Err(ContentError::NotSendable("a list of products"));
        }
        texts(&self.description, self.footer.as_ref())?;
        let rows: usize = self.sections.iter().map(|section| section.rows.len()).sum();
        if rows == 0 {
            return Err(ContentError::Empty("the list"));
        }
        if rows > LIST_ROWS {
            return Err(ContentError::TooLong { what: "list", limit: LIST_ROWS });
        }
        let row = |row: &ListRow| Row {
            title: Some(row.title.clone()),
            description: row.description.clone(),
            row_id: Some(row.id.clone()),
        };
        let section = |section: &ListSection| Section {
            title: Some(section.title.clone()),
            rows: section.rows.iter().map(row).collect(),
        };
        let list = ListMessage {
            title: self.title.clone(),
            description: Some(self.description.clone()),
            button_text: Some(self.button.clone()),
            list_type: Some(ListType::SingleSelect as i32),
            sections: self.sections.iter().map(section).collect(),
            footer_text: self.footer.clone(),
            ..ListMessage::default()
        };
        Ok(Message { list_message: Some(Box::new(list)), ..Message::default() })
    }

    pub(super) fn read(list: &ListMessage) -> Self {
        let row = |row: &Row| ListRow {
            id: row.row_id().into(),
            title: row.title().into(),
            description: row.description.clone(),
        };
        let section = |section: &Section| ListSection {
            title: section.title().into(),
            rows: section.rows.iter().map(row).collect(),
        };
        Self {
            title: list.title.clone(),
            description: list.description().into(),
            button: list.button_text().into(),
            footer: list.footer_text.clone(),
            sections: list.sections.iter().map(section).collect(),
            products: list.list_type() == ListType::ProductList,
        }
    }
}

impl Interactive {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        if self.form.is_some() {
            return Err(ContentError::NotSendable("a shop, a collection or a carousel"));
        }
        texts(&self.body, self.footer.as_ref())?;
        count(self.buttons.len())?;
        let media = match self.header.as_deref() {
            None => None,
            Some(Content::Image(image)) => Some(Media::ImageMessage(Box::new(image.message(with)?))),
            Some(Content::Video(video)) => Some(Media::VideoMessage(Box::new(video.message(with)?))),
            Some(Content::Document(document)) => {
                Some(Media::DocumentMessage(Box::new(document.message(with)?)))
            }
            Some(Content::Location(place)) => Some(Media::LocationMessage(Box::new(place.message()?))),
            Some(_) => return Err(wrong_header()),
        };
        let header = FlowHeader {
            title: self.title.clone(),
            subtitle: self.subtitle.clone(),
            has_media_attachment: flag(media.is_some()),
            media,
            bloks_widget: None,
        };
        let buttons = self.buttons.iter().map(|button| NativeFlowButton {
            name: Some(button.name.clone()),
            button_params_json: Some(button.params.clone()),
        });
        let flow = NativeFlowMessage {
            buttons: buttons.collect(),
            message_params_json: self.params.clone(),
            message_version: self.version,
        };
        let message = InteractiveMessage {
            header: Some(Box::new(header)).filter(|header| **header != FlowHeader::default()),
            body: Some(Body { text: Some(self.body.clone()) }),
            footer: self
                .footer
                .as_ref()
                .map(|text| Box::new(Footer { text: Some(text.clone()), ..Footer::default() })),
            interactive_message: Some(Flow::NativeFlowMessage(flow)),
            ..InteractiveMessage::default()
        };
        Ok(Message { interactive_message: Some(Box::new(message)), ..Message::default() })
    }

    pub(super) fn read(message: &InteractiveMessage) -> Self {
        let header = message.header.as_deref();
        let media = header.and_then(|header| match header.media.as_ref()? {
            Media::DocumentMessage(document) => Some(Content::Document(Document::read(document))),
            Media::ImageMessage(image) => Some(Content::Image(Image::read(image))),
            Media::VideoMessage(video) => Some(Content::Video(Video::read(video, false))),
            Media::LocationMessage(place) => Some(Content::Location(Location::read(place))),
            Media::JpegThumbnail(_) | Media::ProductMessage(_) => None,
        });
        let (flow, form) = match &message.interactive_message {
            Some(Flow::NativeFlowMessage(flow)) => (Some(flow), None),
            Some(Flow::ShopStorefrontMessage(_)) => (None, Some("shop")),
            Some(Flow::CollectionMessage(_)) => (None, Some("collection")),
            Some(Flow::CarouselMessage(_)) => (None, Some("carousel")),
            None => (None, None),
        };
        let button = |button: &NativeFlowButton| FlowButton {
            name: button.name().into(),
            params: button.button_params_json().into(),
        };
        Self {
            title: header.and_then(|header| header.title.clone()),
            subtitle: header.and_then(|header| header.subtitle.clone()),
            header: media.map(Box::new),
            body: message.body.as_ref().map(|body| body.text().to_string()).unwrap_or_default(),
            footer: message.footer.as_ref().and_then(|footer| footer.text.clone()),
            buttons: flow.map(|flow| flow.buttons.iter().map(button).collect()).unwrap_or_default(),
            params: flow.and_then(|flow| flow.message_params_json.clone()),
            version: flow.and_then(|flow| flow.message_version),
            form: form.map(ToString::to_string),
        }
    }
}

/// A flow with a file above it goes into the wrapper of captioned documents.
pub(super) fn wrap_flow(message: Message) -> Message {
    let header = message.interactive_message.as_deref().and_then(|flow| flow.header.as_deref());
    if !header.is_some_and(FlowHeader::has_media_attachment) {
        return message;
    }
    let wrapper = FutureProofMessage { message: Some(Box::new(message)) };
    Message { document_with_caption_message: Some(Box::new(wrapper)), ..Message::default() }
}

fn texts(body: &str, footer: Option<&String>) -> Result<(), ContentError> {
    if body.is_empty() {
        return Err(ContentError::Empty("the text above the buttons"));
    }
    limit("text above the buttons", body)?;
    footer.map_or(Ok(()), |footer| limit("footer", footer))
}

fn count(buttons: usize) -> Result<(), ContentError> {
    match buttons {
        0 => Err(ContentError::Empty("the list of buttons")),
        1..=BUTTONS_PER_MESSAGE => Ok(()),
        _ => Err(ContentError::TooLong { what: "list of buttons", limit: BUTTONS_PER_MESSAGE }),
    }
}

fn wrong_header() -> ContentError {
    ContentError::Invalid { what: "header", why: "not a picture, a video, a document or a place" }
}
