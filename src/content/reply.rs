//! Replies to buttons, lists, templates and flows. Reference 06 §4.7.

use alloc::boxed::Box;
use alloc::string::{String, ToString};

use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::buttons_response_message::{Response, Type as ResponseType};
use sanswire_proto::whatsapp::message::interactive_response_message::{
    Body, InteractiveResponseMessage as Flow, NativeFlowResponseMessage,
};
use sanswire_proto::whatsapp::message::list_response_message::{ListType, SingleSelectReply};
use sanswire_proto::whatsapp::message::{
    ButtonsResponseMessage, InteractiveResponseMessage, ListResponseMessage, TemplateButtonReplyMessage,
};

use super::error::ContentError;
use super::parts::data;

data! {
    /// The press of a button.
    pub struct ButtonReply {
        /// The button's id.
        pub id: String,
        /// What stands on it.
        pub text: String,
        /// Its place among the buttons of a template, from 0; `None` for buttons of no template.
        pub index: Option<u32>,
    }

    /// A row chosen from a list.
    pub struct ListReply {
        /// The row's id.
        pub row: String,
        /// Its title.
        pub title: String,
        /// More about it.
        pub description: Option<String>,
    }

    /// The end of a flow.
    pub struct InteractiveReply {
        /// What it says, for people.
        pub body: Option<String>,
        /// Which flow.
        pub name: String,
        /// JSON of what was entered.
        pub params: String,
        /// Version of the form.
        pub version: Option<i32>,
    }
}

impl ButtonReply {
    pub(super) fn build(&self) -> Result<Message, ContentError> {
        if self.id.is_empty() {
            return Err(ContentError::Empty("the id of the button"));
        }
        if self.index.is_some() {
            let reply = TemplateButtonReplyMessage {
                selected_id: Some(self.id.clone()),
                selected_display_text: Some(self.text.clone()),
                selected_index: self.index,
                ..TemplateButtonReplyMessage::default()
            };
            return Ok(Message {
                template_button_reply_message: Some(Box::new(reply)),
                ..Message::default()
            });
        }
        let reply = ButtonsResponseMessage {
            selected_button_id: Some(self.id.clone()),
            response: Some(Response::SelectedDisplayText(self.text.clone())),
            r#type: Some(ResponseType::DisplayText as i32),
            context_info: None,
        };
        Ok(Message { buttons_response_message: Some(Box::new(reply)), ..Message::default() })
    }

    pub(super) fn read(message: &Message) -> Option<Self> {
        if let Some(reply) = message.template_button_reply_message.as_deref() {
            return Some(Self {
                id: reply.selected_id().into(),
                text: reply.selected_display_text().into(),
                index: Some(reply.selected_index()),
            });
        }
        let reply = message.buttons_response_message.as_deref()?;
        let text = reply.response.as_ref().map(|Response::SelectedDisplayText(text)| text.clone());
        Some(Self { id: reply.selected_button_id().into(), text: text.unwrap_or_default(), index: None })
    }
}

impl ListReply {
    pub(super) fn build(&self) -> Result<Message, ContentError> {
        if self.row.is_empty() {
            return Err(ContentError::Empty("the id of the row"));
        }
        let reply = ListResponseMessage {
            title: Some(self.title.clone()),
            list_type: Some(ListType::SingleSelect as i32),
            single_select_reply: Some(SingleSelectReply { selected_row_id: Some(self.row.clone()) }),
            description: self.description.clone(),
            context_info: None,
        };
        Ok(Message { list_response_message: Some(Box::new(reply)), ..Message::default() })
    }

    pub(super) fn read(reply: &ListResponseMessage) -> Self {
        let row = reply.single_select_reply.as_ref().map(|row| row.selected_row_id().to_string());
        Self {
            row: row.unwrap_or_default(),
            title: reply.title().into(),
            description: reply.description.clone(),
        }
    }
}

impl InteractiveReply {
    pub(super) fn build(&self) -> Result<Message, ContentError> {
        if self.name.is_empty() {
            return Err(ContentError::Empty("the name of the flow"));
        }
        let flow = NativeFlowResponseMessage {
            name: Some(self.name.clone()),
            params_json: Some(self.params.clone()),
            version: self.version,
        };
        let reply = InteractiveResponseMessage {
            body: self.body.as_ref().map(|text| Body { text: Some(text.clone()), format: None }),
            interactive_response_message: Some(Flow::NativeFlowResponseMessage(flow)),
            context_info: None,
        };
        Ok(Message { interactive_response_message: Some(Box::new(reply)), ..Message::default() })
    }

    pub(super) fn read(reply: &InteractiveResponseMessage) -> Self {
        let flow = reply
            .interactive_response_message
            .as_ref()
            .map(|Flow::NativeFlowResponseMessage(flow)| flow.clone())
            .unwrap_or_default();
        Self {
            body: reply.body.as_ref().and_then(|body| body.text.clone()),
            name: flow.name().into(),
            params: flow.params_json().into(),
            version: flow.version,
        }
    }
}
