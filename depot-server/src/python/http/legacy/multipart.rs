//! Reading `multipart/form-data` (RFC 7578) as it comes, in memory that is bounded whatever is sent.
//!
//! Strict where two readers could see different forms, since what is judged must be what was sent.

use bytes::{Bytes, BytesMut};
use memchr::memmem::{self, Finder};

use super::parameters::{self, Parameters};

/// The most parts of a form: the largest metadata has some hundred lines, each a part.
const MAX_PARTS: usize = 10_000;
/// The most bytes of the headers of a part.
const MAX_HEAD: usize = 16 * 1024;
/// The most bytes before the first part, and after the last one.
const MAX_AROUND: usize = 4096;
/// The most spaces between a boundary and the end of its line.
const MAX_PADDING: usize = 64;
/// The longest boundary (RFC 2046, 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// Why a body is no form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MultipartError {
    #[error("send the upload as a form: `Content-Type: multipart/form-data` with a boundary")]
    NoForm,
    #[error("the boundary of the form is not one: 1 to 70 of the characters that RFC 2046 allows")]
    Boundary,
    #[error("the form does not begin with its boundary")]
    Beginning,
    #[error("a boundary of the form is followed by something else than the end of its line")]
    Delimiter,
    #[error("the headers of a part of the form {0}")]
    Head(&'static str),
    #[error("a part of the form {0}")]
    Part(&'static str),
    #[error("the form has more than {MAX_PARTS} parts")]
    TooMany,
    #[error("something follows the end of the form")]
    After,
    #[error("the form ended before its last boundary: send it again")]
    Truncated,
}

/// What a part says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The field.
    pub(super) name: String,
    /// Its file name, where it is a file.
    pub(super) filename: Option<String>,
}

/// What was read of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A part begins.
    Begin(Head),
    /// The next bytes of it.
    Bytes(Bytes),
    /// It ends.
    End,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first boundary.
    Preamble,
    /// What follows a boundary.
    Delimiter,
    Head,
    Content,
    Epilogue,
}

/// A form that is being read.
pub(super) struct Multipart {
    delimiter: Finder<'static>,
    buffer: BytesMut,
    state: State,
    parts: usize,
}

impl Multipart {
    /// A form in a body of this content type.
    pub(super) fn new(content_type: Option<&str>) -> Result<Self, MultipartError> {
        let said = content_type.and_then(parameters::read).ok_or(MultipartError::NoForm)?;
        if said.value != "multipart/form-data" {
            return Err(MultipartError::NoForm);
        }
        let boundary = said.only("boundary").ok_or(MultipartError::NoForm)?;
        if boundary.len() > MAX_BOUNDARY || !is_boundary(boundary) {
            return Err(MultipartError::Boundary);
        }
        // The first boundary may stand at the very start: the end of the line before it is put there.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        let delimiter = Finder::new(&format!("\r\n--{boundary}")).into_owned();
        Ok(Self { delimiter, buffer, state: State::Preamble, parts: 0 })
    }

    /// Takes the next bytes of the body; [`Self::next`] says what they mean.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// What comes next in the form; none before more bytes have come.
    pub(super) fn next(&mut self) -> Result<Option<Event>, MultipartError> {
        loop {
            match self.state {
                State::Preamble => match self.delimiter.find(&self.buffer) {
                    Some(at) if at <= MAX_AROUND => self.pass(at),
                    None if self.buffer.len() <= MAX_AROUND => return Ok(None),
                    _ => return Err(MultipartError::Beginning),
                },
                State::Delimiter => {
                    if !self.end_of_delimiter()? {
                        return Ok(None);
                    }
                }
                State::Head => {
                    let Some(head) = self.head()? else { return Ok(None) };
                    self.state = State::Content;
                    return Ok(Some(Event::Begin(head)));
                }
                State::Content => return Ok(self.content()),
                State::Epilogue => {
                    let is_too_much = self.buffer.len() > MAX_AROUND;
                    return if is_too_much { Err(MultipartError::After) } else { Ok(None) };
                }
            }
        }
    }

    /// The body has ended: was that the end of the form?
    pub(super) fn finish(&self) -> Result<(), MultipartError> {
        if self.state == State::Epilogue { Ok(()) } else { Err(MultipartError::Truncated) }
    }

    /// Goes behind the delimiter that begins there.
    fn pass(&mut self, at: usize) {
        let _ = self.buffer.split_to(at + self.delimiter.needle().len());
        self.state = State::Delimiter;
    }

    /// Reads the rest of the line of a boundary; false if it has not come yet.
    fn end_of_delimiter(&mut self) -> Result<bool, MultipartError> {
        if self.buffer.starts_with(b"--") {
            let _ = self.buffer.split_to(2);
            self.state = State::Epilogue;
            return Ok(true);
        }
        let padding = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if padding > MAX_PADDING {
            return Err(MultipartError::Delimiter);
        }
        match &self.buffer[padding..] {
            [] | [b'\r'] => Ok(false),
            [b'-'] if padding == 0 => Ok(false),
            [b'\r', b'\n', ..] => {
                let _ = self.buffer.split_to(padding + 2);
                self.state = State::Head;
                self.parts += 1;
                if self.parts > MAX_PARTS { Err(MultipartError::TooMany) } else { Ok(true) }
            }
            _ => Err(MultipartError::Delimiter),
        }
    }

    fn head(&mut self) -> Result<Option<Head>, MultipartError> {
        if self.buffer.starts_with(b"\r\n") {
            return Err(MultipartError::Part("has no headers, and so no name"));
        }
        let shown = &self.buffer[..self.buffer.len().min(MAX_HEAD)];
        let Some(end) = memmem::find(shown, b"\r\n\r\n") else {
            let is_too_long = self.buffer.len() >= MAX_HEAD;
            return if is_too_long { Err(MultipartError::Head("are too long")) } else { Ok(None) };
        };
        let head = self.buffer.split_to(end + 4);
        read_head(&head[..end]).map(Some)
    }

    fn content(&mut self) -> Option<Event> {
        if let Some(at) = self.delimiter.find(&self.buffer) {
            if at > 0 {
                return Some(Event::Bytes(self.buffer.split_to(at).freeze()));
            }
            self.pass(at);
            return Some(Event::End);
        }
        // What may be the beginning of a delimiter waits for the rest of it.
        let kept = self.delimiter.needle().len() - 1;
        let sure = self.buffer.len().saturating_sub(kept);
        (sure > 0).then(|| Event::Bytes(self.buffer.split_to(sure).freeze()))
    }
}

fn is_boundary(boundary: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    !boundary.is_empty() && !boundary.ends_with(' ') && boundary.bytes().all(fits)
}

fn read_head(head: &[u8]) -> Result<Head, MultipartError> {
    let text = str::from_utf8(head).map_err(|_| MultipartError::Head("are not UTF-8"))?;
    if text.contains('\0') {
        return Err(MultipartError::Head("have a NUL byte"));
    }
    let mut disposition = None;
    for line in text.split("\r\n") {
        if line.contains(['\r', '\n']) || line.starts_with([' ', '\t']) {
            return Err(MultipartError::Head("are broken over lines"));
        }
        let (name, value) = line.split_once(':').ok_or(MultipartError::Head("cannot be read"))?;
        let word = value.trim().to_ascii_lowercase();
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" if disposition.replace(value).is_some() => {
                return Err(MultipartError::Head("name the part twice"));
            }
            // Forms inside forms held several files once, and nobody sends them.
            "content-type" if word.starts_with("multipart/") => {
                return Err(MultipartError::Part("is a form itself"));
            }
            "content-transfer-encoding" if !["binary", "8bit", "7bit"].contains(&word.as_str()) => {
                return Err(MultipartError::Part("is encoded: send it as it is"));
            }
            _ => {}
        }
    }
    let said = disposition.and_then(parameters::read).ok_or(MultipartError::Part("has no name"))?;
    if said.value != "form-data" {
        return Err(MultipartError::Part("is none of a form"));
    }
    let name = said.only("name").filter(|name| !name.is_empty());
    let name = name.ok_or(MultipartError::Part("has no name, or two"))?.to_owned();
    Ok(Head { name, filename: filename(&said)? })
}

/// The name of the file, which some write percent-encoded (RFC 8187).
fn filename(said: &Parameters) -> Result<Option<String>, MultipartError> {
    if !said.has("filename") && !said.has("filename*") {
        return Ok(None);
    }
    let plain = said.only("filename").map(str::to_owned);
    let extended = said.only("filename*").and_then(parameters::extended);
    match (plain, extended, said.has("filename*")) {
        (Some(plain), None, false) => Ok(Some(plain)),
        (Some(plain), Some(extended), _) if plain == extended => Ok(Some(plain)),
        (None, Some(extended), _) if !said.has("filename") => Ok(Some(extended)),
        _ => Err(MultipartError::Part("has a file name that can be read in two ways")),
    }
}

#[cfg(test)]
mod tests;
