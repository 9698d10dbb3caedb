//! Tokens that must be rejected.

mod change;

/// Defines [`Broken`] from one table: kind, documentation, name, and the function that mints the token.
macro_rules! broken {
    ($($kind:ident { $($(#[doc = $doc:literal])+ $name:ident: $mint:expr,)+ })+) => {
        /// A way for a token to be invalid. Mint one with [`TokenBuilder::mint_broken`](crate::TokenBuilder::mint_broken).
        ///
        /// Everything else about the token stays as the builder has it. Most are rejected with 401; those whose characters
        /// cannot be in a bearer token (RFC 6750 §2.1), with 400.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Broken {
            $($($(#[doc = $doc])+ $name,)+)+
        }

        impl Broken {
            /// All of them, to assert that none is accepted.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)+)+];

            /// Which part of the token is invalid.
            #[must_use]
            pub const fn kind(self) -> BrokenKind {
                match self {
                    $($(Self::$name)|+ => BrokenKind::$kind,)+
                }
            }
        }

        impl TokenBuilder {
            /// The token with one thing wrong. See [`Broken`].
            ///
            /// Use an asymmetric key: the "public key" of an HMAC key, which some forgeries use, is the secret itself.
            #[must_use]
            pub fn mint_broken(&self, broken: Broken) -> String {
                let mint: fn(TokenBuilder) -> String = match broken {
                    $($(Broken::$name => $mint,)+)+
                };
                mint(self.clone())
            }
        }
    };
}

mod table;

pub use table::Broken;

/// What is invalid about a [`Broken`] token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BrokenKind {
    /// The algorithm is not the key's, or is not the one that the header names.
    Algorithm,
    /// The signature is not the issuer's, or not of this token.
    Signature,
    /// A part is not base64url (RFC 7515 §2).
    Encoding,
    /// It is not three parts separated by dots.
    Shape,
    /// The header is not a JSON object, or has members that a verifier must reject.
    Header,
    /// The signature is valid, but the claims are not one unambiguous JSON object.
    Payload,
    /// The signature is valid, but the issuer, the audience or a time is wrong.
    Claims,
    /// The signature is valid, but RFC 9068 or a limit of this suite is violated. A verifier for an issuer that does not
    /// follow RFC 9068 may have to accept some of these.
    Profile,
}
