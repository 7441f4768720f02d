// @fastify/secure-session: the session in a cookie that libsodium encrypts.
import { createHash } from 'node:crypto'
import secureSession from '@fastify/secure-session'
import { onFastify } from './fastify.js'

export function start({ key }) {
  const bytes = createHash('sha256').update(key).digest()
  return onFastify((profile) => {
    const options = (sessionName, cookieName) => ({
      sessionName,
      cookieName,
      key: bytes,
      expiry: profile.maxAge,
      cookie: { path: '/', httpOnly: true, sameSite: 'lax', secure: false, maxAge: profile.maxAge },
    })
    const of = (name) => (request) => {
      const session = request[name]
      if (profile.extend && profile.maxAge && Object.keys(session.data() ?? {}).length) session.touch()
      return {
        get: (key) => session.get(key),
        set: (key, value) => session.set(key, value),
        forget: (key) => session.set(key, undefined),
        all: () => session.data() ?? {},
        touch: () => session.touch(),
        destroy: () => session.delete(),
      }
    }
    return {
      plugin: secureSession,
      options: [options('session', profile.cookie), options('cart', `${profile.cookie}_cart`)],
      session: of('session'),
      cart: of('cart'),
    }
  })
}
