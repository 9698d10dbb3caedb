use portcullis_api_key::{ApiKeyId, KeyDigest, KeyRecord};

use crate::support::{NOW, Pair};

const FOREIGN: &str = "legacy-9f8b6c1e52d04a7f8e1b3c5d7a9e0f12+&=%";

#[tokio::test]
async fn foreign_key_is_introspected_whole() {
    let pair = Pair::with(|keys| keys.accept_foreign_keys()).await;
    let digest = KeyDigest::of_text(FOREIGN, None);
    let record = KeyRecord::foreign(digest, "billing", NOW).expect("a record");
    pair.keys.insert([record]).expect("stored");
    for _ in 0..2 {
        let seen = pair.check(FOREIGN).await.expect("accepted");
        assert!(seen.is_foreign);
        assert_eq!(seen.id, ApiKeyId::of_foreign(&digest));
    }
    assert_eq!(pair.endpoint.requests(), 1);
    assert!(pair.check(&FOREIGN.to_uppercase()).await.is_err());
}
