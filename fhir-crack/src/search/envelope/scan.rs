use memchr::memchr2;

use crate::block::Json;

/// A walk over JSON text that builds nothing but what it is asked for.
///
/// What is skipped is followed from bracket to bracket, which is what tells a whole page from one that broke off; the
/// decoder reads the same bytes with care later. Every method gives `None` where the text breaks off or is no JSON.
pub(super) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a [u8]) -> Scan<'a> {
        Scan { text, at: 0 }
    }

    /// Walks an object: `member` gets each name, its escapes undone, and has to walk over its value. Any other value is skipped.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Scan<'a>, &[u8]) -> Option<()>,
    ) -> Option<()> {
        if self.peek()? != b'{' {
            return self.skip();
        }
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let name = self.string()?;
            self.take(b':')?;
            if name.contains(&b'\\') {
                let name: String = serde_json::from_slice(name).ok()?;
                member(self, name.as_bytes())?;
            } else {
                member(self, &name[1..name.len() - 1])?;
            }
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Walks an array: `item` has to walk over one item each time. Any other value is skipped.
    pub(super) fn array(&mut self, mut item: impl FnMut(&mut Scan<'a>) -> Option<()>) -> Option<()> {
        if self.peek()? != b'[' {
            return self.skip();
        }
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            item(self)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Walks an array as [`Scan::array`] does, or a value that stands where one is due, as the only item of one.
    pub(super) fn items(&mut self, mut item: impl FnMut(&mut Scan<'a>) -> Option<()>) -> Option<()> {
        match self.peek()? {
            b'[' => self.array(item),
            b'n' => self.skip(),
            _ => item(self),
        }
    }

    /// A text or number as text; any other value is skipped and reads as nothing.
    pub(super) fn text(&mut self) -> Option<String> {
        match self.peek()? {
            b'"' => {
                let raw = self.string()?;
                if raw.contains(&b'\\') {
                    return serde_json::from_slice(raw).ok();
                }
                std::str::from_utf8(&raw[1..raw.len() - 1])
                    .ok()
                    .map(str::to_owned)
            }
            b'0'..=b'9' => {
                let from = self.at;
                self.skip()?;
                std::str::from_utf8(&self.text[from..self.at])
                    .ok()
                    .map(str::to_owned)
            }
            _ => {
                self.skip()?;
                Some(String::new())
            }
        }
    }

    /// Walks over any value.
    pub(super) fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' | b'[' => self.skip_nested(),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                let rest = &self.text[self.at..];
                let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
                self.at += rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len());
                Some(())
            }
            _ => None,
        }
    }

    /// Whether nothing but blanks follows.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Walks to the closing brace of the object that the scan is in, between two of its members.
    pub(super) fn skip_members(&mut self) -> Option<()> {
        self.close(1)?;
        self.at -= 1;
        Some(())
    }

    fn skip_nested(&mut self) -> Option<()> {
        self.at += 1;
        self.close(1)
    }

    /// Walks behind the bracket that closes the outermost of `depth` open ones, 64 bytes at a time.
    fn close(&mut self, mut depth: usize) -> Option<()> {
        // all bits set while a string goes on from the block before
        let mut inside = 0;
        while let Some(block) = self.text.get(self.at..)?.first_chunk::<64>() {
            let json = Json::of(block);
            if json.backslashes != 0 {
                if inside != 0 {
                    self.at = string_end(self.text, self.at)?;
                    inside = 0;
                }
                if self.close_bytes(&mut depth, self.at.saturating_add(64))? {
                    return Some(());
                }
                continue;
            }
            let strings = Json::strings(json.quotes) ^ inside;
            let (opening, closing) = (json.opening & !strings, json.closing & !strings);
            if (closing.count_ones() as usize) < depth {
                depth = depth + opening.count_ones() as usize - closing.count_ones() as usize;
            } else {
                let mut brackets = opening | closing;
                while brackets != 0 {
                    let place = brackets.trailing_zeros();
                    depth = if opening >> place & 1 == 1 {
                        depth + 1
                    } else {
                        depth - 1
                    };
                    if depth == 0 {
                        self.at += place as usize + 1;
                        return Some(());
                    }
                    brackets &= brackets - 1;
                }
            }
            if json.quotes.count_ones() % 2 == 1 {
                inside = !inside;
            }
            self.at += 64;
        }
        if inside != 0 {
            self.at = string_end(self.text, self.at)?;
        }
        self.close_bytes(&mut depth, usize::MAX)?.then_some(())
    }

    /// The same byte by byte from outside of a string, up to a place outside of one at or behind `until`; true where
    /// the last bracket was closed.
    fn close_bytes(&mut self, depth: &mut usize, until: usize) -> Option<bool> {
        while self.at < until {
            match *self.text.get(self.at)? {
                b'"' => {
                    self.at = string_end(self.text, self.at + 1)?;
                    continue;
                }
                b'{' | b'[' => *depth += 1,
                b'}' | b']' => *depth -= 1,
                _ => {}
            }
            self.at += 1;
            if *depth == 0 {
                return Some(true);
            }
        }
        Some(false)
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        if self.peek()? != b'"' {
            return None;
        }
        let from = self.at;
        self.at = string_end(self.text, from + 1)?;
        Some(&self.text[from..self.at])
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }
}

/// Behind the closing quote of the string that `at` is in.
fn string_end(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let found = at + memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[found] == b'"' {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_values_read_as_nothing() {
        for (text, read) in [
            (r#""a\"b\u00e4""#, Some("a\"b\u{e4}")),
            ("12", Some("12")),
            ("-1", Some("")),
            ("null", Some("")),
            (r#"{"a":["]"]}"#, Some("")),
            ("[1,[2]]", Some("")),
            (r#""broken"#, None),
            ("[1,[2]", None),
            ("", None),
            ("}", None),
        ] {
            assert_eq!(Scan::new(text.as_bytes()).text().as_deref(), read, "{text}");
        }
    }

    /// Objects and lists long enough for several blocks, with strings full of what ends or escapes one.
    fn values() -> impl Strategy<Value = serde_json::Value> {
        let text = prop_oneof!["[a-z]{0,30}", "[]\\[{}\"\\\\ä]{0,12}", "[a-z]{60,70}"];
        let leaf = prop_oneof![
            text.prop_map(serde_json::Value::from),
            any::<u8>().prop_map(serde_json::Value::from)
        ];
        let nested = leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
                proptest::collection::vec(("[a-z\"\\\\]{0,8}", inner), 0..5)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        });
        nested.prop_filter("brackets round it", |value| value.is_array() || value.is_object())
    }

    proptest! {
        #[test]
        fn strings_end_where_serde_says(text in "\\PC*", rest in "\\PC*") {
            let written = serde_json::to_string(&text).expect("written");
            let all = format!("[{written},{{\"k\":{written}}}]{rest}");
            let mut scan = Scan::new(all.as_bytes());
            prop_assert_eq!(scan.skip(), Some(()));
            prop_assert_eq!(scan.at, all.len() - rest.len());
            prop_assert_eq!(Scan::new(written.as_bytes()).text(), Some(text));
        }

        #[test]
        fn what_is_skipped_ends_where_serde_says(value in values(), rest in "[]}, x]{0,70}") {
            let written = value.to_string();
            let all = format!("{written}{rest}");
            let mut scan = Scan::new(all.as_bytes());
            prop_assert_eq!(scan.skip(), Some(()));
            prop_assert_eq!(scan.at, written.len());
            for end in 0..written.len() {
                prop_assert_eq!(Scan::new(&written.as_bytes()[..end]).skip(), None, "cut at {}", end);
            }
        }

        #[test]
        fn members_are_skipped_up_to_the_brace(value in values(), more in values()) {
            let written = format!("{{\"a\":{value},\"b\":{more}}}");
            let mut scan = Scan::new(written.as_bytes());
            let mut names = 0;
            let all = scan.object(|scan, _| {
                names += 1;
                scan.skip()?;
                scan.skip_members()
            });
            prop_assert_eq!((all, names, scan.at), (Some(()), 1, written.len()));
        }

        #[test]
        fn no_text_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Scan::new(&text).skip();
            let _ = Scan::new(&text).text();
            let _ = Scan::new(&text).object(|scan, _| scan.skip());
        }
    }
}
