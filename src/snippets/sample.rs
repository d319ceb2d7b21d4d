//! Events to try things out with.

use crate::event::Kind;

/// A sensible event of that kind to try things out with. The Test place starts with it, and `send` sends it.
pub fn sample(kind: Kind) -> &'static str {
    match kind {
        Kind::Identify => {
            r#"{
  "userId": "user-1",
  "traits": {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "plan": "pro"
  }
}"#
        }
        Kind::Track => {
            r#"{
  "userId": "user-1",
  "event": "Order Completed",
  "properties": {
    "orderId": "1042",
    "revenue": 39.95,
    "currency": "EUR",
    "products": [
      { "sku": "G-32", "quantity": 1 }
    ]
  }
}"#
        }
        Kind::Page => {
            r#"{
  "userId": "user-1",
  "name": "Pricing",
  "properties": {
    "url": "https://www.example.com/pricing",
    "title": "Plans and pricing"
  }
}"#
        }
        Kind::Screen => {
            r#"{
  "userId": "user-1",
  "name": "Checkout",
  "properties": {
    "step": 2
  }
}"#
        }
        Kind::Group => {
            r#"{
  "userId": "user-1",
  "groupId": "acme",
  "traits": {
    "name": "Acme Inc.",
    "employees": 42
  }
}"#
        }
        Kind::Alias => {
            r#"{
  "previousId": "anonymous-7f3a",
  "userId": "user-1"
}"#
        }
    }
}
