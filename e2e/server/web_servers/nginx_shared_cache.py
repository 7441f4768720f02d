"""nginx as a shared cache."""

from e2e.server.web_servers.nginx import IN_ITS_FOLDER, Nginx
from e2e.server.web_servers.shared_cache import SharedCache

CONFIGURATION = (
    """\
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr notice;
events {{}}
http {{
"""
    + IN_ITS_FOLDER
    + """\
    proxy_cache_path {folder}/cache keys_zone=pages:1m;
    map $upstream_http_cdn_cache_control $must_not_be_kept {{
        "~*private|no-store" 1;
        "~*max-age" 0;
        default 1;
    }}
    server {{
        listen 127.0.0.1:{port};
        add_header X-Cache $upstream_cache_status always;
        proxy_set_header Host $http_host;
        proxy_cache pages;
        # By itself nginx keeps no response that sets a cookie. Many who wondered why nothing was kept have
        # this line.
        proxy_ignore_headers Set-Cookie;
        location / {{
            proxy_pass {backend};
        }}
        # It knows no `CDN-Cache-Control`, unless somebody teaches it.
        location ~ /cdn-cache-control$ {{
            proxy_pass {backend};
            proxy_ignore_headers Set-Cookie Cache-Control;
            proxy_cache_valid 200 60s;
            proxy_no_cache $must_not_be_kept;
        }}
    }}
}}
"""
)


class NginxSharedCache(SharedCache, Nginx):
    ready = "event method"  # written when it listens

    def configuration(self) -> str:
        return CONFIGURATION.format(folder=self.folder, port=self.port, backend=self.backend)
