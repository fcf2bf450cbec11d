use std::io::{BufRead, Error, ErrorKind, Result};

/// Reads raw tables in CSV record by record: an empty unquoted field is NULL, a quoted one text, quotes are doubled
/// inside, line feeds may stand inside quotes.
#[derive(Debug)]
pub(super) struct RawCsv<R> {
    input: R,
    /// Line of the record read last, counted from 1.
    line: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> RawCsv<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            line: 0,
            buffer: Vec::new(),
        }
    }

    /// The next record; `None` behind the last one. Errors name the line.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Option<String>>>> {
        self.buffer.clear();
        let first = self.line + 1;
        loop {
            if self.input.read_until(b'\n', &mut self.buffer)? == 0 {
                if self.buffer.is_empty() {
                    return Ok(None);
                }
                if self.is_inside_quotes() {
                    return Err(Error::new(
                        ErrorKind::UnexpectedEof,
                        format!("the quote in line {first} is never closed"),
                    ));
                }
                break;
            }
            self.line += 1;
            if !self.is_inside_quotes() {
                break;
            }
        }
        let text = std::str::from_utf8(&self.buffer)
            .map_err(|_| Error::new(ErrorKind::InvalidData, format!("line {first} is not UTF-8")))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let text = if first == 1 {
            text.trim_start_matches('\u{feff}')
        } else {
            text
        };
        fields(text).map(Some).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidData,
                format!("line {first}: text behind a closed quote"),
            )
        })
    }

    /// The next record, which has to have so many fields.
    pub(super) fn next_of(&mut self, fields: usize) -> Result<Option<Vec<Option<String>>>> {
        let first = self.line + 1;
        let record = self.next()?;
        match &record {
            Some(record) if record.len() != fields => Err(Error::new(
                ErrorKind::InvalidData,
                format!(
                    "line {first}: {} fields, but {fields} names in line 1",
                    record.len()
                ),
            )),
            _ => Ok(record),
        }
    }

    fn is_inside_quotes(&self) -> bool {
        self.buffer.iter().filter(|b| **b == b'"').count() % 2 == 1
    }
}

fn fields(mut rest: &str) -> Option<Vec<Option<String>>> {
    let mut fields = Vec::new();
    loop {
        let end;
        if let Some(inside) = rest.strip_prefix('"') {
            let close = closing(inside)?;
            fields.push(Some(inside[..close].replace("\"\"", "\"")));
            end = &inside[close + 1..];
            if !end.is_empty() && !end.starts_with(',') {
                return None;
            }
        } else {
            let length = rest.find(',').unwrap_or(rest.len());
            fields.push((length > 0).then(|| rest[..length].to_owned()));
            end = &rest[length..];
        }
        match end.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Some(fields),
        }
    }
}

/// Where the quote stands that ends the text: one that is not doubled.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|b| *b == b'"') {
        at += found;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_text_differ_and_lines_may_be_quoted() {
        let text = "\u{feff}\"a\",\"b\",c\r\n\"x\"\"y\",,\"\"\n\"1\n2\",z,\n";
        let mut csv = RawCsv::new(text.as_bytes());
        let mut record = || csv.next().expect("reads");
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(record(), Some(vec![some("a"), some("b"), some("c")]));
        assert_eq!(record(), Some(vec![some("x\"y"), None, some("")]));
        assert_eq!(record(), Some(vec![some("1\n2"), some("z"), None]));
        assert_eq!(record(), None);
    }

    #[test]
    fn a_record_with_another_number_of_fields_is_a_fault() {
        let mut csv = RawCsv::new("a,b\n1,2\n3\n".as_bytes());
        let mut next = || csv.next_of(2).map(|record| record.map(|r| r.len()));
        assert_eq!(next().expect("names"), Some(2));
        assert_eq!(next().expect("a record"), Some(2));
        let error = next().expect_err("one field");
        assert!(error.to_string().contains("line 3: 1 fields"), "{error}");
    }

    #[test]
    fn faults_name_the_line_and_no_value() {
        for (text, expected) in [("a\n\"SECRET\n", "line 2"), ("\"SECRET\"x\n", "line 1")] {
            let mut csv = RawCsv::new(text.as_bytes());
            let error = std::iter::from_fn(|| Some(csv.next()))
                .find_map(Result::err)
                .expect("a fault");
            assert!(
                error.to_string().contains(expected) && !error.to_string().contains("SECRET"),
                "{error}"
            );
        }
    }
}
