//! Configuration of reverse proxies in front of the endpoint, with the public address filled in: what can be pasted into
//! nginx, Caddy and a shell with AWS's command line.

use crate::{
    config::{Capture, PublicUrl},
    shell,
};

/// A reverse proxy in front of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proxy {
    /// nginx.
    Nginx,
    /// Caddy.
    Caddy,
    /// An Application Load Balancer of AWS.
    Alb,
}

impl Proxy {
    /// Every proxy.
    pub const ALL: [Self; 3] = [Self::Nginx, Self::Caddy, Self::Alb];

    /// Its name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "Caddy",
            Self::Alb => "AWS ALB",
        }
    }

    /// The word that scripts read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Alb => "alb",
        }
    }
}

/// The lines for that proxy. The path is passed on unchanged. Ends with a line end.
pub fn proxy_lines(proxy: Proxy, public: &PublicUrl, capture: &Capture) -> String {
    match proxy {
        Proxy::Nginx => nginx(public, capture),
        Proxy::Caddy => caddy(public, capture),
        Proxy::Alb => alb(public, capture),
    }
}

/// Scheme and address to which a proxy on the same machine passes requests.
fn upstream(capture: &Capture) -> (&'static str, String) {
    let scheme = if capture.tls_cert.is_empty() { "http" } else { "https" };
    let address = if capture.listen.ip().is_unspecified() {
        format!("127.0.0.1:{}", capture.listen.port())
    } else {
        capture.listen.to_string()
    };
    (scheme, address)
}

fn nginx(public: &PublicUrl, capture: &Capture) -> String {
    let (scheme, address) = upstream(capture);
    let (host, port, prefix) = (public.host(), public.port(), public.prefix());
    let (listen, certificate) = if public.is_https() {
        (
            format!("{port} ssl"),
            format!(
                "    ssl_certificate     /etc/letsencrypt/live/{host}/fullchain.pem;\n    \
                 ssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;\n"
            ),
        )
    } else {
        (port.to_string(), String::new())
    };
    format!(
        "server {{
    listen {listen};
    server_name {host};
{certificate}
    location {prefix}/ {{
        proxy_pass {scheme}://{address};
        proxy_http_version 1.1;
        proxy_set_header Connection \"\";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Forwarded-Prefix \"\";
        proxy_set_header Forwarded \"\";
        # As much as the endpoint takes (capture.max_body_bytes); nginx takes 1 MB by default.
        client_max_body_size {body};
    }}
}}
",
        body = capture.max_body_bytes,
    )
}

fn caddy(public: &PublicUrl, capture: &Capture) -> String {
    let (scheme, address) = upstream(capture);
    let site = format!("{}://{}", public.scheme(), public.authority());
    let to = if scheme == "https" { format!("https://{address}") } else { address };
    let prefix = public.prefix();
    // Caddy sets X-Forwarded-For, -Proto and -Host itself, and drops what clients send of them.
    let drop = "header_up -Forwarded\n        header_up -X-Forwarded-Prefix";
    if prefix.is_empty() {
        return format!("{site} {{\n    reverse_proxy {to} {{\n        {drop}\n    }}\n}}\n");
    }
    format!("{site} {{\n    reverse_proxy {prefix}/* {to} {{\n        {drop}\n    }}\n}}\n")
}

fn alb(public: &PublicUrl, capture: &Capture) -> String {
    let (scheme, _) = upstream(capture);
    let (protocol, port) = (scheme.to_uppercase(), capture.listen.port());
    let (listener, certificate) = if public.is_https() {
        ("HTTPS", " \\\n  --certificates CertificateArn=CERTIFICATE_ARN")
    } else {
        ("HTTP", "")
    };
    let condition = if public.prefix().is_empty() {
        format!("--conditions {}", shell::word(&format!("Field=host-header,Values={}", public.host())))
    } else {
        format!(
            "--conditions {} {}",
            shell::word(&format!("Field=host-header,Values={}", public.host())),
            shell::word(&format!("Field=path-pattern,Values={}/*", public.prefix()))
        )
    };
    format!(
        "# The load balancer must reach the endpoint: capture.listen = \"0.0.0.0:{port}\", and a security group that lets
# nobody else in. capture.trusted_proxies = the networks of the load balancer's subnets.
aws elbv2 create-target-group --name tributary --protocol {protocol} --port {port} \\
  --target-type instance --vpc-id VPC_ID --health-check-path /ready
aws elbv2 create-listener --load-balancer-arn LOAD_BALANCER_ARN --protocol {listener} --port {public_port}{certificate} \\
  --default-actions Type=fixed-response,FixedResponseConfig={{StatusCode=404}}
aws elbv2 create-rule --listener-arn LISTENER_ARN --priority 10 \\
  {condition} \\
  --actions Type=forward,TargetGroupArn=TARGET_GROUP_ARN
# X-Forwarded-For must be appended to, which is the default.
aws elbv2 modify-load-balancer-attributes --load-balancer-arn LOAD_BALANCER_ARN \\
  --attributes Key=routing.http.xff_header_processing.mode,Value=append
",
        public_port = public.port(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(proxy: Proxy, url: &str) -> String {
        let public = PublicUrl::parse(url).expect("an address");
        proxy_lines(proxy, &public, &Capture::default())
    }

    #[test]
    fn every_proxy_gets_the_public_address_and_the_endpoint() {
        for proxy in Proxy::ALL {
            let code = lines(proxy, "https://events.example.com:8443/t");
            assert!(code.contains("events.example.com") && code.contains("8443"), "{code}");
            assert!(code.contains("/t/") && code.contains("8485") && code.ends_with('\n'), "{code}");
        }
    }

    #[test]
    fn a_body_of_the_largest_size_passes_and_no_header_of_the_client_does() {
        let code = lines(Proxy::Nginx, "https://events.example.com");
        for line in [
            "listen 443 ssl;",
            "location / {",
            "proxy_pass http://127.0.0.1:8485;",
            "client_max_body_size 16777216;",
            "proxy_set_header Forwarded \"\";",
            "proxy_set_header X-Forwarded-Prefix \"\";",
            "proxy_set_header X-Forwarded-Host $http_host;",
        ] {
            assert!(code.contains(line), "{line} is not in\n{code}");
        }
        assert!(!lines(Proxy::Nginx, "http://events.example.com").contains("ssl"));
        assert!(lines(Proxy::Caddy, "https://a.example/t").contains("reverse_proxy /t/* 127.0.0.1:8485"));
        assert!(lines(Proxy::Alb, "https://a.example/t").contains("Values=/t/*"));
    }
}
