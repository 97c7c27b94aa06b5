//! Attestations (PEP 740): what an uploader brings of where its file comes from, kept as the document that verifiers ask
//! for. Whether an attestation is true is for them to judge; that it speaks of this very file is seen to here.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use depot_proto::Sha256Digest;
use serde_json::{Value, json};

use crate::auth::policy::Principal;

/// The most attestations of one file: PyPI knows two kinds, and takes one of each.
const MAX_ATTESTATIONS: usize = 16;

/// Why attestations are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AttestationError {
    #[error("they are not a JSON array")]
    Malformed,
    #[error("they are in no document with `attestation_bundles`")]
    NoDocument,
    #[error("there are none")]
    Nothing,
    #[error("there are more than {MAX_ATTESTATIONS}")]
    TooMany,
    #[error("one of them {0}")]
    Wrong(&'static str),
}

/// The document of these attestations of a file, a JSON array; none where there are none.
pub(crate) fn document(
    attestations: &str,
    sha256: Sha256Digest,
    principal: &Principal,
) -> Result<Option<Vec<u8>>, AttestationError> {
    let read: Vec<Value> = serde_json::from_str(attestations).map_err(|_| AttestationError::Malformed)?;
    if read.is_empty() {
        return Ok(None);
    }
    if read.len() > MAX_ATTESTATIONS {
        return Err(AttestationError::TooMany);
    }
    for attestation in &read {
        check(attestation, sha256).map_err(AttestationError::Wrong)?;
    }
    let bundle = json!({ "publisher": publisher(principal), "attestations": read });
    let document = json!({ "version": 1, "attestation_bundles": [bundle] });
    Ok(Some(document.to_string().into_bytes()))
}

/// Whether a document that was put together elsewhere is one of this file: each of its attestations speaks of it, and there
/// is at least one.
pub(crate) fn check_document(document: &[u8], sha256: Sha256Digest) -> Result<(), AttestationError> {
    let read: Value = serde_json::from_slice(document).map_err(|_| AttestationError::NoDocument)?;
    let bundles = read.get("attestation_bundles").and_then(Value::as_array);
    let bundles = bundles.ok_or(AttestationError::NoDocument)?;
    let mut attestations = 0;
    for bundle in bundles {
        let of_bundle = bundle.get("attestations").and_then(Value::as_array);
        for attestation in of_bundle.ok_or(AttestationError::NoDocument)? {
            check(attestation, sha256).map_err(AttestationError::Wrong)?;
            attestations += 1;
        }
    }
    match attestations {
        0 => Err(AttestationError::Nothing),
        1..=MAX_ATTESTATIONS => Ok(()),
        _ => Err(AttestationError::TooMany),
    }
}

/// Whom the server took the file from: the CI job, where one showed who it is. The names of others are not for everyone
/// who may read.
fn publisher(principal: &Principal) -> Value {
    let minted = match principal {
        Principal::Token(token, _) => token.minted.as_ref(),
        _ => None,
    };
    match minted {
        Some(minted) => json!({ "kind": minted.issuer, "claims": { "sub": minted.subject } }),
        None => json!({ "kind": "depot", "claims": null }),
    }
}

fn check(attestation: &Value, sha256: Sha256Digest) -> Result<(), &'static str> {
    if attestation.get("version") != Some(&json!(1)) {
        return Err("is not of version 1");
    }
    if !attestation.get("verification_material").is_some_and(Value::is_object) {
        return Err("has no `verification_material`");
    }
    let envelope = attestation.get("envelope").ok_or("has no `envelope`")?;
    let part = |name: &str| envelope.get(name).and_then(Value::as_str);
    part("signature").filter(|signature| !signature.is_empty()).ok_or("has no signature")?;
    let statement = part("statement").and_then(|text| STANDARD.decode(text).ok());
    let statement = statement.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let statement = statement.ok_or("has no statement that can be read")?;
    let subjects = statement.get("subject").and_then(Value::as_array).ok_or("speaks of no file")?;
    let of = |subject: &Value| subject.pointer("/digest/sha256").and_then(Value::as_str).map(str::to_owned);
    if !subjects.iter().any(|subject| of(subject).is_some_and(|digest| digest == sha256.to_string())) {
        return Err("speaks of another file");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attestation(sha256: &str) -> Value {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": "tea_pot-1.0.tar.gz", "digest": { "sha256": sha256 } }],
            "predicateType": "https://docs.example/publish/v1",
        });
        json!({
            "version": 1,
            "verification_material": { "certificate": "AAAA", "transparency_entries": [] },
            "envelope": { "statement": STANDARD.encode(statement.to_string()), "signature": "AAAA" },
        })
    }

    fn of(value: &Value) -> Result<Option<Vec<u8>>, AttestationError> {
        document(&value.to_string(), Sha256Digest::of(b"bytes"), &Principal::Anonymous)
    }

    #[test]
    fn attestations_are_kept_as_they_came() {
        let good = attestation(&Sha256Digest::of(b"bytes").to_string());
        let document = of(&json!([good, good])).unwrap().unwrap();
        let document: Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(document["version"], 1);
        assert_eq!(document["attestation_bundles"][0]["attestations"], json!([good, good]));
        assert_eq!(document["attestation_bundles"][0]["publisher"]["kind"], "depot");
        assert_eq!(of(&json!([])), Ok(None));
    }

    #[test]
    fn a_document_from_elsewhere_speaks_of_this_file_alone() {
        let sha256 = Sha256Digest::of(b"bytes");
        let (good, other) =
            (attestation(&sha256.to_string()), attestation(&Sha256Digest::of(b"x").to_string()));
        let of = |bundles: Value| {
            let document = json!({ "version": 1, "attestation_bundles": bundles });
            check_document(document.to_string().as_bytes(), sha256).map_err(|error| error.to_string())
        };
        assert_eq!(of(json!([{ "attestations": [good] }, { "attestations": [good] }])), Ok(()));
        for (bundles, words) in [
            (json!([]), "none"),
            (json!([{ "attestations": [] }]), "none"),
            (json!({}), "no document"),
            (json!([{}]), "no document"),
            (json!([{ "attestations": [good] }, { "attestations": [other] }]), "another file"),
            (json!([{ "attestations": vec![good.clone(); 17] }]), "more than 16"),
        ] {
            let error = of(bundles.clone()).unwrap_err();
            assert!(error.contains(words), "{bundles}: {error}");
        }
        assert!(check_document(b"<html>", sha256).is_err());
    }

    #[test]
    fn what_attests_nothing_of_this_file_is_refused() {
        let good = attestation(&Sha256Digest::of(b"bytes").to_string());
        let without = |pointer: &str| {
            let mut wrong = good.clone();
            *wrong.pointer_mut(pointer).unwrap() = Value::Null;
            json!([good, wrong])
        };
        for (value, words) in [
            (json!({}), "not a JSON array"),
            (json!([1]), "version 1"),
            (json!(vec![good.clone(); 17]), "more than 16"),
            (json!([attestation(&Sha256Digest::of(b"other").to_string())]), "another file"),
            (without("/version"), "version 1"),
            (without("/verification_material"), "verification_material"),
            (without("/envelope"), "no signature"),
            (without("/envelope/signature"), "no signature"),
            (without("/envelope/statement"), "no statement"),
        ] {
            let error = of(&value).unwrap_err().to_string();
            assert!(error.contains(words), "{value}: {error}");
        }
    }
}
