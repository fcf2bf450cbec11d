//! JSON pages: an error or rows, the same whether walked or read as a tree, every resource accounted for.

#![no_main]

#[path = "pages.rs"]
mod pages;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|page: &[u8]| {
    let _ = pages::check(page);
    let resource = [b"{\"resourceType\":\"Patient\",", page].concat();
    let _ = pages::check(&resource);
});
