//! Several `orders-api` processes over one store of API keys.

mod instances;
mod postgresql;
