//! Goods and money: products, orders, invoices, payments. Reference 06 §4.7.

use alloc::boxed::Box;
use alloc::string::{String, ToString};

use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::product_message::ProductSnapshot;
use sanswire_proto::whatsapp::message::{InvoiceMessage, OrderMessage, ProductMessage};

use super::build::Building;
use super::error::ContentError;
use super::key::Key;
use super::media::Image;
use super::parts::{Blob, blob, data, jid, unsigned};
use super::text::limit;
use crate::wire::OwnedJid;

data! {
    /// A product of a business's catalogue.
    pub struct Product {
        /// The product's id.
        pub id: String,
        /// What it is called.
        pub title: String,
        /// More about it.
        pub description: Option<String>,
        /// Currency of the prices, three letters.
        pub currency: Option<String>,
        /// Price in thousandths.
        pub price_1000: Option<i64>,
        /// Lower price for now, in thousandths.
        pub sale_price_1000: Option<i64>,
        /// The business's own number of it.
        pub retailer_id: Option<String>,
        /// A page about it.
        pub url: Option<String>,
        /// How many pictures it has.
        pub pictures: Option<u32>,
        /// Its picture.
        pub image: Option<Box<Image>>,
        /// The business.
        pub owner: Option<OwnedJid>,
        /// Text with it.
        pub body: Option<String>,
        /// Small text below.
        pub footer: Option<String>,
    }

    /// An order. Received only.
    pub struct Order {
        /// The order's id.
        pub id: String,
        /// Its title.
        pub title: Option<String>,
        /// Text with it.
        pub text: Option<String>,
        /// How many things.
        pub items: u32,
        /// 1 asked for, 2 accepted, 3 declined.
        pub status: Option<i32>,
        /// Who sells.
        pub seller: Option<OwnedJid>,
        /// With which its details can be asked for.
        pub token: Option<Blob>,
        /// Sum in thousandths.
        pub total_1000: Option<i64>,
        /// Currency of the sum.
        pub currency: Option<String>,
        /// A small JPEG.
        pub thumbnail: Option<Blob>,
    }

    /// An invoice. Received only.
    pub struct Invoice {
        /// What for.
        pub note: String,
        /// Its token.
        pub token: Option<Blob>,
        /// What its attachment is.
        pub mimetype: Option<String>,
        /// Path of its attachment on the media servers.
        pub direct_path: Option<String>,
        /// Key of its attachment.
        pub media_key: Option<Blob>,
    }

    /// Something about a payment. Received only.
    pub struct Payment {
        /// `sent`, `requested`, `declined`, `canceled` or `invited`.
        pub what: String,
        /// Currency, three letters.
        pub currency: Option<String>,
        /// Amount in thousandths.
        pub amount_1000: Option<u64>,
        /// From whom it is asked.
        pub from: Option<OwnedJid>,
        /// Until when, seconds since 1970.
        pub expires: Option<u64>,
        /// The request that it is about.
        pub request: Option<Key>,
        /// What was said with it.
        pub note: Option<String>,
    }
}

impl Product {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        if self.id.is_empty() {
            return Err(ContentError::Empty("the id of the product"));
        }
        let Some(owner) = &self.owner else { return Err(ContentError::Empty("the owner of the product")) };
        self.body.as_ref().map_or(Ok(()), |body| limit("text of the product", body))?;
        let image = self.image.as_ref().map(|image| image.message(with)).transpose()?;
        let product = ProductSnapshot {
            product_image: image.map(Into::into),
            product_id: Some(self.id.clone()),
            title: Some(self.title.clone()),
            description: self.description.clone(),
            currency_code: self.currency.clone(),
            price_amount1000: self.price_1000,
            retailer_id: self.retailer_id.clone(),
            url: self.url.clone(),
            product_image_count: self.pictures,
            sale_price_amount1000: self.sale_price_1000,
            ..ProductSnapshot::default()
        };
        let message = ProductMessage {
            product: Some(Box::new(product)),
            business_owner_jid: Some(owner.bare().to_string()),
            body: self.body.clone(),
            footer: self.footer.clone(),
            ..ProductMessage::default()
        };
        Ok(Message { product_message: Some(Box::new(message)), ..Message::default() })
    }

    fn read(message: &ProductMessage) -> Self {
        let product = message.product.as_deref().cloned().unwrap_or_default();
        Self {
            id: product.product_id().into(),
            title: product.title().into(),
            image: product.product_image.as_deref().map(|image| Box::new(Image::read(image))),
            description: product.description,
            currency: product.currency_code,
            price_1000: product.price_amount1000,
            sale_price_1000: product.sale_price_amount1000,
            retailer_id: product.retailer_id,
            url: product.url,
            pictures: product.product_image_count,
            owner: jid(message.business_owner_jid.as_ref()),
            body: message.body.clone(),
            footer: message.footer.clone(),
        }
    }
}

impl Order {
    fn read(order: &OrderMessage) -> Self {
        Self {
            id: order.order_id().into(),
            title: order.order_title.clone(),
            text: order.message.clone(),
            items: u32::try_from(order.item_count()).unwrap_or(0),
            status: order.status,
            seller: jid(order.seller_jid.as_ref()),
            token: order.token.as_ref().map(|token| token.as_bytes().into()),
            total_1000: order.total_amount1000,
            currency: order.total_currency_code.clone(),
            thumbnail: blob(order.thumbnail.as_ref()),
        }
    }
}

impl Invoice {
    fn read(invoice: &InvoiceMessage) -> Self {
        Self {
            note: invoice.note().into(),
            token: invoice.token.as_ref().map(|token| token.as_bytes().into()),
            mimetype: invoice.attachment_mimetype.clone(),
            direct_path: invoice.attachment_direct_path.clone(),
            media_key: blob(invoice.attachment_media_key.as_ref()),
        }
    }
}

impl Payment {
    fn read(message: &Message) -> Option<Self> {
        let of = |what: &str| Self { what: what.into(), ..Self::default() };
        if let Some(sent) = message.send_payment_message.as_deref() {
            let request = Key::read(sent.request_message_key.as_ref());
            return Some(Self { request, note: note(sent.note_message.as_deref()), ..of("sent") });
        }
        if let Some(asked) = message.request_payment_message.as_deref() {
            return Some(Self {
                currency: asked.currency_code_iso4217.clone(),
                amount_1000: asked.amount1000,
                from: jid(asked.request_from.as_ref()),
                expires: asked.expiry_timestamp.map(unsigned),
                note: note(asked.note_message.as_deref()),
                ..of("requested")
            });
        }
        if let Some(declined) = message.decline_payment_request_message.as_deref() {
            return Some(Self { request: Key::read(declined.key.as_ref()), ..of("declined") });
        }
        if let Some(canceled) = message.cancel_payment_request_message.as_deref() {
            return Some(Self { request: Key::read(canceled.key.as_ref()), ..of("canceled") });
        }
        let invite = message.payment_invite_message.as_deref()?;
        Some(Self { expires: invite.expiry_timestamp.map(unsigned), ..of("invited") })
    }
}

/// The text of the message that goes with a payment.
fn note(message: Option<&Message>) -> Option<String> {
    let message = message?;
    let extended = message.extended_text_message.as_deref().and_then(|text| text.text.clone());
    extended.or_else(|| message.conversation.clone())
}

/// The view of goods and money; `None` for other kinds.
pub(super) fn read(message: &Message) -> Option<super::Content> {
    use super::Content;
    if let Some(product) = message.product_message.as_deref() {
        return Some(Content::Product(Product::read(product)));
    }
    if let Some(order) = message.order_message.as_deref() {
        return Some(Content::Order(Order::read(order)));
    }
    if let Some(invoice) = message.invoice_message.as_deref() {
        return Some(Content::Invoice(Invoice::read(invoice)));
    }
    Payment::read(message).map(Content::Payment)
}
