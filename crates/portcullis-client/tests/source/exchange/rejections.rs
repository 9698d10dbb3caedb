//! Exchanged tokens that a service rejects.

use super::Setting;
use crate::MINUTE;

#[tokio::test]
async fn rejected_tokens_of_one_subject_are_replaced_twice() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let (mallory, alice) = (
        setting.subject("mallory", 5 * MINUTE),
        setting.subject("alice", 5 * MINUTE),
    );
    let of_alice = exchange.token(&alice).await.expect("a token");
    for _ in 0..2 {
        let token = exchange.token(&mallory).await.expect("a token");
        assert!(exchange.reject(&mallory, &token));
        assert!(
            exchange.reject(&mallory, &token),
            "the token was removed already"
        );
    }
    let token = exchange.token(&mallory).await.expect("a token");
    assert!(
        !exchange.reject(&mallory, &token),
        "two rejections are allowed"
    );
    assert!(exchange.token(&mallory).await.expect("it").ptr_eq(&token));

    assert!(
        exchange.reject(&alice, &of_alice),
        "a token of another subject"
    );
    let another = exchange.token(&alice).await.expect("another");
    assert!(!another.ptr_eq(&of_alice));
}

#[tokio::test]
async fn rejected_tokens_of_all_subjects_are_replaced_32_times() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let mut tokens = Vec::new();
    for number in 0..33 {
        let subject = setting.subject(&format!("caller-{number}"), 5 * MINUTE);
        let token = exchange.token(&subject).await.expect("a token");
        tokens.push((subject, token));
    }
    tokio::time::pause();
    let replaced = tokens
        .iter()
        .filter(|(subject, token)| exchange.reject(subject, token));
    assert_eq!(replaced.count(), 32);
}
