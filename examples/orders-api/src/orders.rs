//! The orders of the service, in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

/// The orders, shared by all handlers.
#[derive(Clone)]
pub(crate) struct Orders(Arc<Mutex<BTreeMap<u64, Map<String, Value>>>>);

impl Orders {
    /// A few sample orders.
    pub(crate) fn sample() -> Self {
        let orders = [(1, "chain", 40), (2, "winch", 1), (3, "grate", 2)];
        let order = |(id, item, quantity)| {
            (
                id,
                Map::from_iter([
                    ("item".into(), json!(item)),
                    ("quantity".into(), json!(quantity)),
                ]),
            )
        };
        Self(Arc::new(Mutex::new(
            orders.into_iter().map(order).collect(),
        )))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Map<String, Value>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `GET /orders`
pub(crate) async fn list(State(orders): State<Orders>) -> Json<Value> {
    let orders: Vec<_> = orders
        .lock()
        .iter()
        .map(|(id, order)| with_id(*id, order))
        .collect();
    Json(json!({ "orders": orders }))
}

/// `GET /orders/{id}`
pub(crate) async fn show(State(orders): State<Orders>, Path(id): Path<String>) -> Response {
    let found = id
        .parse()
        .ok()
        .and_then(|id| Some(with_id(id, orders.lock().get(&id)?)));
    found.map_or_else(not_found, |order| Json(order).into_response())
}

/// `POST /orders`: the body is a JSON object, or empty.
pub(crate) async fn create(State(orders): State<Orders>, body: Bytes) -> Response {
    let order = if body.is_empty() {
        Ok(Map::new())
    } else {
        serde_json::from_slice(&body)
    };
    let Ok(order) = order else {
        return problem(StatusCode::BAD_REQUEST, "the body must be a JSON object");
    };
    let mut orders = orders.lock();
    let id = orders.last_key_value().map_or(1, |(last, _)| last + 1);
    let created = with_id(id, &order);
    orders.insert(id, order);
    (StatusCode::CREATED, Json(created)).into_response()
}

/// `DELETE /orders/{id}`
pub(crate) async fn delete(State(orders): State<Orders>, Path(id): Path<String>) -> Response {
    let deleted = id
        .parse()
        .ok()
        .and_then(|id| Some(with_id(id, &orders.lock().remove(&id)?)));
    deleted.map_or_else(not_found, |order| Json(order).into_response())
}

/// `GET /reports`
pub(crate) async fn reports(State(orders): State<Orders>) -> Json<Value> {
    Json(json!({ "reports": [{ "name": "orders", "count": orders.lock().len() }] }))
}

/// Paths without a route.
pub(crate) async fn unknown_path() -> Response {
    problem(StatusCode::NOT_FOUND, "no resource has this path")
}

fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "no order has this id")
}

fn with_id(id: u64, order: &Map<String, Value>) -> Value {
    let mut order = order.clone();
    order.insert("id".into(), id.into());
    Value::Object(order)
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({ "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(), "detail": detail });
    (
        status,
        [("content-type", "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}
