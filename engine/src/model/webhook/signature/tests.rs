use super::*;

/// Made with Python's `hmac`, not with this program: the secret is the bytes 0 to 31.
const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const BODY: &[u8] = br#"{"n": 1}"#;
const HUB: &str = "94ca8f360907dc4ff37cee0b93276d3f8a47a5c4149a5ad18bfd8aed330760e5";
const TIMESTAMP: i64 = 1795176000;
const STANDARD: &str = "QMRe2nc8lRv6hJJZxBxmNFwS2MLnTgOFUBlW+jEXsOU=";

fn check(signature: &Signature, body: &[u8], seconds: i64) -> Result<(), SignatureFault> {
    let secret = SigningSecret::sample();
    assert_eq!(secret.text(), SECRET);
    signature.check(&secret, body, Instant::from_timestamp(seconds, 0).unwrap())
}

fn hub(text: &str) -> Signature {
    Signature::Hub(text.to_owned())
}

fn standard(id: &str, timestamp: impl ToString, signatures: &str) -> Signature {
    Signature::Standard { id: id.to_owned(), timestamp: timestamp.to_string(), signatures: signatures.to_owned() }
}

#[test]
fn what_github_signs_is_taken() {
    let right = format!("sha256={HUB}");
    assert_eq!(check(&hub(&right), BODY, 0), Ok(()), "it has no time");
    assert_eq!(check(&hub(&format!("sha256={}", HUB.to_uppercase())), BODY, 0), Ok(()));
    assert_eq!(check(&hub(&right), br#"{"n": 2}"#, 0), Err(SignatureFault::Wrong));
    let others = ["", "sha256=", HUB, &right[..right.len() - 2], &right[..right.len() - 1], "sha1=00", "sha256=zz"];
    for other in others {
        assert_eq!(check(&hub(other), BODY, 0), Err(SignatureFault::Wrong), "{other}");
    }
}

#[test]
fn what_standard_webhooks_sign_is_taken_for_five_minutes() {
    let right = standard("msg_1", TIMESTAMP, &format!("v1,{STANDARD}"));
    for seconds in [-300, -1, 0, 299, 300] {
        assert_eq!(check(&right, BODY, TIMESTAMP + seconds), Ok(()), "{seconds}");
    }
    for seconds in [-301, 301, -TIMESTAMP] {
        assert_eq!(check(&right, BODY, TIMESTAMP + seconds), Err(SignatureFault::Untimely), "{seconds}");
    }
    assert_eq!(check(&right, br#"{"n": 2}"#, TIMESTAMP), Err(SignatureFault::Wrong));
}

#[test]
fn identity_and_time_are_signed_too() {
    let signatures = format!("v1,{STANDARD}");
    assert_eq!(check(&standard("msg_2", TIMESTAMP, &signatures), BODY, TIMESTAMP), Err(SignatureFault::Wrong));
    assert_eq!(check(&standard("msg_1", TIMESTAMP + 1, &signatures), BODY, TIMESTAMP), Err(SignatureFault::Wrong));
    let times = ["", "-1", "now", "1e9", "+1795176000", "999999999999999999999", "9223372036854775807"];
    for time in times {
        let fault = check(&standard("msg_1", time, &signatures), BODY, TIMESTAMP);
        assert_eq!(fault, Err(SignatureFault::Untimely), "{time}");
    }
}

#[test]
fn one_of_several_signatures_is_enough() {
    let zeros = format!("v1,{}", BASE64.encode([0; 32]));
    let right = format!("v1,{STANDARD}");
    for list in [format!("{zeros} {right}"), format!("{right} {zeros}"), format!("v1a,x v2,y {right}")] {
        assert_eq!(check(&standard("msg_1", TIMESTAMP, &list), BODY, TIMESTAMP), Ok(()), "{list}");
    }
    for list in [zeros.clone(), format!("v1a,{STANDARD}"), STANDARD.to_owned(), String::new(), "v1,".to_owned()] {
        let fault = check(&standard("msg_1", TIMESTAMP, &list), BODY, TIMESTAMP);
        assert_eq!(fault, Err(SignatureFault::Wrong), "{list}");
    }
    let many = format!("{} {right}", vec![zeros; MOST_SIGNATURES].join(" "));
    assert_eq!(check(&standard("msg_1", TIMESTAMP, &many), BODY, TIMESTAMP), Err(SignatureFault::Wrong));
}
