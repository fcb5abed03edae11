"""One origin for people: the HTTP API, and under /ws the websocket API.

In the cloud CloudFront does this. Bodies are streamed, paths and queries passed on as they came.
"""

import asyncio
import sys
from contextlib import suppress

from aiohttp import (
    ClientConnectionError,
    ClientSession,
    ClientWebSocketResponse,
    DummyCookieJar,
    TCPConnector,
    WSMsgType,
    WSServerHandshakeError,
    web,
)
from multidict import CIMultiDict, MultiMapping
from yarl import URL

from infra.local import ports

# They belong to one connection, and there are two here.
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
Socket = web.WebSocketResponse | ClientWebSocketResponse


class Proxy:
    def __init__(self, http: str, socket: str, client: ClientSession) -> None:
        self.http, self.socket, self.client = http, socket, client

    async def forward(self, request: web.Request) -> web.StreamResponse:
        try:
            upstream = await self.client.request(
                request.method,
                URL(f"{self.http}{request.raw_path}", encoded=True),
                headers=_forwarded(request),
                data=request.content if request.can_read_body else None,
                allow_redirects=False,
            )
        except ClientConnectionError:
            return web.json_response({"error": "The local stack does not answer"}, status=502)
        async with upstream:
            headers = _end_to_end(upstream.headers)
            answer = web.StreamResponse(status=upstream.status, headers=headers)
            await answer.prepare(request)
            async for chunk in upstream.content.iter_any():
                await answer.write(chunk)
            await answer.write_eof()
            return answer

    async def relay(self, request: web.Request) -> web.StreamResponse:
        # The other side first: a refused handshake is refused with its own status.
        url = URL(f"{self.socket}?{request.query_string}", encoded=True)
        headers = CIMultiDict(
            (name, value)
            for name, value in _forwarded(request).items()
            if not name.lower().startswith("sec-websocket-")
        )
        try:
            upstream = await self.client.ws_connect(url, headers=headers, max_msg_size=0, autoclose=True)
        except WSServerHandshakeError as error:
            return web.Response(status=error.status)
        except ClientConnectionError:
            return web.Response(status=502)
        async with upstream:
            client = web.WebSocketResponse(max_msg_size=0, compress=False)
            await client.prepare(request)
            pumps = [
                asyncio.ensure_future(_pump(client, upstream)),
                asyncio.ensure_future(_pump(upstream, client)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            return client


async def _pump(source: Socket, target: Socket) -> None:
    """Pass frames on until `source` closes, then close `target` with the same code."""
    async for message in source:
        if message.type is WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await target.send_bytes(message.data)
    code = source.close_code
    with suppress(ConnectionError):
        # 1005 and 1006 say that there was no code, and may not be sent as one.
        await target.close(code=1000 if code in (None, 1005, 1006) else code)


def _forwarded(request: web.Request) -> CIMultiDict[str]:
    headers = _end_to_end(request.headers)
    before = headers.get("X-Forwarded-For")
    headers["X-Forwarded-For"] = f"{before}, {request.remote}" if before else str(request.remote)
    headers["X-Forwarded-Proto"] = request.scheme
    return headers


def _end_to_end(headers: MultiMapping[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP)


async def _serve(port: int, http: str, socket: str) -> None:
    connector = TCPConnector(limit=0)
    async with ClientSession(
        connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False
    ) as client:
        proxy = Proxy(http, socket, client)
        app = web.Application(client_max_size=0)
        app.router.add_get("/ws", proxy.relay)
        app.router.add_route("*", "/{path:.*}", proxy.forward)
        # Bodies pass as they came: unpacked, they would no longer fit their headers.
        runner = web.AppRunner(app, handle_signals=True, access_log=None, auto_decompress=False)
        await runner.setup()
        await web.TCPSite(runner, ports.LOOPBACK, port, backlog=1024).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
