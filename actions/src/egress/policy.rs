//! Who may reach what: asked anew for every hop.

use std::net::IpAddr;

use ::engine::model::grant::{Denial, Grants};
use ipnet::IpNet;

use super::address;

/// On whose behalf a call is made.
#[derive(Debug, Clone, Copy)]
pub enum Policy<'a> {
    /// The program's own command line client, which also talks to servers on this machine. Never
    /// for a module.
    Unrestricted,
    /// A module, with what its organization grants it.
    Granted {
        /// Key of the module.
        module: &'a str,
        /// What it may do.
        grants: &'a Grants,
    },
}

/// Which addresses a connection may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    Anywhere,
    /// Public ones, and these networks.
    Public {
        /// Networks that are not public and are granted all the same.
        and: Vec<IpNet>,
    },
}

impl Policy<'_> {
    /// Lets a request go out to this host, as far as the addresses it stands for are reached too.
    ///
    /// # Errors
    /// The grant that would allow it.
    pub fn permit(&self, method: &str, host: &str, port: u16) -> Result<Reach, Denial> {
        match self {
            Self::Unrestricted => Ok(Reach::Anywhere),
            Self::Granted { module, grants } => {
                let grant = grants.permit_http(module, method, host, port)?;
                Ok(Reach::Public { and: grant.addresses.clone() })
            }
        }
    }
}

impl Reach {
    /// Lets a connection go to this address.
    ///
    /// # Errors
    /// What the address is, such as `a loopback address`.
    pub fn permit(&self, address: IpAddr) -> Result<(), &'static str> {
        match (self, address::not_public(address)) {
            (Self::Public { and }, Some(kind)) if !address::within(address, and) => Err(kind),
            _ => Ok(()),
        }
    }
}
