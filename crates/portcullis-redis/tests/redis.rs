//! The bus and the limiter against a real Redis. The module's name lets the runner skip its tests where no Redis is installed.

mod redis_server;
