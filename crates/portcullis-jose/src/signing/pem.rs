//! Private keys in PEM (RFC 7468 §10): PKCS #8, and the two older forms that OpenSSL writes.

use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair};
use pkcs1::RsaPrivateKey;
use spki::der::asn1::{AnyRef, ContextSpecific, OctetStringRef, UintRef};
use spki::der::{self, Decode as _, Reader as _, SliceReader, TagNumber, pem};
use spki::{AlgorithmIdentifierRef, ObjectIdentifier};
use zeroize::Zeroizing;

use super::SigningKeyError;
use super::private_key::KeyPair;
use crate::algorithm::Algorithm;
use crate::key_material::{Curve, KeyRejected, RsaKey};
use crate::key_set::{block_length, curve_by_oid};

pub(super) fn parse(pem: &[u8], algorithm: Algorithm) -> Result<KeyPair, SigningKeyError> {
    let block = private_block(pem)?;
    // The second is how the older forms are encrypted (RFC 1421 §4.6.1.1).
    if block.starts_with("-----BEGIN ENCRYPTED ") || block.contains("4,ENCRYPTED") {
        return Err(SigningKeyError::Encrypted);
    }
    // Its lines are longer than PEM's, so it could not be decoded either.
    if block.starts_with("-----BEGIN OPENSSH ") {
        return Err(SigningKeyError::OpenSsh);
    }
    let mut buffer = Zeroizing::new(vec![0; block.len()]);
    let (label, der) =
        pem::decode(block.as_bytes(), &mut buffer).map_err(|_| SigningKeyError::Malformed)?;
    match label {
        "PRIVATE KEY" => pkcs8(der, algorithm),
        "EC PRIVATE KEY" => sec1(der, algorithm),
        "RSA PRIVATE KEY" => pkcs1(der, algorithm),
        _ => Err(SigningKeyError::UnsupportedType),
    }
}

/// The first certificate, in DER.
pub(super) fn certificate(pem: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

    let text = std::str::from_utf8(pem).map_err(|_| SigningKeyError::NoCertificate)?;
    let start = text.find(BEGIN).ok_or(SigningKeyError::NoCertificate)?;
    let length = block_length(&text[start..]).ok_or(SigningKeyError::Malformed)?;
    let block = &text.as_bytes()[start..start + length];
    let (_, der) = pem::decode_vec(block).map_err(|_| SigningKeyError::Malformed)?;
    Ok(der)
}

/// The one block with a private key. What stands beside it, `EC PARAMETERS` or certificates, is passed over.
fn private_block(pem: &[u8]) -> Result<&str, SigningKeyError> {
    let text = std::str::from_utf8(pem).map_err(|_| SigningKeyError::Malformed)?;
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN ") {
        let length = block_length(&rest[start..]).ok_or(SigningKeyError::Malformed)?;
        let (block, after) = rest[start..].split_at(length);
        let label = pem::decode_label(block.as_bytes()).map_err(|_| SigningKeyError::Malformed)?;
        if label.ends_with("PRIVATE KEY") {
            found.push(block);
        }
        rest = after;
    }
    match found[..] {
        [] => Err(SigningKeyError::NoKey),
        [block] => Ok(block),
        _ => Err(SigningKeyError::SeveralKeys { count: found.len() }),
    }
}

fn pkcs8(der: &[u8], algorithm: Algorithm) -> Result<KeyPair, SigningKeyError> {
    const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

    let (kind, key) = private_key_info(der).map_err(|_| SigningKeyError::Malformed)?;
    match kind.oid {
        RSA => pkcs1(key, algorithm),
        EC => {
            let curve = kind
                .parameters_oid()
                .map_err(|_| SigningKeyError::UnsupportedType)?;
            let curve = curve_by_oid(curve).ok_or(SigningKeyError::UnsupportedType)?;
            KeyPair::ec(curve, algorithm, |parameters| {
                EcdsaKeyPair::from_pkcs8(parameters, der)
            })
        }
        ED25519 => KeyPair::ed25519(algorithm, || Ed25519KeyPair::from_pkcs8(der)),
        _ => Err(SigningKeyError::UnsupportedType),
    }
}

/// What a `PrivateKeyInfo` begins with (RFC 5208 §5): what kind of key it is, and the key.
fn private_key_info(der: &[u8]) -> der::Result<(AlgorithmIdentifierRef<'_>, &[u8])> {
    let mut members = sequence(der)?;
    u8::decode(&mut members)?;
    let kind = members.decode()?;
    let key: &OctetStringRef = members.decode()?;
    Ok((kind, key.as_bytes()))
}

fn sec1(der: &[u8], algorithm: Algorithm) -> Result<KeyPair, SigningKeyError> {
    let curve = match sec1_parameters(der).map_err(|_| SigningKeyError::Malformed)? {
        Some(parameters) => parameters
            .decode_as()
            .ok()
            .and_then(curve_by_oid)
            .ok_or(SigningKeyError::UnsupportedType)?,
        // RFC 5915 §3 lets them be absent where they are known from elsewhere.
        None => [Curve::P256, Curve::P384, Curve::P521]
            .into_iter()
            .find(|curve| curve.algorithm() == algorithm)
            .ok_or(KeyRejected::WrongAlgorithm { algorithm })?,
    };
    KeyPair::ec(curve, algorithm, |parameters| {
        EcdsaKeyPair::from_private_key_der(parameters, der)
    })
}

/// The parameters of an `ECPrivateKey` (RFC 5915 §3): the name of a curve, or all its numbers.
fn sec1_parameters(der: &[u8]) -> der::Result<Option<AnyRef<'_>>> {
    let mut members = sequence(der)?;
    u8::decode(&mut members)?;
    let _: &OctetStringRef = members.decode()?;
    let field = ContextSpecific::decode_explicit(&mut members, TagNumber(0))?;
    Ok(field.map(|field| field.value))
}

fn pkcs1(der: &[u8], algorithm: Algorithm) -> Result<KeyPair, SigningKeyError> {
    let key =
        RsaPrivateKey::<UintRef<'_>>::from_der(der).map_err(|_| SigningKeyError::Malformed)?;
    let public = RsaKey::new(key.modulus.as_bytes(), key.public_exponent.as_bytes())?;
    let private = [
        key.private_exponent,
        key.prime1,
        key.prime2,
        key.exponent1,
        key.exponent2,
        key.coefficient,
    ];
    KeyPair::rsa(public, private.map(|number| number.as_bytes()), algorithm)
}

/// The members of the one SEQUENCE that `der` is.
fn sequence(der: &[u8]) -> der::Result<SliceReader<'_>> {
    let sequence = AnyRef::from_der(der)?;
    sequence.header().tag().assert_eq(der::Tag::Sequence)?;
    SliceReader::new(sequence.value())
}
