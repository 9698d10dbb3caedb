//! The certificate that a client presents in TLS (RFC 8705).

use std::path::PathBuf;

use portcullis_core::{Secret, clock::UnixTime};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_cert::{Certificate, der::Decode};

use super::{credential_file::CredentialFile, read_limit::ReadLimit};
use crate::FetchError;

/// A client's certificate and its private key. Files are read for each request, so they rotate without a restart.
#[derive(Clone, Debug)]
pub struct ClientCertificate(Pem);

#[derive(Clone, Debug)]
enum Pem {
    Values(Secret, Secret),
    Files(CredentialFile, CredentialFile),
}

impl ClientCertificate {
    /// The certificate, followed by its chain, and the private key, both in PEM.
    pub fn new(certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self(Pem::Values(Secret::new(certificate), Secret::new(key)))
    }

    /// A PEM file with the certificate and its chain, and one with the private key. One file may contain them all.
    pub fn files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let certificate = CredentialFile::public(certificate);
        Self(Pem::Files(certificate, CredentialFile::private(key)))
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        match &self.0 {
            Pem::Values(..) => Vec::new(),
            Pem::Files(certificate, key) => [certificate.warnings(), key.warnings()].concat(),
        }
    }

    /// The current certificate and key in one PEM, and when the certificate expires.
    pub(super) async fn get(&self, limit: ReadLimit) -> Result<(Secret, UnixTime), FetchError> {
        match &self.0 {
            Pem::Values(certificate, key) => identity(certificate, key).map_err(|reason| {
                FetchError::credential(format!("the client's certificate: {reason}"))
            }),
            Pem::Files(certificate, key) => {
                let (chain, key) = (certificate.read(limit).await?, key.read(limit).await?);
                identity(&chain, &key).map_err(|reason| certificate.unusable(&reason))
            }
        }
    }
}

fn identity(certificate: &Secret, key: &Secret) -> Result<(Secret, UnixTime), String> {
    let mut chain = CertificateDer::pem_slice_iter(certificate.expose());
    let own = chain.next().and_then(Result::ok);
    let own = own.ok_or("no certificate found: give PEM text with a `CERTIFICATE` block")?;
    let own = Certificate::from_der(&own)
        .map_err(|error| format!("the certificate is not valid ({error}): replace it"))?;
    let not_after = own.tbs_certificate().validity().not_after;
    let pem = Secret::new([certificate.expose(), b"\n", key.expose()].concat());
    reqwest::Identity::from_pem(pem.expose())
        .map_err(|_| "cannot use the certificate with its private key, which may be in a file of its own: the key must be in PEM, not encrypted, and that of the certificate")?;
    Ok((pem, UnixTime::from_duration(not_after.to_unix_duration())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limit() -> ReadLimit {
        ReadLimit::starting_now(Duration::MAX)
    }

    const CERTIFICATE: &[u8] =
        include_bytes!("../../../portcullis-remote/tests/remote/certificates/localhost.pem");
    const KEY: &[u8] =
        include_bytes!("../../../portcullis-remote/tests/remote/certificates/localhost.key");

    #[tokio::test]
    async fn certificate_files_are_read_for_each_request() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("both.pem");
        let files = ClientCertificate::files(&path, &path);
        assert!(files.get(limit()).await.is_err(), "the file does not exist");
        std::fs::write(&path, [KEY, b"\n", CERTIFICATE].concat()).expect("written");
        let found = files.get(limit()).await.expect("usable");
        assert!(found.1 > UnixTime::from_secs(4_000_000_000));
    }

    #[tokio::test]
    async fn unusable_certificates_and_keys_are_rejected() {
        let empty: &[u8] = b"";
        for (certificate, key) in [
            (empty, KEY),
            (KEY, KEY),
            (CERTIFICATE, empty),
            (CERTIFICATE, CERTIFICATE),
            (&CERTIFICATE[..CERTIFICATE.len() / 2], KEY),
            (CERTIFICATE, &KEY[..KEY.len() / 2]),
        ] {
            let found = ClientCertificate::new(certificate, key).get(limit()).await;
            let error = found.map(|_| ()).expect_err("unusable");
            assert_eq!(error.kind(), crate::FetchErrorKind::Credential, "{error}");
        }
    }
}
