//! Tokens that a service rejects.

use std::sync::Barrier;

use portcullis_client::TokenEvent;

use crate::Setting;

#[tokio::test]
async fn rejected_tokens_are_replaced_twice() {
    let mut setting = Setting::new().await;
    for _ in 0..2 {
        let token = setting.token().await.expect("a token");
        assert!(setting.source.reject(&token));
        assert!(matches!(setting.event().await, TokenEvent::Obtained { .. }));
        match setting.event().await {
            TokenEvent::Rejected { expires_at, .. } => assert_eq!(expires_at, token.expires_at()),
            other => panic!("{other:?}"),
        }
        assert!(
            setting.source.reject(&token),
            "the token was replaced already"
        );
    }
    let token = setting.token().await.expect("a token");
    assert!(!setting.source.reject(&token), "two rejections are allowed");
    assert!(setting.token().await.expect("a token").ptr_eq(&token));
    assert!(matches!(setting.event().await, TokenEvent::Obtained { .. }));
    assert!(setting.events.is_empty(), "the token remains in use");
    assert_eq!(setting.token_requests(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_rejections_of_a_token_count_once() {
    for round in 0..20 {
        let setting = Setting::new().await;
        let first = setting.token().await.expect("a token");
        let together = Barrier::new(8);
        let all = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        setting.source.reject(&first)
                    })
                })
                .collect();
            threads
                .into_iter()
                .all(|thread| thread.join().expect("no panic"))
        });
        assert!(all, "{round}: rejected");
        let second = setting.token().await.expect("another");
        assert!(
            setting.source.reject(&second),
            "{round}: a second rejection is allowed"
        );
        let third = setting.token().await.expect("another");
        assert!(
            !setting.source.reject(&third),
            "{round}: two rejections are allowed"
        );
    }
}
