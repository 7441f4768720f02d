"""nginx as a reverse proxy that ends TLS."""

from e2e.server.web_servers.nginx import IN_ITS_FOLDER, Nginx
from e2e.server.web_servers.tls_proxy import TLSProxy

CONFIGURATION = (
    """\
daemon off;
pid {folder}/pid;
error_log stderr notice;
events {{}}
http {{
"""
    + IN_ITS_FOLDER
    + """\
    map $http_upgrade $connection_upgrade {{
        default upgrade;
        "" "";
    }}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        location {strips}/ {{
            proxy_pass {backend}{path};
        }}
    }}
}}
"""
)


class NginxTLSProxy(TLSProxy, Nginx):
    ready = "start worker process"

    def configuration(self) -> str:
        return CONFIGURATION.format(
            folder=self.folder,
            port=self.port,
            certificate=self.certificate,
            key=self.key,
            backend=self.backend,
            strips=self.strips,
            path="/" if self.strips else "",
        )
