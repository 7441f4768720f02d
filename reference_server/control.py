"""What a test steers and reads beside the sessions. These routes stand outside the session middlewares:
opening a gate with a session's cookie in the jar must not count as activity of that session. They change
nothing of anybody's, so other sites may use them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from reference_server.demo import wants_page
from reference_server.gates import Gates, Outcomes
from reference_server.headers import policy
from reference_server.profiles import Profile


def routes_of(profile: Profile, gates: Gates, outcomes: Outcomes) -> list[Route]:
    prefix = profile.prefix

    async def open_gate(request: Request) -> Response:
        gates.open(request.path_params["name"])
        if wants_page(request):
            return RedirectResponse(
                f"{request.scope.get('root_path', '')}{prefix}/lab?done=gate", status_code=303
            )
        return JSONResponse({"ok": True})

    async def look_at_gate(request: Request) -> Response:
        name = request.path_params["name"]
        return JSONResponse(
            {"waiting": gates.waiting(name), "processes": gates.processes(name), "open": gates.is_open(name)}
        )

    async def outcome(request: Request) -> Response:
        return JSONResponse({"outcome": outcomes.get(request.path_params["token"])})

    async def arrived(request: Request) -> Response:
        """Which session cookies the browser has sent along, from whatever site it was led here."""
        names = sorted({profile.cookie, profile.cart_cookie} & request.cookies.keys())
        response = JSONResponse({"cookies": names})
        response.headers["Content-Security-Policy"] = policy(frame_ancestors="*")
        return response

    return [
        Route(f"{prefix}/lab/gate/{{name}}", look_at_gate),
        Route(f"{prefix}/lab/gate/{{name}}", open_gate, methods=["POST"]),
        Route(f"{prefix}/lab/arrived", arrived, methods=["GET", "POST"]),
        Route(f"{prefix}/lab/outcome/{{token}}", outcome),
    ]
