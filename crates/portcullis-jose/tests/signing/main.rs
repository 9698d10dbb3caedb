//! Private keys are read in every form they come in, sign what others verify, and never show themselves.
//!
//! The keys in `data/signing` were made by OpenSSL 3.0, and their JWKs by Python's `cryptography`.

macro_rules! data {
    ($name:literal) => {
        include_str!(concat!("../data/signing/", $name))
    };
}

mod damage;
mod forms;
mod reading;
mod signatures;
