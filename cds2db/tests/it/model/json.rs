//! JSON as it stands in a resource: numbers keep their text.

/// A value; `null` is kept, since empty slots count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Scalar(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        let mut rest = text.trim_start();
        value(&mut rest)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// All values at a slash path, each with its index: one number a segment, counted from 1.
    pub(crate) fn values(&self, path: &str) -> Vec<(Vec<u32>, String)> {
        let mut found = Vec::new();
        let segments: Vec<&str> = path.split('/').collect();
        self.walk(&segments, &mut Vec::new(), &mut found);
        found
    }

    /// The first value at a slash path.
    pub(crate) fn first(&self, path: &str) -> Option<String> {
        self.values(path).into_iter().next().map(|(_, text)| text)
    }

    fn walk(&self, segments: &[&str], index: &mut Vec<u32>, found: &mut Vec<(Vec<u32>, String)>) {
        let Some((key, rest)) = segments.split_first() else {
            if let Self::Scalar(text) = self {
                found.push((index.clone(), text.clone()));
            }
            return;
        };
        let children: &[Self] = match self.get(key) {
            None => &[],
            Some(Self::Array(items)) => items,
            Some(other) => std::slice::from_ref(other),
        };
        for (number, child) in (1..).zip(children) {
            index.push(number);
            child.walk(rest, index, found);
            index.pop();
        }
    }
}

fn value(rest: &mut &str) -> Json {
    match rest.as_bytes()[0] {
        b'{' => {
            let mut members = Vec::new();
            items(rest, '}', |rest| {
                let name = string(rest);
                expect(rest, ':');
                members.push((name, value(rest)));
            });
            Json::Object(members)
        }
        b'[' => {
            let mut list = Vec::new();
            items(rest, ']', |rest| list.push(value(rest)));
            Json::Array(list)
        }
        b'"' => Json::Scalar(string(rest)),
        _ => {
            let end = rest
                .find([',', '}', ']', ' ', '\n', '\r', '\t'])
                .unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            *rest = after.trim_start();
            if text == "null" {
                Json::Null
            } else {
                Json::Scalar(text.to_owned())
            }
        }
    }
}

fn items(rest: &mut &str, end: char, mut item: impl FnMut(&mut &str)) {
    *rest = rest[1..].trim_start();
    while !rest.starts_with(end) {
        item(rest);
        if rest.starts_with(',') {
            expect(rest, ',');
        }
    }
    expect(rest, end);
}

fn expect(rest: &mut &str, sign: char) {
    *rest = rest.strip_prefix(sign).expect("well-formed JSON").trim_start();
}

fn string(rest: &mut &str) -> String {
    let mut out = String::new();
    let mut signs = rest.char_indices().skip(1);
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => {
                *rest = rest[at + 1..].trim_start();
                return out;
            }
            '\\' => match signs.next().expect("an escape").1 {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                'b' => out.push('\u{8}'),
                'f' => out.push('\u{c}'),
                'u' => {
                    let mut unit = || -> u16 {
                        let digits: String = (0..4).map(|_| signs.next().expect("four digits").1).collect();
                        u16::from_str_radix(&digits, 16).expect("hexadecimal")
                    };
                    let mut units = vec![unit()];
                    if (0xd800..0xdc00).contains(&units[0]) {
                        // The low half follows as an escape of its own.
                        signs.next();
                        signs.next();
                        let digits: String = (0..4).map(|_| signs.next().expect("four digits").1).collect();
                        units.push(u16::from_str_radix(&digits, 16).expect("hexadecimal"));
                    }
                    out.push_str(&String::from_utf16(&units).expect("UTF-16"));
                }
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    panic!("a string without an end");
}
