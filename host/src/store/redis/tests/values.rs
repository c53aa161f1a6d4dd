//! Values by key, and what a server shows of them.

use bytes::Bytes;
use redis::Value;

use super::*;

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn a_value_is_there_until_it_is_deleted_or_its_time_is_over() {
    let server = Server::start();
    let store = store(&server);
    let get = || store.get("a".into(), b"k".to_vec());
    let set = |ttl_ms| store.set("a".into(), b"k".to_vec(), bytes("v\0\r\n"), ttl_ms);
    assert_eq!(get().await, Ok(None));
    set(None).await.unwrap();
    assert_eq!(get().await, Ok(Some(bytes("v\0\r\n"))));
    assert_eq!(store.get("b".into(), b"k".to_vec()).await, Ok(None));
    assert_eq!(server.keys(), ["sluice:{a/k}::value"]);
    assert_eq!(store.delete("a".into(), b"k".to_vec()).await, Ok(true));
    assert_eq!(store.delete("a".into(), b"k".to_vec()).await, Ok(false));
    set(Some(u64::MAX)).await.unwrap();
    set(Some(1)).await.unwrap();
    until("it expires", || async { get().await == Ok(None) }).await;
    set(Some(0)).await.unwrap();
    assert_eq!(get().await, Ok(None));
}

#[tokio::test]
async fn only_one_of_those_who_expect_the_same_wins() {
    let server = Server::start();
    let store = store(&server);
    let swap = |expected: Option<&'static str>, value, ttl_ms| {
        let expected = expected.map(bytes);
        store.compare_and_set("a".into(), b"k".to_vec(), expected, bytes(value), ttl_ms)
    };
    assert_eq!(swap(Some("0"), "1", None).await, Ok(false));
    assert_eq!(swap(None, "1", Some(100_000)).await, Ok(true));
    assert_eq!(swap(None, "2", None).await, Ok(false));
    assert_eq!(swap(Some(""), "2", None).await, Ok(false));
    let both = tokio::join!(swap(Some("1"), "2", None), swap(Some("1"), "3", None));
    assert_eq!(both, (Ok(true), Ok(false)));
    assert_eq!(swap(Some("2"), "", Some(0)).await, Ok(true));
    assert_eq!(swap(None, "4", Some(u64::MAX)).await, Ok(true));
}

#[tokio::test]
async fn what_is_too_large_is_not_sent() {
    let server = Server::start();
    let store = store(&server);
    let large = Bytes::from(vec![0; (1 << 20) + 1]);
    let set = store.set("a".into(), b"k".to_vec(), large.clone(), None);
    assert_eq!(set.await, Err(StoreError::TooLarge));
    let fits = store.set("a".into(), b"k".to_vec(), large.slice(1..), None);
    assert_eq!(fits.await, Ok(()));
    let get = store.get("a".into(), vec![0; 513]).await;
    assert_eq!(get, Err(StoreError::TooLarge));
    let limits = super::set(
        Consistency::Strict,
        vec![limit("l", 9, 1000, Algorithm::FixedWindow)],
    );
    let took = store.take(limits, vec![0; 513], 1).await;
    assert_eq!(took, Err(StoreError::TooLarge));
}

#[tokio::test]
async fn every_counter_expires_and_names_its_window() {
    let server = Server::start();
    let store = store(&server);
    let limits = [
        Algorithm::SlidingWindow,
        Algorithm::FixedWindow,
        Algorithm::TokenBucket,
    ]
    .map(|algorithm| limit("hourly", 9, 3_600_000, algorithm));
    for limit in limits {
        let set = set(Consistency::Strict, vec![limit]);
        assert!(take(&store, &set, "acme", 1).await.unwrap().granted);
    }
    let mut keys = server.keys();
    keys.sort();
    let named = |rest| format!("sluice:{{quota/acme}}:hourly:{rest}:3600000");
    assert_eq!(keys, ["bucket", "fixed", "sliding"].map(named));
    for key in keys {
        let Value::Int(ttl_ms) = server.tell(&format!("PTTL {key}")) else {
            panic!("{key} has no end");
        };
        assert!(
            (1..=3_600_000 * 62 / 60).contains(&ttl_ms),
            "{key}: {ttl_ms}"
        );
    }
}

#[tokio::test]
async fn a_user_a_password_and_a_database_are_heeded() {
    let server = Server::start();
    server.tell("ACL SETUSER gate on >hunter2 ~sluice:* +@all");
    let with = |password: Option<&str>| {
        let config = RedisConfig {
            address: server.address(),
            username: password.map(|_| "gate".into()),
            password: password.map(Into::into),
            database: 3,
            timeout_ms: 10_000,
            ..RedisConfig::default()
        };
        Store::redis(config).unwrap()
    };
    let good = with(Some("hunter2"));
    good.set("a".into(), b"k".to_vec(), bytes("v"), None)
        .await
        .unwrap();
    assert_eq!(server.keys(), [""; 0]);
    let bad = with(Some("hunter3"));
    let why = bad.get("a".into(), b"k".to_vec()).await.unwrap_err();
    assert!(!format!("{why} {bad:?}").contains("hunter"), "{why}");
    assert!(why.to_string().contains("WRONGPASS") || why.to_string().contains("uthentication"));
}

#[tokio::test]
async fn a_server_that_proves_its_name_is_spoken_to_by_tls() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["redis.test".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let certificate = file("cert.pem", made.cert.pem());
    let key = file("key.pem", made.signing_key.serialize_pem());
    let server = Server::start_with(&[
        "--port",
        "0",
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &certificate,
        "--tls-auth-clients",
        "no",
    ]);
    let with = |name: &str| {
        let config = RedisConfig {
            address: server.address(),
            tls: Some(crate::store::RedisTls {
                ca: Some(made.cert.pem().into_bytes()),
                server_name: Some(name.into()),
            }),
            timeout_ms: 10_000,
            ..RedisConfig::default()
        };
        Store::redis(config).unwrap()
    };
    let good = with("redis.test");
    assert_eq!(good.get("a".into(), b"k".to_vec()).await, Ok(None));
    let other = with("other.test");
    let why = other.get("a".into(), b"k".to_vec()).await.unwrap_err();
    assert!(why.to_string().contains("certificate"), "{why}");
}
