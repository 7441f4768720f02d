// Hono's own helper for Cloudflare knows no onOpen, which is where the server speaks first.
import { WSContext, defineWebSocketHelper } from 'hono/ws'

export const upgradeWebSocket = defineWebSocketHelper((_, events) => {
  const { 0: client, 1: server } = new WebSocketPair()
  const socket = new WSContext({ send: (data) => server.send(data), close: () => server.close(), raw: server })
  server.addEventListener('message', (event) => events.onMessage(event, socket))
  server.accept()
  events.onOpen(null, socket)
  return new Response(null, { status: 101, webSocket: client })
})
