//! The rights of the module's role.

use dataprocessor::config::wall_time;
use dataprocessor::{Config, SqlTable, run, show};

use crate::server::TestHub;

#[tokio::test]
async fn the_role_of_the_module_is_enough() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    t.stay("e1", "p1", "2026-02-01", &[]).await;
    t.import().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/output-tables");
    t.hub
        .migrate(
            &SqlTable::with_standard(&SqlTable::read_all(&folder).unwrap()),
            true,
        )
        .await
        .unwrap();
    t.sql("ALTER ROLE db2dataprocessor_user PASSWORD 'only for this test'")
        .await;
    let address = t.url.split_once('@').unwrap().1;
    let mut options = cds_hub::HubOptions::new(format!("postgres://db2dataprocessor_user@{address}"));
    options.password = Some("only for this test".to_owned());
    let hub = cds_hub::Hub::open(&options).await.unwrap();
    let mut config = Config::default();
    config.debug_now = wall_time::parse("2026-03-01");
    config.sql_tables = Some(folder);
    assert_eq!(run(&hub, &config).await.unwrap().new, 3);
    assert!(show(&hub, 10, false).await.unwrap().contains("Alpha, Ada"));
}
