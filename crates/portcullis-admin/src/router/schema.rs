//! Schemas of fields that the derive macro cannot describe.

use utoipa::openapi::{
    RefOr,
    schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, SchemaType, Type},
};

/// A text without control characters.
const LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";
/// A text without control characters that is not blank.
const NON_BLANK_LINE: &str =
    r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";

pub(crate) fn owner() -> RefOr<Schema> {
    let description = "Whom the key belongs to. Without `keys:admin`, the caller itself.";
    let owner = text(128, NON_BLANK_LINE).schema_type(Type::String);
    owner.description(Some(description)).into()
}

pub(crate) fn name() -> RefOr<Schema> {
    let name = text(128, LINE).schema_type(optional(Type::String));
    name.description(Some("A name for people; none by default."))
        .into()
}

pub(crate) fn reason() -> RefOr<Schema> {
    let reason = text(256, LINE).schema_type(optional(Type::String));
    reason
        .description(Some("A reason for people; none by default."))
        .into()
}

pub(crate) fn scopes() -> RefOr<Schema> {
    let description = "What a caller with the key may do; nothing by default. Without `keys:admin`, scopes of the caller.";
    list(description, 64, text(128, r"^[!#-\[\]-~]+$"))
}

pub(crate) fn tags() -> RefOr<Schema> {
    let description = "Tags for people and scripts; none by default.";
    list(description, 32, text(64, NON_BLANK_LINE))
}

pub(crate) fn networks() -> RefOr<Schema> {
    let description =
        "The networks that the key may be used from, as CIDR blocks or addresses; all by default.";
    let format = SchemaFormat::Custom("cidr".to_owned());
    list(description, 64, ObjectBuilder::new().format(Some(format)))
}

/// The filter by state; an empty text is the same as none.
pub(crate) fn state() -> RefOr<Schema> {
    let states = ["", "active", "expired", "revoked", "expiring"];
    let state = ObjectBuilder::new().schema_type(Type::String);
    state.enum_values(Some(states)).into()
}

/// The number of keys on a page; an empty text is the same as none.
pub(crate) fn limit() -> RefOr<Schema> {
    let number = ObjectBuilder::new().schema_type(Type::Integer);
    let empty = ObjectBuilder::new().schema_type(Type::String);
    OneOfBuilder::new()
        .item(number.minimum(Some(1)).maximum(Some(200)))
        .item(empty.max_length(Some(0)))
        .into()
}

fn text(max_length: usize, pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .max_length(Some(max_length))
        .pattern(Some(pattern))
}

fn list(description: &str, max_items: usize, item: ObjectBuilder) -> RefOr<Schema> {
    ArrayBuilder::new()
        .schema_type(optional(Type::Array))
        .description(Some(description))
        .max_items(Some(max_items))
        .items(item.schema_type(Type::String))
        .into()
}

/// A value of this type, or null.
fn optional(of: Type) -> SchemaType {
    SchemaType::from_iter([of, Type::Null])
}
