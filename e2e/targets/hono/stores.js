// The stores that hono-sessions has on every runtime.
import { CookieStore, MemoryStore } from 'hono-sessions'

export function settings(store, key) {
  const classes = { cookie: CookieStore, memory: MemoryStore }
  const Store = classes[store]
  if (!Store) throw new Error(`no store ${store} here`)
  return { newStore: () => new Store(), isCookieStore: store === 'cookie', key }
}
