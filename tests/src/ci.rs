//! A CI system that signs who its jobs are (OpenID Connect), as GitHub and GitLab do.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Json, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// What a job sends to be given a token, as GitHub calls it.
const REQUEST_TOKEN: &str = "request-token";

/// A CI system on a port of its own, with an RSA and an EC key.
pub struct CiSystem {
    site: Arc<Site>,
    _runtime: Runtime,
}

struct Site {
    url: String,
    keys: Mutex<Keys>,
    asked: Mutex<Vec<String>>,
    job: Mutex<Value>,
    ids: AtomicU64,
}

struct Keys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    generation: u32,
}

impl Keys {
    fn new(generation: u32) -> Self {
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(), ec, generation }
    }

    fn document(&self) -> Value {
        let [modulus, exponent] = integers(self.rsa.public_key().as_ref());
        let point = self.ec.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let of = self.generation;
        json!({ "keys": [
            { "kty": "RSA", "use": "sig", "alg": "RS256", "kid": format!("rsa{of}"), "n": text(&modulus), "e": text(&exponent) },
            { "kty": "EC", "use": "sig", "crv": "P-256", "kid": format!("ec{of}"), "x": text(x), "y": text(y) },
            { "kty": "RSA", "use": "enc", "kid": "for-encryption", "n": text(&modulus), "e": text(&exponent) },
        ] })
    }
}

/// The two integers of a PKCS #1 public key: a sequence of modulus and exponent.
fn integers(der: &[u8]) -> [Vec<u8>; 2] {
    fn value(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, rest) = match der[1] {
            short @ 0..0x80 => (usize::from(short), &der[2..]),
            long => {
                let (digits, rest) = der[2..].split_at(usize::from(long & 0x7f));
                (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
            }
        };
        rest.split_at(length)
    }
    let (sequence, _) = value(der);
    let (modulus, rest) = value(sequence);
    let (exponent, _) = value(rest);
    [modulus, exponent].map(|number| number.iter().copied().skip_while(|byte| *byte == 0).collect())
}

impl CiSystem {
    /// Starts it.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = Mutex::new(Keys::new(1));
        let site =
            Site { url, keys, asked: Mutex::default(), job: Mutex::new(Value::Null), ids: AtomicU64::new(1) };
        let site = Arc::new(site);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        listener.set_nonblocking(true).unwrap();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&site));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await
        });
        Self { site, _runtime: runtime }
    }

    /// The issuer, as its tokens name it.
    pub fn url(&self) -> &str {
        &self.site.url
    }

    /// The public keys, as a JSON Web Key Set.
    pub fn keys(&self) -> Value {
        self.site.keys.lock().unwrap().document()
    }

    /// The public RSA key in the form that a careless judge takes for a shared secret.
    pub fn public_key(&self) -> Vec<u8> {
        self.site.keys.lock().unwrap().rsa.public_key().as_der().unwrap().as_ref().to_vec()
    }

    /// Signs with other keys from now on.
    pub fn rotate(&self) {
        let mut keys = self.site.keys.lock().unwrap();
        *keys = Keys::new(keys.generation + 1);
    }

    /// The paths that it was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.site.asked.lock().unwrap().clone()
    }

    /// What every token says: who issued it, a subject, an id that no other has, and that it lives for five minutes. The
    /// claims given are added, or stand in their place; one that is `null` is left out.
    pub fn claims(&self, claims: &Value) -> Value {
        self.site.claims(claims)
    }

    /// A token with these claims, signed as GitHub signs.
    pub fn token(&self, claims: &Value) -> String {
        self.site.sign("RS256", &self.claims(claims))
    }

    /// A token signed by RS256 or ES256, its claims as they are given.
    pub fn sign(&self, algorithm: &str, claims: &Value) -> String {
        self.site.sign(algorithm, claims)
    }

    /// A token with a header of the forger's choice, rightly signed by the RSA key all the same.
    pub fn sign_with_header(&self, header: &Value, claims: &Value) -> String {
        self.site.keys.lock().unwrap().sign(header, claims)
    }

    /// The variables by which a job finds it, as on GitHub; what the job is, these claims say.
    pub fn job(&self, claims: &Value) -> [(&'static str, String); 3] {
        *self.site.job.lock().unwrap() = claims.clone();
        [
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/job-token?api-version=2.0", self.url())),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN.to_owned()),
        ]
    }
}

/// Seconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "a harness has no clock module, and this is its only use")]
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Site {
    fn next_id(&self) -> String {
        format!("job-{}", self.ids.fetch_add(1, Ordering::Relaxed))
    }

    fn claims(&self, given: &Value) -> Value {
        let now = seconds();
        let jti = self.next_id();
        let mut claims =
            json!({ "iss": self.url, "sub": "job", "jti": jti, "iat": now, "nbf": now, "exp": now + 300 });
        for (name, value) in given.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    fn sign(&self, algorithm: &str, claims: &Value) -> String {
        let keys = self.keys.lock().unwrap();
        let family = if algorithm == "ES256" { "ec" } else { "rsa" };
        let key_id = format!("{family}{}", keys.generation);
        keys.sign(&json!({ "typ": "JWT", "alg": algorithm, "kid": key_id }), claims)
    }
}

impl Keys {
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let random = SystemRandom::new();
        let signature = if header["alg"] == "ES256" {
            self.ec.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec()
        } else {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
            signature
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

async fn answer(State(site): State<Arc<Site>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    site.asked.lock().unwrap().push(path.clone());
    match path.as_str() {
        "/.well-known/openid-configuration" => {
            Json(json!({ "issuer": site.url, "jwks_uri": format!("{}/keys", site.url) })).into_response()
        }
        "/keys" => Json(site.keys.lock().unwrap().document()).into_response(),
        "/job-token" => {
            let query = request.uri().query().unwrap_or_default();
            let audience = query.split('&').find_map(|pair| pair.strip_prefix("audience="));
            let given = request.headers().get("authorization").and_then(|value| value.to_str().ok());
            if given.is_none_or(|given| !given.to_ascii_lowercase().ends_with(REQUEST_TOKEN)) {
                return axum::http::StatusCode::UNAUTHORIZED.into_response();
            }
            let mut claims = site.job.lock().unwrap().clone();
            claims["aud"] = audience.into();
            let claims = site.claims(&claims);
            Json(json!({ "count": 1, "value": site.sign("RS256", &claims) })).into_response()
        }
        _ => axum::http::StatusCode::NOT_FOUND.into_response(),
    }
}
