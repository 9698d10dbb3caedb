//! Tokens that must be refused.

mod algorithm;
mod claims;
mod encoding;
mod header;
mod payload;
mod profile;
mod shape;
mod signature;

use std::fmt;

use crate::{SigningAlgorithm, TestKey, TokenBuilder};

/// What is wrong with a [`Broken`] token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BrokenKind {
    /// The algorithm is not what it should be, or not what the header says.
    Algorithm,
    /// The signature is not the issuer's, or not of this token.
    Signature,
    /// A part is not base64url as RFC 7515 §2 has it.
    Encoding,
    /// It is not three parts with a dot between them.
    Shape,
    /// The header asks for what must not be done, or is no JSON object to rely on.
    Header,
    /// Genuine, but the claims are no JSON object to rely on.
    Payload,
    /// Genuine, but issuer, audience or times are not right.
    Claims,
    /// Genuine, but the RFC 9068 profile or this suite's limits refuse it. A verifier set up for an issuer that does not
    /// follow that profile may have to accept some of these.
    Profile,
}

macro_rules! broken {
    ($($kind:ident from $module:ident { $($(#[doc = $doc:literal])+ $name:ident = $mint:ident,)+ })+) => {
        /// A way for a token to be no good. Mint one with [`TokenBuilder::mint_broken`].
        ///
        /// Whatever the builder was told stays as it is, except for the one thing that is wrong. Most are refused with
        /// 401; those whose characters cannot stand in a bearer token (RFC 6750 §2.1), with 400.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Broken {
            $($($(#[doc = $doc])+ $name,)+)+
        }

        impl Broken {
            /// Every one, to assert that none gets in.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)+)+];

            /// Its name, as the enum has it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$name => stringify!($name),)+)+
                }
            }

            /// What is wrong with it.
            #[must_use]
            pub const fn kind(self) -> BrokenKind {
                match self {
                    $($(Self::$name)|+ => BrokenKind::$kind,)+
                }
            }

            fn mint(self, token: TokenBuilder) -> String {
                match self {
                    $($(Self::$name => $module::$mint(token),)+)+
                }
            }
        }
    };
}

broken! {
    Algorithm from algorithm {
        /// `alg` is `none` and the signature is empty (RFC 7519 §6).
        AlgNone = none,
        /// `alg` is `None`, without a signature.
        AlgNoneCapitalised = none_capitalised,
        /// `alg` is `NONE`, without a signature.
        AlgNoneUpperCase = none_upper_case,
        /// `alg` is `nOnE`, without a signature.
        AlgNoneMixedCase = none_mixed_case,
        /// `alg` is `none` with a space after it, without a signature.
        AlgNonePadded = none_padded,
        /// `alg` is `none`, over a good signature.
        AlgNoneSigned = none_signed,
        /// There is no `alg`, which RFC 7515 §4.1.1 requires.
        AlgAbsent = absent,
        /// `alg` is empty.
        AlgEmpty = empty,
        /// `alg` is a number.
        AlgNumber = number,
        /// `alg` is a list that holds the right one.
        AlgList = list,
        /// `alg` is the right one in lower case (RFC 7515 §4.1.1: it is case-sensitive).
        AlgLowerCase = lower_case,
        /// `alg` is one that nobody knows.
        AlgUnknown = unknown,
        /// `alg` is another than the key signed with.
        AlgOther = other,
        /// An HMAC with the issuer's public key in PEM for its secret (RFC 8725 §2.1).
        HmacWithPublicPem = hmac_with_pem,
        /// An HMAC with the issuer's public key in PEM for its secret, without the last line break.
        HmacWithTrimmedPem = hmac_with_trimmed_pem,
        /// An HMAC with the issuer's public key in DER for its secret.
        HmacWithPublicDer = hmac_with_der,
        /// An HMAC with the issuer's public key as a JWK for its secret.
        HmacWithPublicJwk = hmac_with_jwk,
        /// An HMAC with the published `kid` for its secret.
        HmacWithKid = hmac_with_kid,
        /// An HMAC with the empty secret.
        HmacWithNothing = hmac_with_nothing,
    }
    Signature from signature {
        /// The payload was replaced under the signature, by one with more scope.
        PayloadSwapped = payload_swapped,
        /// The header was changed under the signature.
        HeaderSwapped = header_swapped,
        /// The signature of another token of the same issuer.
        SignatureOfAnother = of_another,
        /// Signed with a stranger's key, in the name of the issuer's.
        WrongKey = wrong_key,
        /// Signed with a stranger's key of another kind, in the name of the issuer's.
        WrongKeyKind = wrong_key_kind,
        /// Signed with a stranger's key, by its own name.
        UnknownKey = unknown_key,
        /// Signed with a stranger's key, and no `kid`.
        UnknownKeyWithoutKid = unknown_key_without_kid,
        /// One bit of the signature is another.
        SignatureFlipped = flipped,
        /// The signature is all zero (CVE-2022-21449).
        SignatureZero = zero,
        /// The signature lacks its last byte.
        SignatureTruncated = truncated,
        /// The signature has a byte too many.
        SignatureExtended = extended,
        /// The signature has a zero too many, before it.
        SignatureZeroPadded = zero_padded,
        /// The signature's halves are two INTEGERs in DER, as X.509 would have them (RFC 7518 §3.4 does not).
        SignatureDer = der,
        /// The signature's halves are swapped.
        SignatureHalvesSwapped = halves_swapped,
    }
    Encoding from encoding {
        /// The payload is padded with `=`; the signature covers it so.
        Padded = padded,
        /// The signature is padded with `=`, or has one where none belongs.
        SignaturePadded = signature_padded,
        /// The payload is in base64 with `+` and `/`; the signature covers it so.
        StandardAlphabet = standard_alphabet,
        /// Bits that the payload's last character should leave zero are set; the signature covers it so.
        TrailingBits = trailing_bits,
        /// Bits that the signature's last character should leave zero are set, or a character is left over.
        SignatureTrailingBits = signature_trailing_bits,
        /// A character of the payload is none of base64url.
        IllegalCharacter = illegal_character,
    }
    Shape from shape {
        /// Nothing stands after the last dot.
        SignatureEmpty = signature_empty,
        /// Header and payload alone.
        TwoParts = two_parts,
        /// The header alone.
        OnePart = one_part,
        /// An empty fourth part.
        FourParts = four_parts,
        /// Five parts, as an encrypted token has (RFC 7516 §3.1).
        FiveParts = five_parts,
        /// The flattened JSON serialisation (RFC 7515 §7.2.2).
        JsonSerialised = json_serialised,
        /// A signed token inside a signed token (RFC 7519 §5.2).
        Nested = nested,
        /// No header before the first dot.
        HeaderEmpty = header_empty,
        /// No payload between the dots; the signature covers it so.
        PayloadEmpty = payload_empty,
        /// Two dots.
        OnlyDots = only_dots,
        /// Four thousand dots.
        ThousandsOfDots = thousands_of_dots,
    }
    Header from header {
        /// A stranger's signature, and the stranger's key in the header (RFC 7515 §4.1.3).
        EmbeddedJwk = jwk,
        /// A stranger's signature, the stranger's key in the header, and the issuer's `kid`.
        EmbeddedJwkKeptKid = jwk_kept_kid,
        /// A stranger's signature, and a URL for a key set (RFC 7515 §4.1.2). It is a path of the issuer's where nothing
        /// is: [`Endpoint::Other`](crate::Endpoint::Other) counts who went.
        EmbeddedJku = jku,
        /// A stranger's signature, and a URL for a certificate (RFC 7515 §4.1.5), a path as for
        /// [`EmbeddedJku`](Self::EmbeddedJku).
        EmbeddedX5u = x5u,
        /// A stranger's signature, and a certificate of sorts (RFC 7515 §4.1.6).
        EmbeddedX5c = x5c,
        /// An extension that nobody knows is critical (RFC 7515 §4.1.11).
        CritUnknown = crit_unknown,
        /// The list of critical extensions is empty.
        CritEmpty = crit_empty,
        /// The list of critical extensions is no list.
        CritText = crit_text,
        /// `b64` is false, and critical (RFC 7797 §3).
        Unencoded = unencoded,
        /// `b64` is false, and not critical.
        UnencodedSilently = unencoded_silently,
        /// `kid` is a path out of a directory.
        KidTraversal = kid_traversal,
        /// `kid` is a piece of SQL.
        KidSql = kid_sql,
        /// `kid` has line breaks.
        KidLineBreaks = kid_line_breaks,
        /// `kid` is in the other case (RFC 7517 §4.5: it is case-sensitive).
        KidOtherCase = kid_other_case,
        /// `kid` is empty.
        KidEmpty = kid_empty,
        /// `kid` is a number.
        KidNumber = kid_number,
        /// `kid` is six kilobytes long.
        KidHuge = kid_huge,
        /// `typ` is a number.
        TypNumber = typ_number,
        /// The header names two algorithms.
        HeaderDuplicateAlg = duplicate_alg,
        /// The header names two `kid`s, one with an escape.
        HeaderDuplicateKid = duplicate_kid,
        /// The header is no JSON.
        HeaderNotJson = not_json,
        /// The header is a list.
        HeaderList = a_list,
        /// Something follows the header's object.
        HeaderTrailing = trailing,
        /// The header is in UTF-16.
        HeaderUtf16 = utf16,
    }
    Payload from payload {
        /// The claims are no JSON.
        PayloadNotJson = not_json,
        /// The claims are inside a list.
        PayloadList = list,
        /// The claims are inside a string.
        PayloadText = text,
        /// The claims are `null`.
        PayloadNull = null,
        /// Something follows the claims' object.
        PayloadTrailing = trailing,
        /// A comma follows the last claim.
        PayloadTrailingComma = trailing_comma,
        /// There is a comment among the claims.
        PayloadComment = comment,
        /// A claim is `NaN`.
        PayloadNan = nan,
        /// The claims are in UTF-16.
        PayloadUtf16 = utf16,
        /// The claims begin with a byte order mark (RFC 8259 §8.1).
        PayloadByteOrderMark = byte_order_mark,
        /// The subject is not UTF-8.
        PayloadNotUtf8 = not_utf8,
        /// The subject holds half of a surrogate pair.
        PayloadLoneSurrogate = lone_surrogate,
        /// The subject holds a line break that is not escaped.
        PayloadControlCharacter = control_character,
        /// A claim is nested 1,500 deep.
        PayloadDeep = deep,
        /// There are two issuers, the right one last.
        DuplicateIssuer = duplicate_issuer,
        /// There are two scopes.
        DuplicateScope = duplicate_scope,
        /// There are two expiries, one with an escape in its name.
        DuplicateEscaped = duplicate_escaped,
        /// A claim that nobody knows is there twice.
        DuplicateUnknown = duplicate_unknown,
    }
    Claims from claims {
        /// It expired an hour ago.
        Expired = expired,
        /// It is valid from an hour ahead.
        NotYetValid = not_yet_valid,
        /// There is no `exp`.
        ExpAbsent = exp_absent,
        /// `exp` is `null`.
        ExpNull = exp_null,
        /// `exp` is a number in quotes.
        ExpText = exp_text,
        /// `exp` is negative.
        ExpNegative = exp_negative,
        /// `exp` is beyond any integer.
        ExpOverflow = exp_overflow,
        /// `nbf` is a number in quotes.
        NbfText = nbf_text,
        /// `iat` is a number in quotes.
        IatText = iat_text,
        /// There is no `iss`.
        IssuerAbsent = issuer_absent,
        /// `iss` is another's.
        IssuerOther = issuer_other,
        /// `iss` is the right one, and more.
        IssuerSuffixed = issuer_suffixed,
        /// `iss` has a trailing slash, which the right one does not.
        IssuerTrailingSlash = issuer_trailing_slash,
        /// `iss` is the right one in upper case.
        IssuerUpperCase = issuer_upper_case,
        /// `iss` is a list that holds the right one.
        IssuerList = issuer_list,
        /// `iss` is a number.
        IssuerNumber = issuer_number,
        /// There is no `aud`.
        AudienceAbsent = audience_absent,
        /// `aud` is another's.
        AudienceOther = audience_other,
        /// `aud` is the right one, and more.
        AudienceSuffixed = audience_suffixed,
        /// `aud` is the beginning of the right one.
        AudiencePrefix = audience_prefix,
        /// `aud` is the right one in upper case.
        AudienceUpperCase = audience_upper_case,
        /// `aud` is an empty list.
        AudienceEmptyList = audience_empty_list,
        /// `aud` is a number.
        AudienceNumber = audience_number,
        /// `aud` is a list in a list.
        AudienceNested = audience_nested,
        /// `aud` is an object that holds the right one.
        AudienceObject = audience_object,
        /// `aud` is a list of the right one and a number.
        AudienceMixed = audience_mixed,
    }
    Profile from profile {
        /// It is typed as any JWT, and has what an ID token has.
        IdToken = id_token,
        /// It has no `typ`.
        TypAbsent = typ_absent,
        /// It is a logout token (OpenID Connect Back-Channel Logout §2.4).
        LogoutToken = logout_token,
        /// It is typed as a DPoP proof (RFC 9449 §4.2).
        DpopProof = dpop_proof,
        /// It is bound to a key (RFC 7800 §3.1) whose possession nobody proves.
        Bound = bound,
        /// There is no `sub`.
        SubjectAbsent = subject_absent,
        /// There is no `client_id`.
        ClientIdAbsent = client_id_absent,
        /// There is no `jti`.
        JtiAbsent = jti_absent,
        /// There is no `iat`.
        IatAbsent = iat_absent,
        /// `exp` is in milliseconds.
        ExpMilliseconds = exp_milliseconds,
        /// It is good for ten years.
        LongLived = long_lived,
        /// It is twelve kilobytes long.
        Oversized = oversized,
    }
}

impl TokenBuilder {
    /// The token with one thing wrong. See [`Broken`].
    ///
    /// The key that signs should be of a pair: of an HMAC key, the public half that some forgeries use is the secret
    /// itself.
    ///
    /// # Panics
    ///
    /// As [`mint`](Self::mint).
    #[must_use]
    pub fn mint_broken(&self, broken: Broken) -> String {
        broken.mint(self.clone())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A key that the issuer never published, of the algorithm given.
fn stranger(algorithm: SigningAlgorithm) -> TestKey {
    TestKey::shared(algorithm, usize::MAX - 1)
}

/// An object's text with a member more, at its beginning.
fn with_first(object: &[u8], member: &str) -> Vec<u8> {
    let rest = object.strip_prefix(b"{").unwrap_or(object);
    [b"{", member.as_bytes(), b",", rest].concat()
}

fn utf16_with_mark(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}
