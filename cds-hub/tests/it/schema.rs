//! What an empty database becomes.

use cds_hub::{Hub, HubTables};

use crate::server::empty_database;

pub fn tables() -> HubTables {
    HubTables::standard()
}

#[tokio::test]
async fn init_makes_a_hub_and_does_nothing_the_second_time() {
    let hub = Hub::connect(&empty_database().await).await.unwrap();
    hub.init(&tables()).await.unwrap();
    hub.init(&tables()).await.unwrap();
    let (count,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM core.installation").fetch_one(hub.pool()).await.unwrap();
    assert_eq!(count, 1);
    let (zone,): (String,) =
        sqlx::query_as("SELECT current_setting('TimeZone')").fetch_one(hub.pool()).await.unwrap();
    assert_eq!(zone, "Europe/Berlin");
}
