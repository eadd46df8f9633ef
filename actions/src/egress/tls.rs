//! TLS 1.2 and 1.3 with the trusted certificates of the machine.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};
use url::Host;

use super::error::Error;
use super::redact::clip;

/// The certificates that are trusted. They are read once, when the first connection needs them.
#[derive(Default)]
pub struct Trust {
    roots: Option<Vec<CertificateDer<'static>>>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Trust {
    /// Trusts these roots and no others.
    pub fn only(roots: Vec<CertificateDer<'static>>) -> Self {
        Self { roots: Some(roots), config: OnceCell::new() }
    }

    /// Does the handshake with the host that the URL names.
    ///
    /// # Errors
    /// `Unreachable`, which says what is wrong with the certificate.
    pub(super) async fn shake_hands(
        &self,
        stream: TcpStream,
        host: &Host<String>,
    ) -> Result<TlsStream<TcpStream>, Error> {
        let config = Arc::clone(self.config.get_or_try_init(|| self.read()).await?);
        let name = server_name(host)?;
        TlsConnector::from(config).connect(name, stream).await.map_err(|error| {
            let host = clip(&host.to_string());
            Error::Unreachable(format!("The TLS handshake with {host} failed: {}", describe(&error)))
        })
    }

    async fn read(&self) -> Result<Arc<ClientConfig>, Error> {
        let roots = match &self.roots {
            Some(roots) => roots.clone(),
            None => spawn_blocking(|| rustls_native_certs::load_native_certs().certs).await.unwrap_or_default(),
        };
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots);
        if store.is_empty() {
            let cure = "install the package `ca-certificates`, or set SSL_CERT_FILE to a file that contains them";
            return Err(Error::Unreachable(format!("This machine has no trusted root certificates: {cure}.")));
        }
        build_config(store)
            .map(Arc::new)
            .map_err(|error| Error::Unreachable(format!("TLS cannot be set up on this machine: {error}.")))
    }
}

fn build_config(store: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?;
    let mut config = builder.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would reveal to a server that two organizations share a machine.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn server_name(host: &Host<String>) -> Result<ServerName<'static>, Error> {
    match host {
        Host::Domain(name) => dns_name(name),
        Host::Ipv4(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Ipv6(address) => Ok(ServerName::IpAddress((*address).into())),
    }
}

fn dns_name(name: &str) -> Result<ServerName<'static>, Error> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        let shown = clip(name);
        Error::Invalid(format!("`{shown}` is not a host that a certificate can name: write the host as a DNS name."))
    })
}

fn describe(error: &io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(fault)) => {
            format!("its certificate {}", describe_certificate_error(fault))
        }
        Some(other) => format!("{}; check that the port speaks TLS 1.2 or 1.3.", clip(&other.to_string())),
        None => format!("{}; check that the port speaks TLS.", clip(&error.to_string())),
    }
}

fn describe_certificate_error(fault: &CertificateError) -> String {
    match fault {
        CertificateError::UnknownIssuer => {
            "is not signed by an authority that this machine trusts; add the authority to the machine's certificates, or set SSL_CERT_FILE to a file that contains it.".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another host; use the host name that the certificate is for.".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has expired; ask the operator of the server to renew it, and check the clock of this machine.".to_owned()
        }
        other => format!("is not accepted ({}); ask the operator of the server to replace it.", clip(&other.to_string())),
    }
}
