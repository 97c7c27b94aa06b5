use proptest::prelude::*;

use super::*;

const TYPE: &str = "multipart/form-data; boundary=x-y";

/// A form in its parts: name, file name, content.
type Parts = Vec<(String, Option<String>, Vec<u8>)>;

/// Reads a form that comes in chunks of this size.
fn read(form: &[u8], chunk: usize) -> Result<Parts, MultipartError> {
    let mut multipart = Multipart::new(Some(TYPE))?;
    let mut parts = Parts::new();
    for chunk in form.chunks(chunk.max(1)) {
        multipart.feed(chunk);
        while let Some(event) = multipart.next()? {
            match event {
                Event::Begin(head) => parts.push((head.name, head.filename, Vec::new())),
                Event::Bytes(bytes) => parts.last_mut().unwrap().2.extend_from_slice(&bytes),
                Event::End => {}
            }
        }
        // What waits is never more than a head, or a delimiter that may have begun.
        assert!(multipart.buffer.len() <= MAX_HEAD + chunk.len());
    }
    multipart.finish().map(|()| parts)
}

/// A form as clients write it.
fn written(parts: &Parts) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, filename, content) in parts {
        let filename = filename.as_ref().map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
        let head = format!("--x-y\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\n\r\n");
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(content);
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(b"--x-y--\r\n");
    form
}

fn refused(form: &str) -> String {
    let whole = read(form.as_bytes(), form.len()).unwrap_err();
    assert_eq!(read(form.as_bytes(), 1).unwrap_err(), whole, "{form}");
    whole.to_string()
}

proptest! {
    #[test]
    fn a_form_is_read_as_it_was_written_however_it_comes(
        parts in proptest::collection::vec(
            ("[a-z:_]{1,9}", proptest::option::of("[a-z0-9.+-]{1,20}"), "(\r|\n|-|x|y|\r\n--x|a){0,40}"),
            0..6,
        ),
        chunk in 1_usize..50,
    ) {
        let parts: Parts =
            parts.into_iter().map(|(name, filename, text)| (name, filename, text.into_bytes())).collect();
        // A part that holds the boundary is two.
        prop_assume!(!parts.iter().any(|part| memmem::find(&part.2, b"\r\n--x-y").is_some()));
        prop_assert_eq!(read(&written(&parts), chunk), Ok(parts));
    }

    #[test]
    fn whatever_comes_is_read_or_refused(form in proptest::collection::vec(any::<u8>(), 0..200), chunk in 1_usize..9) {
        let form = [b"--x-y\r\n".as_slice(), &form].concat();
        let _ = read(&form, chunk);
    }
}

#[test]
fn what_clients_may_write_otherwise_is_read_too() {
    let form = "ignored\r\n--x-y \t\r\ncontent-disposition:form-data;name=a\r\nX: y\r\n\r\n1\r\n\
                --x-y\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: Binary\r\n\
                Content-Disposition: form-data; name=\"content\"; filename*=utf-8''a%2B1.whl\r\n\r\n\r\n--x-y--";
    let parts = read(form.as_bytes(), 7).unwrap();
    assert_eq!(parts[0], ("a".to_owned(), None, b"1".to_vec()));
    assert_eq!(parts[1], ("content".to_owned(), Some("a+1.whl".to_owned()), Vec::new()));
    assert_eq!(read(b"--x-y--", 3), Ok(Parts::new()));
}

#[test]
fn what_two_readers_could_see_differently_is_refused() {
    let head = |head: &str| refused(&format!("--x-y\r\n{head}\r\n\r\nx\r\n--x-y--\r\n"));
    for (text, words) in [
        ("Content-Type: text/plain", "no name"),
        ("Content-Disposition: form-data", "no name"),
        ("Content-Disposition: form-data; name=\"\"", "no name"),
        ("Content-Disposition: form-data; name=a; name=b", "or two"),
        ("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b", "twice"),
        ("Content-Disposition: attachment; name=a", "none of a form"),
        ("Content-Disposition: form-data; name=a\r\n b", "broken over lines"),
        ("Content-Disposition: form-data;\nname=a", "broken over lines"),
        ("Content-Disposition form-data", "cannot be read"),
        ("Content-Disposition: form-data; name=\"a\0\"", "NUL"),
        ("Content-Disposition: form-data; name=a; filename=b; filename=c", "in two ways"),
        ("Content-Disposition: form-data; name=a; filename=b; filename*=utf-8''c", "in two ways"),
        ("Content-Disposition: form-data; name=a; filename*=latin-1''c", "in two ways"),
        (
            "Content-Disposition: form-data; name=a\r\nContent-Type: Multipart/mixed; boundary=z",
            "form itself",
        ),
        ("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", "encoded"),
    ] {
        assert!(head(text).contains(words), "{text}: {}", head(text));
    }
    assert!(refused("--x-y\r\n\r\nx\r\n--x-y--\r\n").contains("no headers"));
    assert!(refused("--x-yz\r\n").contains("followed by"));
    assert!(refused("--x-y\n").contains("followed by"));
    assert!(refused("--x-y-\r\n").contains("followed by"));
    assert!(read(&[b"--x-y\r\n".as_slice(), &[0xff], b"\r\n\r\n"].concat(), 9).is_err());
}

#[test]
fn no_part_of_a_form_may_be_as_long_as_it_likes() {
    assert!(refused(&"x".repeat(5000)).contains("does not begin"));
    assert!(refused(&format!("--x-y\r\n{}", "x".repeat(20_000))).contains("too long"));
    assert!(refused(&format!("--x-y{}", " ".repeat(100))).contains("followed by"));
    assert!(refused(&format!("--x-y--{}", "x".repeat(5000))).contains("follows the end"));
    let part = "--x-y\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n".repeat(10_001);
    assert_eq!(read(part.as_bytes(), 9000), Err(MultipartError::TooMany));
}

#[test]
fn a_form_that_is_cut_short_is_not_one() {
    let form = written(&vec![("a".to_owned(), None, b"1".to_vec())]);
    for end in 0..form.len() - 2 {
        assert_eq!(read(&form[..end], 5), Err(MultipartError::Truncated), "{end}");
    }
}

#[test]
fn only_a_form_with_a_boundary_is_read() {
    let error = |content_type: Option<&str>| Multipart::new(content_type).err();
    for content_type in [
        None,
        Some("application/json"),
        Some("multipart/mixed; boundary=a"),
        Some("multipart/form-data"),
        Some("multipart/form-data; boundary=a; boundary=b"),
    ] {
        assert_eq!(error(content_type), Some(MultipartError::NoForm), "{content_type:?}");
    }
    let of = |boundary: &str| error(Some(&format!("multipart/form-data; boundary=\"{boundary}\"")));
    assert_eq!(of(&"b".repeat(70)), None);
    assert_eq!(of("a b:?"), None);
    for boundary in [&"b".repeat(71), "", "a ", "a;b", "ä", "a\u{7f}"] {
        assert_eq!(of(boundary), Some(MultipartError::Boundary), "{boundary}");
    }
    assert_eq!(error(Some("Multipart/Form-Data; Boundary=aB; charset=utf-8")), None);
}
