"""The local web server of the studio: who may see its pages, and which files it serves."""

import asyncio
import contextlib
import hmac
import html
import os
import secrets
import signal
import socket
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import gradio
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse

from keras_cnn.app import page, theme
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import LANGUAGES, mark, preferred, translator
from keras_cnn.errors import InputError

LARGEST_FILE = 64 << 20  # bytes of an uploaded file
LARGEST_REQUEST = 256 << 20  # bytes of all files of an upload
# Gradio would put the duration of each event into a table of pandas, after every event.
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(1 << 60))  # events
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_COOKIE = "keras_cnn_studio"
_FOREIGN = ("/file=http", "/proxy=")  # Gradio would fetch these from other hosts
# The browser refuses what would come from another host; Gradio's scripts need the two "unsafe".
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; "
    "frame-ancestors 'self'; base-uri 'self'; form-action 'self'"
)
# A report is a page without scripts; a stranger's run may hold another.
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


def serve(studio: Studio, *, host: str = "127.0.0.1", port: int = 7860) -> Iterator[str]:
    """Serve the studio until Ctrl-C or SIGTERM.

    Args:
        studio: What the pages show.
        host: Address to bind. All but the own machine's need a token, which stands in the URL.
        port: Port; 0 takes a free one.

    Yields:
        The URL to open, once the server answers; the next step waits for its end.

    Raises:
        InputError: The port or the address cannot be bound.
    """
    is_local = host in ("127.0.0.1", "localhost", "::1")
    token = None if is_local else secrets.token_urlsafe(16)
    with contextlib.closing(_bound(host, port)) as listening:
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            application(studio, token=token, port=port),
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,  # a page that is open holds a connection
        )
        server = uvicorn.Server(config)
        shown = f"[{host}]" if ":" in host else host
        try:
            yield f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
            with _without_signals():
                server.run(sockets=[listening])
        finally:
            studio.close()


@contextlib.contextmanager
def _without_signals():
    """Ignore Ctrl-C and SIGTERM: uvicorn ends by them, and then sends them again to the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    both = signal.SIGINT, signal.SIGTERM
    before = [signal.signal(each, lambda *_: None) for each in both]
    try:
        yield
    finally:
        for each, handler in zip(both, before, strict=True):
            signal.signal(each, handler)


def application(studio: Studio, *, token: str | None, port: int) -> FastAPI:
    """Return the web application.

    Args:
        studio: What the pages show.
        token: What a browser must send once; None asks for none, and then the request must be
            addressed to this machine, so that no foreign page can reach it under a name of its own.
        port: The port that it answers at.
    """
    studio.is_shared = token is not None
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # Gradio would make an event loop, and leave it open

        async def within_a_loop():
            return _application(studio, token=token, port=port)

        return asyncio.run(within_a_loop())
    return _application(studio, token=token, port=port)


def _application(studio, *, token, port):
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/")
    def choose_language(request: Request):
        return RedirectResponse(f"/{preferred(request.headers.get('accept-language'))}/")

    @app.get("/icon.svg")
    @app.get("/favicon.ico")
    def icon():
        return FileResponse(Path(__file__).with_name("icon.svg"), media_type="image/svg+xml")

    @app.get("/report/{name:path}")
    def report(request: Request, name: str):
        file = studio.report(name)
        if file is None:
            return _refused(request, mark("There is no report of this run."), status=404)
        headers = {"Content-Security-Policy": _REPORT_POLICY}
        return FileResponse(file, media_type="text/html", headers=headers)

    for language in LANGUAGES:
        blocks = page.build(studio, language=language)
        gradio.mount_gradio_app(
            app,
            blocks,
            path=f"/{language}",
            server_name="127.0.0.1",
            server_port=port,
            footer_links=[],
            run_history=False,
            allowed_paths=[],
            max_file_size=LARGEST_FILE,
            ssr_mode=False,
            pwa=False,
            enable_monitoring=False,
            mcp_server=False,
            show_error=True,
            theme=theme.theme(),
            css=theme.css(translator(language)),
            head=theme.HEAD,
        )
    app.middleware("http")(_guard(token))
    return app


def _guard(token):
    """Return the check of every request: address, token, size; and the policy of every answer."""

    async def guard(request: Request, call_next):
        if token is None:
            host = request.headers.get("host", "").rsplit(":", 1)[0]
            if host not in _LOCAL:
                return _refused(request, mark("This page is for this machine only."), status=403)
        else:
            given = request.query_params.get("token")
            if given is not None and _equal(given, token):
                response = RedirectResponse("/", status_code=303)
                response.set_cookie(_COOKIE, token, httponly=True, samesite="strict")
                return response
            if not _equal(request.cookies.get(_COOKIE, ""), token):
                return _ask(request, is_wrong=given is not None)
        origin = request.headers.get("origin")
        if origin and urllib.parse.urlsplit(origin).netloc != request.headers.get("host"):
            return _refused(request, mark("A page of another host sent this."), status=403)
        if any(part in request.url.path for part in _FOREIGN):
            return _refused(request, mark("There is no such page."), status=404)
        if "transfer-encoding" in request.headers:  # its size is known at its end only
            return _refused(request, mark("The request does not say its size."), status=411)
        if not request.headers.get("content-length", "0").isdigit() or (
            int(request.headers.get("content-length", 0)) > LARGEST_REQUEST
        ):
            sentence = mark("The files are larger than {n} MB.")
            return _refused(request, sentence, status=413, n=LARGEST_REQUEST >> 20)
        response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return guard


def _refused(request, sentence, *, status, **values):
    """Return a sentence in the language that the browser prefers."""
    text = translator(preferred(request.headers.get("accept-language")))
    return PlainTextResponse(text(sentence, **values), status_code=status)


def _equal(given, token):
    return hmac.compare_digest(given.encode(), token.encode())


def _ask(request, *, is_wrong):
    """Return the page that asks for the token."""
    if request.method != "GET" or "text/html" not in request.headers.get("accept", ""):
        return _refused(request, mark("This page needs its token."), status=403)
    text = translator(preferred(request.headers.get("accept-language")))
    lines = [text("This page needs its token. It stands in the terminal that started the studio.")]
    lines += [text("This token is not right.")] * is_wrong
    body = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    return HTMLResponse(
        f"<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>keras_cnn</title><style>{theme.report_style()}</style><section>{body}<form>"
        f"<input name=token autofocus size=30 autocomplete=off> <button>"
        f"{html.escape(text('Open'))}</button></form></section>",
        status_code=403,
    )


def _bound(host, port):
    """Return a socket that listens at an address."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with contextlib.ExitStack() as undo:
            listening = undo.enter_context(socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen()
            undo.pop_all()
            return listening
    except OSError as error:
        place = urllib.parse.quote(host, safe=":.")
        raise InputError(
            f"cannot listen at {place}:{port} ({(error.strerror or str(error)).lower()}): choose "
            "another --port, or 0 for a free one"
        ) from None
