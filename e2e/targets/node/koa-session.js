// koa-session: in a signed cookie, or in a store of ours in the memory of the process.
import Koa from 'koa'
import session from 'koa-session'
import { answer, PROFILES, profileOf } from './routes.js'
import { bodyOf, formOf, listen, typeOf } from './http.js'
import { ofObject } from './session.js'
import { Readable } from 'node:stream'

/** The three methods that its documentation asks for. Values go through JSON, as with any other store. */
class MemoryStore {
  #records = new Map()

  async get(key) {
    const [text, end] = this.#records.get(key) ?? []
    return text && Date.now() < end ? JSON.parse(text) : undefined
  }

  async set(key, values, maxAge) {
    this.#records.set(key, [JSON.stringify(values), Number.isFinite(maxAge) ? Date.now() + maxAge : Infinity])
  }

  async destroy(key) {
    this.#records.delete(key)
  }
}

export function start({ store, key }) {
  const kept = store === 'memory' ? new MemoryStore() : undefined
  const apps = new Map(PROFILES.map((profile) => [profile, appOf(profile, key, kept)]))
  listen((request, response) => apps.get(profileOf(new URL(request.url, 'http://localhost').pathname))(request, response))
}

function appOf(profile, key, store) {
  const app = new Koa()
  app.keys = [key]
  app.silent = true // the handlers that fail on purpose
  const maxAge = profile.maxAge ? profile.maxAge * 1000 : 'session'
  app.use(session({ key: profile.cookie, maxAge, renew: profile.extend, sameSite: 'lax', store }, app))
  app.use(async (ctx) => {
    const opened = ofObject(() => ctx.session, {
      touch: () => ctx.session.save(),
      ...(store && { rotate: () => ctx.session.regenerate() }),
      destroy: () => {
        ctx.session = null
      },
    })
    opened.all = () => ctx.session?.toJSON() ?? {}
    // A key that was removed is set to nothing: `delete` works on the object as well.
    const answered = await answer({
      method: ctx.method,
      url: ctx.originalUrl,
      form: () => formOf(ctx.req),
      session: () => opened,
    })
    ctx.status = answered.status ?? 200
    ctx.type = typeOf(answered)
    ctx.set(answered.headers ?? {})
    ctx.body = answered.chunks ? Readable.from(answered.chunks) : bodyOf(answered)
    answered.later?.()
  })
  return app.callback()
}
