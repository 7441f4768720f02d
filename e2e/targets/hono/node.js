// Node: node node.js STORE
import { serve } from '@hono/node-server'
import { createApp } from './app.js'
import { settings } from './stores.js'

const app = createApp(settings(process.argv[2], process.env.TARGET_KEY))
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  console.log(`listening on http://127.0.0.1:${port}`),
)
