//! Routes, each with what it asks of who comes. Nothing else in the server makes routes, and one that changes something
//! cannot be made without saying what it needs: so [`crate::routes`] is all of them.

use std::fmt;

use axum::{
    Router,
    extract::Request,
    handler::Handler,
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, get, on},
};
use depot_proto::{RepositoryName, scope::Action};

use super::error::ApiError;
use crate::auth::policy::{Denied, Principal};

/// A method at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// `GET` stands for `HEAD` too.
    pub method: &'static str,
    /// The whole path, with parameters in braces.
    pub path: String,
    /// What it takes to be let in. None where nothing is changed: who may read is judged by what is read.
    pub needs: Option<Needs>,
}

/// What a route that changes something asks of who comes, before it looks at what they bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// One of these rights on the project that the request is about. Which project that is, and which of the rights it
    /// takes, shows when the request is read; before that, one of them anywhere in the repository is asked for.
    Right(RepositoryName, &'static [Action]),
    /// To be an administrator.
    Administrator,
    /// The password of the account that the request is about, the token that it is about, or an administrator.
    Owner,
    /// What is brought proves itself: a token in the body.
    Proof,
    /// Nobody is let in: the answer says where to go.
    Nobody,
}

impl Needs {
    fn check(&self, principal: &Principal) -> Result<(), Denied> {
        match self {
            Self::Right(repository, actions) => principal.may_in(actions, repository),
            Self::Administrator => principal.may_administer(),
            Self::Owner => principal.is_someone(),
            Self::Proof | Self::Nobody => Ok(()),
        }
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right(_, actions) => {
                for (number, action) in actions.iter().enumerate() {
                    let before = match number {
                        0 => "",
                        _ if number + 1 == actions.len() => " or ",
                        _ => ", ",
                    };
                    write!(f, "{before}`{action}`")?;
                }
                Ok(())
            }
            Self::Administrator => f.write_str("an administrator"),
            Self::Owner => f.write_str("whose it is, or an administrator"),
            Self::Proof => f.write_str("the token in the body"),
            Self::Nobody => f.write_str("nobody may"),
        }
    }
}

/// Routes whose handlers share a state.
pub(crate) struct Doors<S> {
    router: Router<S>,
    routes: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Doors<S> {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), routes: Vec::new() }
    }

    /// `GET` and `HEAD`, which change nothing.
    pub(crate) fn read<T: 'static>(mut self, path: &str, handler: impl Handler<T, S>) -> Self {
        self.routes.push(Route { method: "GET", path: path.to_owned(), needs: None });
        self.router = self.router.route(path, get(handler));
        self
    }

    pub(crate) fn post<T: 'static>(self, path: &str, needs: Needs, handler: impl Handler<T, S>) -> Self {
        self.change(("POST", MethodFilter::POST), path, needs, handler)
    }

    pub(crate) fn put<T: 'static>(self, path: &str, needs: Needs, handler: impl Handler<T, S>) -> Self {
        self.change(("PUT", MethodFilter::PUT), path, needs, handler)
    }

    pub(crate) fn patch<T: 'static>(self, path: &str, needs: Needs, handler: impl Handler<T, S>) -> Self {
        self.change(("PATCH", MethodFilter::PATCH), path, needs, handler)
    }

    pub(crate) fn delete<T: 'static>(self, path: &str, needs: Needs, handler: impl Handler<T, S>) -> Self {
        self.change(("DELETE", MethodFilter::DELETE), path, needs, handler)
    }

    fn change<T: 'static>(
        mut self,
        (method, filter): (&'static str, MethodFilter),
        path: &str,
        needs: Needs,
        handler: impl Handler<T, S>,
    ) -> Self {
        self.routes.push(Route { method, path: path.to_owned(), needs: Some(needs.clone()) });
        let guard = from_fn(move |request: Request, next: Next| {
            let refused = refusal(&needs, &request);
            async move {
                match refused {
                    None => next.run(request).await,
                    Some(response) => response,
                }
            }
        });
        self.router = self.router.route(path, on(filter, handler).route_layer(guard));
        self
    }

    /// The same routes, all below this path.
    pub(crate) fn below(mut self, mount: &str) -> Self {
        for route in &mut self.routes {
            route.path.insert_str(0, mount);
        }
        Self { router: Router::new().nest(mount, self.router), routes: self.routes }
    }

    /// These routes and others.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        Self { router: self.router.merge(other.router), routes: self.routes }
    }

    /// The router that leads to the handlers.
    pub(crate) fn open(self, state: S) -> Router {
        self.router.with_state(state)
    }

    /// What they are.
    pub(crate) fn into_routes(self) -> Vec<Route> {
        self.routes
    }
}

fn refusal(needs: &Needs, request: &Request) -> Option<Response> {
    // Whose credentials nobody judged has none.
    let principal = request.extensions().get().unwrap_or(&Principal::Anonymous);
    needs.check(principal).err().map(|denied| ApiError::from(denied).into_response())
}
