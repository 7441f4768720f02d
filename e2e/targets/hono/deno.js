// Deno: deno run --allow-net=127.0.0.1 --allow-env=TARGET_KEY deno.js STORE
import { upgradeWebSocket } from 'hono/deno'
import { createApp } from './app.js'
import { settings } from './stores.js'

const app = createApp({ ...settings(Deno.args[0], Deno.env.get('TARGET_KEY')), upgradeWebSocket })
Deno.serve(
  { hostname: '127.0.0.1', port: 0, onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`) },
  app.fetch,
)
