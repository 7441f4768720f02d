// Node: node node.js STORE
import { serve, upgradeWebSocket } from '@hono/node-server'
import { WebSocketServer } from 'ws'
import { createApp } from './app.js'
import { settings } from './stores.js'

const app = createApp({ ...settings(process.argv[2], process.env.TARGET_KEY), upgradeWebSocket })
const websocket = { server: new WebSocketServer({ noServer: true }) }
serve({ fetch: app.fetch, websocket, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  console.log(`listening on http://127.0.0.1:${port}`),
)
