use std::net::IpAddr;

use ipnet::IpNet;

use crate::egress::address::{not_public, within};

fn kind(address: &str) -> Option<&'static str> {
    not_public(address.parse().unwrap())
}

#[test]
fn public_addresses_are_public() {
    let public = [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2600::1",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "64:ff9b::8.8.8.8",
    ];
    for address in public {
        assert_eq!(kind(address), None, "{address}");
    }
}

#[test]
fn all_others_are_named_by_their_kind() {
    let cases = [
        ("0.0.0.0", "this host"),
        ("0.255.255.255", "this host"),
        ("10.0.0.0", "private"),
        ("10.255.255.255", "private"),
        ("100.64.0.0", "carrier"),
        ("100.100.100.200", "carrier"),
        ("100.127.255.255", "carrier"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("168.63.129.16", "cloud"),
        ("169.254.169.254", "link-local"),
        ("172.16.0.0", "private"),
        ("172.31.255.255", "private"),
        ("192.0.0.1", "protocols"),
        ("192.0.0.192", "protocols"),
        ("192.0.2.1", "documentation"),
        ("192.88.99.1", "6to4"),
        ("192.168.0.1", "private"),
        ("198.18.0.0", "benchmarks"),
        ("198.19.255.255", "benchmarks"),
        ("198.51.100.7", "documentation"),
        ("203.0.113.7", "documentation"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.0", "reserved"),
        ("255.255.255.254", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("::", "this host"),
        ("::1", "loopback"),
        ("::7f00:1", "IPv4-compatible"),
        ("::ffff:127.0.0.1", "IPv4-mapped"),
        ("::ffff:8.8.8.8", "IPv4-mapped"),
        ("::ffff:0:8.8.8.8", "IPv4-translated"),
        ("64:ff9b::127.0.0.1", "NAT64"),
        ("64:ff9b::169.254.169.254", "NAT64"),
        ("64:ff9b::10.1.2.3", "NAT64"),
        ("64:ff9b:1::8.8.8.8", "local NAT64"),
        ("64:ff9b:1:a00:0:100::", "local NAT64"),
        ("100::1", "discard"),
        ("2001::1", "Teredo"),
        ("2001:10::1", "protocols"),
        ("2001:1ff:ffff::1", "protocols"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::", "6to4"),
        ("3fff::1", "documentation"),
        ("3fff:fff:ffff::1", "documentation"),
        ("5f00::1", "segment routing"),
        ("fc00::1", "unique local"),
        ("fd00:ec2::254", "unique local"),
        ("fd20:ce::254", "unique local"),
        ("fe80::1", "link-local"),
        ("febf:ffff::1", "link-local"),
        ("fec0::1", "site-local"),
        ("ff02::1", "multicast"),
        ("4000::1", "reserved"),
        ("a000::1", "reserved"),
        ("1000::1", "reserved"),
        ("64:ff9c::8.8.8.8", "reserved"),
        ("::1:0:0:0:1", "reserved"),
    ];
    for (address, expected) in cases {
        let kind = kind(address).unwrap_or_else(|| panic!("{address} is not public"));
        assert!(kind.contains(expected), "{address}: {kind}");
    }
}

#[test]
fn a_network_of_ipv4_also_holds_the_mapped_form() {
    let networks: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
    let holds = |address: &str| within(address.parse::<IpAddr>().unwrap(), &networks);
    assert!(holds("10.1.2.3") && holds("::ffff:10.1.2.3") && holds("fd12::1"));
    for outside in ["11.1.2.3", "::ffff:11.1.2.3", "::10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::", "fe80::1"] {
        assert!(!holds(outside), "{outside}");
    }
}
