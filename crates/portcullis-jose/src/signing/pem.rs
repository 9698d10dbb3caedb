//! Reads private keys in PEM (RFC 7468 §10): PKCS #8, and the two older formats of OpenSSL.

use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair};
use pkcs1::RsaPrivateKey;
use spki::der::asn1::{AnyRef, ContextSpecific, OctetStringRef, UintRef};
use spki::der::{self, Decode as _, Reader as _, SliceReader, TagNumber, pem};
use spki::{AlgorithmIdentifierRef, ObjectIdentifier};
use zeroize::Zeroizing;

use super::SigningKeyError;
use super::private_key::KeyPair;
use crate::algorithm::Algorithm;
use crate::key_material::{Curve, KeyMaterial};
use crate::pem::{EC, ED25519, RSA, blocks};

pub(super) fn parse(pem: &[u8], algorithm: Algorithm) -> Result<KeyPair, SigningKeyError> {
    let (label, block) = private_block(pem)?;
    // PKCS #8 has a label for encrypted keys, the older formats a header (RFC 1421 §4.6.1.1).
    if label.starts_with("ENCRYPTED ") || block.contains("4,ENCRYPTED") {
        return Err(SigningKeyError::Encrypted);
    }
    if label.starts_with("OPENSSH ") {
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

pub(super) fn certificate(pem: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
    let mut blocks = blocks(pem).ok_or(SigningKeyError::Malformed)?.into_iter();
    let (_, block) = blocks
        .find(|(label, _)| *label == "CERTIFICATE")
        .ok_or(SigningKeyError::NoCertificate)?;
    let (_, der) = pem::decode_vec(block.as_bytes()).map_err(|_| SigningKeyError::Malformed)?;
    Ok(der)
}

/// The only block with a private key. Other blocks, such as `EC PARAMETERS` or certificates, are ignored.
fn private_block(pem: &[u8]) -> Result<(&str, &str), SigningKeyError> {
    let mut blocks = blocks(pem).ok_or(SigningKeyError::Malformed)?;
    blocks.retain(|(label, _)| label.ends_with("PRIVATE KEY"));
    match blocks[..] {
        [] => Err(SigningKeyError::NoKey),
        [block] => Ok(block),
        _ => Err(SigningKeyError::SeveralKeys(blocks.len())),
    }
}

fn pkcs8(der: &[u8], algorithm: Algorithm) -> Result<KeyPair, SigningKeyError> {
    let (kind, key) = private_key_info(der).map_err(|_| SigningKeyError::Malformed)?;
    match kind.oid {
        RSA => pkcs1(key, algorithm),
        EC => KeyPair::ec(curve(kind.parameters_oid())?, algorithm, |parameters| {
            EcdsaKeyPair::from_pkcs8(parameters, der)
        }),
        ED25519 => KeyPair::ed25519(algorithm, || Ed25519KeyPair::from_pkcs8(der)),
        _ => Err(SigningKeyError::UnsupportedType),
    }
}

/// The algorithm and the key at the beginning of a `PrivateKeyInfo` (RFC 5208 §5).
fn private_key_info(der: &[u8]) -> der::Result<(AlgorithmIdentifierRef<'_>, &[u8])> {
    let mut members = sequence(der)?;
    u8::decode(&mut members)?;
    let kind = members.decode()?;
    let key: &OctetStringRef = members.decode()?;
    Ok((kind, key.as_bytes()))
}

fn sec1(der: &[u8], algorithm: Algorithm) -> Result<KeyPair, SigningKeyError> {
    let curve = match sec1_parameters(der).map_err(|_| SigningKeyError::Malformed)? {
        Some(parameters) => curve(parameters.decode_as())?,
        // RFC 5915 §3: the parameters may be absent if they are known from elsewhere.
        None => Curve::of(algorithm)?,
    };
    KeyPair::ec(curve, algorithm, |parameters| {
        EcdsaKeyPair::from_private_key_der(parameters, der)
    })
}

fn curve(oid: Result<ObjectIdentifier, impl Sized>) -> Result<&'static Curve, SigningKeyError> {
    let find = |oid| Curve::find(|curve| curve.oid == oid);
    oid.ok()
        .and_then(find)
        .ok_or(SigningKeyError::UnsupportedType)
}

/// The parameters of an `ECPrivateKey` (RFC 5915 §3): the name of a curve, or its numbers.
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
    let public = KeyMaterial::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())?;
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

fn sequence(der: &[u8]) -> der::Result<SliceReader<'_>> {
    let sequence = AnyRef::from_der(der)?;
    sequence.header().tag().assert_eq(der::Tag::Sequence)?;
    SliceReader::new(sequence.value())
}
