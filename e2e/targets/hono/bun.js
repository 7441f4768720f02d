// Bun: bun bun.js STORE [FOLDER]; the store `sqlite` is hono-sessions' BunSqliteStore on a file in the folder.
import { Database } from 'bun:sqlite'
import { upgradeWebSocket, websocket } from 'hono/bun'
import { BunSqliteStore } from 'hono-sessions/bun-sqlite-store'
import { createApp } from './app.js'
import { settings } from './stores.js'

const [store, folder] = Bun.argv.slice(2)
const key = process.env.TARGET_KEY
const onSqlite = () => ({ newStore: () => new BunSqliteStore(new Database(`${folder}/sessions.db`)), key })
const app = createApp({ ...(store === 'sqlite' ? onSqlite() : settings(store, key)), upgradeWebSocket })
const server = Bun.serve({ fetch: app.fetch, websocket, hostname: '127.0.0.1', port: 0 })
console.log(`listening on http://127.0.0.1:${server.port}`)
