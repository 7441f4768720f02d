// @fastify/session with the memory store that it brings.
import session from '@fastify/session'
import { onFastify } from './fastify.js'
import { ofObject } from './session.js'

export function start({ key }) {
  const store = new session.MemoryStore()
  return onFastify((profile) => ({
    plugin: session,
    options: {
      store,
      secret: key,
      cookieName: profile.cookie,
      saveUninitialized: false,
      rolling: profile.extend,
      cookie: { secure: false, sameSite: 'lax', maxAge: profile.maxAge && profile.maxAge * 1000 },
    },
    session: (request, reply) => {
      const values = () => Object.keys(request.session).filter((key) => key !== 'cookie')
      return {
        ...ofObject(() => request.session, { own: ['cookie'] }),
        get: (key) => request.session.get(key),
        set: (key, value) => request.session.set(key, value),
        forget: (key) => request.session.set(key, undefined),
        touch: () => request.session.touch(),
        rotate: () => request.session.regenerate(values()),
        destroy: async () => {
          await request.session.destroy()
          reply.clearCookie(profile.cookie)
        },
      }
    },
  }))
}
