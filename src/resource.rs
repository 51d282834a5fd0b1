//! A resource of ours, as HTTP wants it: `HEAD` wherever `GET` (RFC 9110 section 9.3.2), and a method that it does not take is
//! refused with those that it does in `Allow` (section 15.5.6).

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Responder, guard, web};

/// How a plane says that a method is not taken; status and `Allow` are set here.
pub type Refuse = fn(&HttpRequest) -> HttpResponse;

/// A resource that is being put together.
pub struct Methods {
    resource: actix_web::Resource,
    allowed: Vec<Method>,
    refuse: Refuse,
}

/// The resource at a path; other methods than those it is given are refused in a plane's own words.
pub fn at(path: &str, refuse: Refuse) -> Methods {
    Methods {
        resource: web::resource(path),
        allowed: Vec::new(),
        refuse,
    }
}

impl Methods {
    /// Takes `GET`, and `HEAD` with it.
    #[must_use]
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let either = web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
        self.add(&[Method::GET, Method::HEAD], either.to(handler))
    }

    /// Takes this method alone; no HEAD with a GET.
    #[must_use]
    pub fn only<F, Args>(self, method: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::method(method.clone()).to(handler);
        self.add(&[method], route)
    }

    /// Takes `POST`.
    #[must_use]
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.only(Method::POST, handler)
    }

    /// Takes `PUT`.
    #[must_use]
    pub fn put<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.only(Method::PUT, handler)
    }

    /// Takes `PATCH`.
    #[must_use]
    pub fn patch<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.only(Method::PATCH, handler)
    }

    /// Takes `DELETE`.
    #[must_use]
    pub fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.only(Method::DELETE, handler)
    }

    fn add(mut self, methods: &[Method], route: actix_web::Route) -> Self {
        self.allowed.extend_from_slice(methods);
        self.resource = self.resource.route(route);
        self
    }
}

impl HttpServiceFactory for Methods {
    fn register(self, app: &mut AppService) {
        let Self {
            resource,
            allowed,
            refuse,
        } = self;
        let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
        // Names of methods are tokens: always a header's value.
        let allow = HeaderValue::try_from(names.join(", ")).ok();
        let refusal = web::to(move |request: HttpRequest| {
            let mut answer = refuse(&request);
            *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            if let Some(allow) = &allow {
                answer.headers_mut().insert(ALLOW, allow.clone());
            }
            std::future::ready(answer)
        });
        resource.default_service(refusal).register(app);
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, http::StatusCode};

    use super::*;

    #[actix_web::test]
    async fn what_is_not_taken_is_refused_with_what_is() {
        async fn fine() -> &'static str {
            "fine"
        }
        let refuse: Refuse = |_| HttpResponse::BadRequest().body("no");
        let both = at("/both", refuse).get(fine).patch(fine);
        let app = init_service(App::new().service(both)).await;
        for (method, status) in [
            (Method::GET, StatusCode::OK),
            (Method::HEAD, StatusCode::OK),
            (Method::PATCH, StatusCode::OK),
            (Method::POST, StatusCode::METHOD_NOT_ALLOWED),
            (Method::OPTIONS, StatusCode::METHOD_NOT_ALLOWED),
        ] {
            let request = TestRequest::with_uri("/both").method(method.clone());
            let answer = call_service(&app, request.to_request()).await;
            assert_eq!(answer.status(), status, "{method}");
            let allow = answer.headers().get(ALLOW);
            let expected = (status != StatusCode::OK).then_some("GET, HEAD, PATCH");
            assert_eq!(allow.map(|allow| allow.to_str().unwrap()), expected);
        }
    }
}
