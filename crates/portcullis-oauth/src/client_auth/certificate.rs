//! The certificate that a client shows in TLS (RFC 8705).

use std::{fmt, path::PathBuf, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_core::{Secret, UnixTime};
use x509_cert::Certificate;
use zeroize::Zeroizing;

use super::file::{self, CredentialFile};
use crate::{FetchError, http::ClientIdentity};

/// Where a client's certificate and its private key come from. Files are read anew whenever the server is asked, so that
/// a certificate rotates without a restart.
#[derive(Clone)]
pub struct ClientCertificate(Source);

#[derive(Clone)]
enum Source {
    Values {
        certificate: Arc<[u8]>,
        key: Secret,
    },
    Files {
        certificate: CredentialFile,
        key: CredentialFile,
    },
}

impl ClientCertificate {
    /// This certificate, with the chain up to its root behind it, and its private key, both in PEM.
    pub fn new(certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self(Source::Values {
            certificate: certificate.into().into(),
            key: Secret::new(key),
        })
    }

    /// Those in files, in PEM. Both may be in one.
    pub fn files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self(Source::Files {
            certificate: CredentialFile::public(certificate),
            key: CredentialFile::private(key),
        })
    }

    /// What the operator should change about the files.
    pub(super) fn warnings(&self) -> Vec<String> {
        match &self.0 {
            Source::Values { .. } => Vec::new(),
            Source::Files { certificate, key } => {
                let mut warnings = certificate.warnings();
                warnings.extend(key.warnings());
                warnings
            }
        }
    }

    /// The certificate and key as of now.
    pub(super) async fn get(&self) -> Result<ClientIdentity, FetchError> {
        match &self.0 {
            Source::Values { certificate, key } => {
                identity(certificate, key.expose()).map_err(file::failed)
            }
            Source::Files { certificate, key } => {
                let (chain, secret) = (certificate.read().await?, key.read().await?);
                identity(chain.expose(), secret.expose()).map_err(|why| certificate.unusable(&why))
            }
        }
    }
}

fn identity(certificate: &[u8], key: &[u8]) -> Result<ClientIdentity, String> {
    // What else is in the file, such as the key, is not the chain's.
    let blocks = blocks(certificate, "CERTIFICATE");
    let chain = Certificate::load_pem_chain(blocks.as_bytes())
        .map_err(|error| format!("there is no certificate in PEM in it ({error})"))?;
    let own = chain.first().ok_or("there is no certificate in it")?;
    let not_after = own.tbs_certificate().validity().not_after;
    let mut pem = Zeroizing::new(blocks.into_bytes());
    pem.push(b'\n');
    pem.extend_from_slice(key);
    reqwest::Identity::from_pem(&pem)
        .map_err(|_| "certificate and key cannot be used: is the key in PEM, and not encrypted?")?;
    let digest = digest(&SHA256, &pem).as_ref().try_into();
    Ok(ClientIdentity {
        digest: digest.map_err(|_| "no digest")?,
        pem: Secret::new(std::mem::take(&mut *pem)),
        expires_at: UnixTime::from_duration(not_after.to_unix_duration()),
    })
}

/// The blocks of a kind in a PEM text.
fn blocks(pem: &[u8], label: &str) -> String {
    let text = String::from_utf8_lossy(pem);
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let mut is_inside = false;
    let mut found = String::new();
    for line in text.lines() {
        is_inside |= line.trim() == begin;
        if is_inside {
            found.push_str(line.trim());
            found.push('\n');
        }
        is_inside &= line.trim() != end;
    }
    found
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Values { .. } => f.write_str("ClientCertificate"),
            Source::Files { certificate, key } => f
                .debug_struct("ClientCertificate")
                .field("certificate", certificate)
                .field("key", key)
                .finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &[u8] =
        include_bytes!("../../../portcullis-remote/tests/remote/certificates/localhost.pem");
    const KEY: &[u8] =
        include_bytes!("../../../portcullis-remote/tests/remote/certificates/localhost.key");

    #[tokio::test]
    async fn a_certificate_says_when_it_ends_and_is_told_from_its_successor() {
        let one = ClientCertificate::new(CERTIFICATE, KEY)
            .get()
            .await
            .expect("usable");
        assert!(one.expires_at > UnixTime::from_secs(4_000_000_000));
        let both = [KEY, b"\n", CERTIFICATE].concat();
        let same = ClientCertificate::new(both.clone(), KEY)
            .get()
            .await
            .expect("usable");
        assert_eq!(
            one.digest, same.digest,
            "the key beside it is not part of the chain"
        );

        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("both.pem");
        let files = ClientCertificate::files(&path, &path);
        assert!(files.get().await.is_err(), "there is none yet");
        std::fs::write(&path, both).expect("written");
        let other = files.get().await.expect("usable");
        assert_ne!(one.digest, other.digest);
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_told() {
        let empty: &[u8] = b"";
        for (certificate, key) in [
            (empty, KEY),
            (KEY, KEY),
            (CERTIFICATE, empty),
            (CERTIFICATE, CERTIFICATE),
            (&CERTIFICATE[..CERTIFICATE.len() / 2], KEY),
            (CERTIFICATE, &KEY[..KEY.len() / 2]),
        ] {
            let found = ClientCertificate::new(certificate, key).get().await;
            let error = found.map(|_| ()).expect_err("unusable");
            assert_eq!(error.kind(), crate::FetchErrorKind::Credential, "{error}");
        }
    }
}
