//! The databases of tests themselves.

use crate::server::{empty_database, hub};
use crate::sql::rows;

fn in_another_test<T: Send + 'static>(test: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    std::thread::spawn(move || runtime().block_on(test()))
        .join()
        .unwrap()
}

#[tokio::test]
async fn a_test_leaves_no_database() {
    let here = hub().await;
    let names = in_another_test(async || {
        let url = empty_database().await;
        // Still connected when the test ends.
        let connected = hub().await;
        let own = rows(&connected, "SELECT current_database()").await;
        let empty = url.rsplit('/').next().unwrap().to_owned();
        std::mem::forget(connected);
        [empty, own[0].clone()]
    });
    assert_ne!(names[0], names[1], "a test can have several");
    for name in names {
        let left = format!("SELECT datname FROM pg_database WHERE datname = '{name}'");
        assert!(rows(&here, &left).await.is_empty(), "{name} was left");
    }
    let own = "SELECT datname FROM pg_database WHERE datname = current_database()";
    assert_eq!(
        rows(&here, own).await.len(),
        1,
        "the database of a test that runs stays"
    );
}
