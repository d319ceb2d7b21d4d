//! The JSON object that an event is made from: what its members say, and whether they make an event.

use std::borrow::Cow;

use super::call::Kind;
use super::code::{EndpointCode, Rejection};
use super::index::{begins, is_null, is_number};
use super::record::PartitionKey;
use super::request::Request;
use super::scan::Span;
use super::walk::{Field, Member};

/// Maximum bytes of a `messageId` that is accepted.
pub const MESSAGE_ID_BYTES_MAX: usize = 1024;

/// Characters of a name that are kept for display.
const NAME_CHARS_MAX: usize = 120;

/// Why an item does not become an event.
pub(super) struct Reason {
    pub code: EndpointCode,
    pub message: Cow<'static, str>,
}

impl Reason {
    pub fn new(code: EndpointCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }
}

/// An object of a body, with the members that count.
pub(super) struct Item<'b> {
    pub request: &'b Request<'b>,
    pub object: Span,
    /// Its documented members, in the order in which they were sent.
    pub members: &'b [Member],
    /// The kind that a single call's path names.
    pub path_kind: Option<Kind>,
    /// By field, the member that counts: the last one.
    last: [Option<&'b Member>; Field::COUNT],
}

impl<'b> Item<'b> {
    pub fn new(
        request: &'b Request<'b>,
        object: Span,
        members: &'b [Member],
        path_kind: Option<Kind>,
    ) -> Self {
        let mut last = [None; Field::COUNT];
        for member in members {
            last[member.field as usize] = Some(member);
        }
        Self { request, object, members, path_kind, last }
    }

    /// The member that counts.
    pub fn get(&self, field: Field) -> Option<&'b Member> {
        self.last[field as usize]
    }

    /// The text of a member's value.
    pub fn raw(&self, member: &Member) -> &'b str {
        self.request.body.raw(member.value)
    }

    /// The member that counts, unless it is null.
    pub fn present(&self, field: Field) -> Option<&'b Member> {
        self.get(field).filter(|member| !is_null(self.raw(member)))
    }

    pub fn has_number(&self, field: Field) -> bool {
        self.present(field).is_some_and(|member| is_number(self.raw(member)))
    }

    /// The sender's `messageId`; `None` if one must be made.
    pub fn message_id(&self) -> Result<Option<Cow<'b, str>>, Reason> {
        let text = match self.present(Field::MessageId) {
            Some(member) if begins(self.raw(member), b'"') => self.request.body.string(member),
            Some(member) if is_number(self.raw(member)) => Cow::Borrowed(self.raw(member)),
            Some(_) | None => return Ok(None),
        };
        if text.len() > MESSAGE_ID_BYTES_MAX {
            let message = format!("messageId has {} bytes, the limit is {MESSAGE_ID_BYTES_MAX}", text.len());
            return Err(Reason::new(EndpointCode::InvalidId, message));
        }
        Ok((!text.is_empty()).then_some(text))
    }

    /// Checks what an event must have. Returns its kind, and the key that follows from its ids.
    pub fn check(&self) -> Result<(Kind, PartitionKey), Reason> {
        let kind = self.kind()?;
        let user = self.id(Field::UserId, "userId")?;
        let anonymous = self.id(Field::AnonymousId, "anonymousId")?;
        let group = self.id(Field::GroupId, "groupId")?;
        let previous = self.id(Field::PreviousId, "previousId")?;
        let missing = |code, message: &'static str| Err(Reason::new(code, message));
        match kind {
            Kind::Track if !self.has_event() => {
                return missing(EndpointCode::MissingEvent, "track needs `event`, a non-empty string");
            }
            Kind::Group if group.is_none() => {
                return missing(EndpointCode::MissingGroupId, "group needs a groupId");
            }
            Kind::Alias if previous.is_none() => {
                return missing(EndpointCode::MissingPreviousId, "alias needs a previousId");
            }
            Kind::Alias if user.is_none() => {
                return missing(EndpointCode::NoUserAnonId, "alias needs a userId");
            }
            Kind::Identify | Kind::Track | Kind::Page | Kind::Screen | Kind::Group | Kind::Alias => {}
        }
        match user.or(anonymous).and_then(|id| PartitionKey::new(&id)) {
            Some(key) => Ok((kind, key)),
            None => missing(EndpointCode::NoUserAnonId, "the event has neither userId nor anonymousId"),
        }
    }

    /// The rejection of this item, with everything that could be read of it.
    pub fn reject(&self, reason: Reason, message_id: Option<&str>) -> Rejection {
        let kind = self.kind().ok();
        Rejection {
            message_id: message_id.map(str::to_owned),
            user: self.user(),
            kind,
            name: kind.and_then(|kind| self.name(kind)).map(String::into_boxed_str),
            ..Rejection::new(reason.code, reason.message, self.request.body.sent_of(self.object))
        }
    }

    /// The partition key, also of an item that cannot become an event.
    fn user(&self) -> Option<PartitionKey> {
        let id = |field, name| self.id(field, name).ok().flatten();
        let id = id(Field::UserId, "userId").or_else(|| id(Field::AnonymousId, "anonymousId"))?;
        PartitionKey::new(&id)
    }

    fn kind(&self) -> Result<Kind, Reason> {
        self.path_kind.map_or_else(|| self.own_kind(), Ok)
    }

    fn own_kind(&self) -> Result<Kind, Reason> {
        let Some(member) = self.present(Field::Type) else {
            return Err(Reason::new(EndpointCode::MissingType, "the item has no type"));
        };
        let raw = self.raw(member);
        let word = begins(raw, b'"').then(|| self.request.body.string(member));
        word.and_then(|word| Kind::parse(&word)).ok_or_else(|| {
            let shown: String = raw.chars().take(40).collect();
            Reason::new(EndpointCode::UnknownType, format!("type is {shown}"))
        })
    }

    /// An id as text; `None` if it counts as absent.
    fn id(&self, field: Field, name: &str) -> Result<Option<Cow<'b, str>>, Reason> {
        let Some(member) = self.present(field) else { return Ok(None) };
        let raw = self.raw(member);
        let found = match raw.as_bytes()[0] {
            b'"' => {
                let text = self.request.body.string(member);
                return Ok((!text.is_empty()).then_some(text));
            }
            b'{' => "an object",
            b'[' => "an array",
            b't' | b'f' => "a boolean",
            _ => return Ok(Some(Cow::Borrowed(raw))),
        };
        Err(Reason::new(EndpointCode::InvalidId, format!("{name} is {found}, not a string or a number")))
    }

    fn has_event(&self) -> bool {
        self.get(Field::Event).is_some_and(|member| {
            let raw = self.raw(member);
            begins(raw, b'"') && raw != "\"\""
        })
    }

    /// The name for display (see [`Event::name`](super::Event::name)).
    pub fn name(&self, kind: Kind) -> Option<String> {
        let field = match kind {
            Kind::Track => Field::Event,
            Kind::Page | Kind::Screen => Field::Name,
            Kind::Identify | Kind::Group | Kind::Alias => return None,
        };
        let member = self.get(field).filter(|member| begins(self.raw(member), b'"'))?;
        let text = self.request.body.string(member);
        if text.len() <= NAME_CHARS_MAX {
            return Some(text.into_owned());
        }
        let end = text.char_indices().nth(NAME_CHARS_MAX).map_or(text.len(), |(at, _)| at);
        Some(text[..end].to_owned())
    }
}
