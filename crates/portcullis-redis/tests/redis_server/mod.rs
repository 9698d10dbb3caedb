//! The bus and the limiter with Redis.

mod bus;
mod limiter;
mod outages;

use portcullis_redis::RedisServer;
use portcullis_test_servers::Redis;

fn server(redis: &Redis) -> RedisServer {
    RedisServer::at(&redis.url()).expect("a URL")
}
