//! Private keys: reading every format, signing, and not showing secrets.
//!
//! OpenSSL 3.0 made the keys in `data/signing`, and Python's `cryptography` their JWKs.

macro_rules! data {
    ($name:literal) => {
        include_str!(concat!("../data/signing/", $name))
    };
}

mod damage;
mod forms;
mod reading;
mod signatures;
