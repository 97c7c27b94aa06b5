//! CSV as `RECORD` has it, read in pieces: a row is all that is held.

/// The most bytes of a row: a name, a hash and a size are far shorter.
const MAX_ROW: usize = 4096;

/// A row of more fields is none of `RECORD`'s, however many they are.
const MAX_FIELDS: usize = 8;

/// Reads rows, as Python's `csv` does with its defaults.
#[derive(Default)]
pub(super) struct Rows {
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
    length: usize,
    place: Place,
    /// What was wrong, if anything: what follows is not read.
    broken: Option<&'static str>,
}

#[derive(Default, PartialEq, Eq, Clone, Copy)]
enum Place {
    /// At the start of a field.
    #[default]
    Start,
    Plain,
    Quoted,
    /// Behind a quote in a quoted field, which ends it or stands for itself.
    Quote,
}

impl Rows {
    /// Reads further, and hands over each row that ends here.
    pub(super) fn feed(&mut self, bytes: &[u8], mut row: impl FnMut(&[Vec<u8>])) {
        for &byte in bytes {
            if self.broken.is_some() {
                return;
            }
            self.length += 1;
            if self.length > MAX_ROW || self.fields.len() > MAX_FIELDS {
                self.broken = Some("has a row of more than 4,096 bytes or 8 fields");
            }
            match (self.place, byte) {
                (Place::Quoted, b'"') => self.place = Place::Quote,
                (Place::Start, b'"') => self.place = Place::Quoted,
                (Place::Quote, b'"') => {
                    self.field.push(byte);
                    self.place = Place::Quoted;
                }
                (Place::Quoted, _) => self.field.push(byte),
                (_, b',') => self.end_field(),
                (_, b'\n' | b'\r') => self.end_row(&mut row),
                (Place::Quote, _) => self.broken = Some("has something behind a quoted field"),
                (_, _) => {
                    self.place = Place::Plain;
                    self.field.push(byte);
                }
            }
        }
    }

    /// Hands over the last row, if no line feed ended it, and says what was wrong.
    pub(super) fn end(mut self, mut row: impl FnMut(&[Vec<u8>])) -> Option<&'static str> {
        if self.broken.is_none() {
            if self.place == Place::Quoted {
                return Some("ends inside a quoted field");
            }
            self.end_row(&mut row);
        }
        self.broken
    }

    fn end_field(&mut self) {
        self.fields.push(std::mem::take(&mut self.field));
        self.place = Place::Start;
    }

    fn end_row(&mut self, row: &mut impl FnMut(&[Vec<u8>])) {
        // An empty line is no row.
        if self.place != Place::Start || !self.fields.is_empty() {
            self.end_field();
            row(&self.fields);
            self.fields.clear();
        }
        self.length = 0;
        self.place = Place::Start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, piece: usize) -> (Vec<Vec<String>>, Option<&'static str>) {
        let (mut rows, mut found) = (Rows::default(), Vec::new());
        let mut keep = |fields: &[Vec<u8>]| {
            found.push(fields.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect());
        };
        for bytes in text.as_bytes().chunks(piece) {
            rows.feed(bytes, &mut keep);
        }
        let broken = rows.end(&mut keep);
        (found, broken)
    }

    #[test]
    fn rows_are_read_as_python_reads_them_however_they_come() {
        for piece in [1, 3, 1000] {
            let text = "a,sha256=x,1\r\n\"b,\"\"c\"\"\n\",,\n\n,\nlast,1,";
            let (rows, broken) = read(text, piece);
            assert_eq!(
                rows,
                [vec!["a", "sha256=x", "1"], vec!["b,\"c\"\n", "", ""], vec!["", ""], vec!["last", "1", ""]]
            );
            assert_eq!(broken, None);
        }
    }

    #[test]
    fn rows_that_never_end_are_broken() {
        for text in ["a,\"b", "a,\"b\"c,d\n", &"x".repeat(5000), &",".repeat(20)] {
            assert!(read(text, 7).1.is_some(), "{text:.20}");
        }
    }
}
