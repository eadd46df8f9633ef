//! Which hosts and addresses a request may go to. This is checked again at every hop.

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
    /// A module, with the grants that its organization gave it.
    Granted {
        /// Key of the module.
        module: &'a str,
        /// Its grants.
        grants: &'a Grants,
    },
}

/// Which addresses a connection may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressPolicy {
    /// Any address.
    Anywhere,
    /// Public addresses, and these networks.
    Public {
        /// Networks that are not public but were granted.
        and: Vec<IpNet>,
    },
}

impl Policy<'_> {
    /// Checks that the method and the host are granted, and says which addresses the host may resolve to.
    ///
    /// # Errors
    /// The grant that would allow the request.
    pub fn permit(&self, method: &str, host: &str, port: u16) -> Result<AddressPolicy, Denial> {
        match self {
            Self::Unrestricted => Ok(AddressPolicy::Anywhere),
            Self::Granted { module, grants } => {
                let grant = grants.permit_http(module, method, host, port)?;
                Ok(AddressPolicy::Public { and: grant.addresses.clone() })
            }
        }
    }
}

impl AddressPolicy {
    /// Checks that a connection may go to this address.
    ///
    /// # Errors
    /// The kind of the address, such as `a loopback address`.
    pub fn permit(&self, address: IpAddr) -> Result<(), &'static str> {
        match (self, address::not_public(address)) {
            (Self::Public { and }, Some(kind)) if !address::within(address, and) => Err(kind),
            _ => Ok(()),
        }
    }
}
