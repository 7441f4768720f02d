// express-session: its MemoryStore, or connect-redis.
import session from 'express-session'
import { RedisStore } from 'connect-redis'
import { createClient } from 'redis'
import { onExpress } from './express.js'
import { ofObject } from './session.js'

const called = (what) => new Promise((resolve, reject) => what((error) => (error ? reject(error) : resolve())))

export async function start({ store, key, url }) {
  const client = store === 'redis' ? await connected(url) : undefined
  onExpress((profile) => {
    const maxAge = profile.maxAge && profile.maxAge * 1000
    return {
      middlewares: [
        session({
          // One for each profile: the middleware puts its own cookie options into the store.
          store: client ? new RedisStore({ client, prefix: `${profile.cookie}:` }) : new session.MemoryStore(),
          secret: key,
          name: profile.cookie,
          resave: false,
          saveUninitialized: false,
          rolling: profile.extend,
          unset: 'destroy',
          cookie: { maxAge, sameSite: 'lax', httpOnly: true },
        }),
      ],
      session: (req, res) =>
        ofObject(() => req.session, {
          own: ['cookie'],
          touch: () => req.session.touch(),
          // As its documentation has the login: a new session, into which the app puts what it wants to keep.
          rotate: async () => {
            const { cookie: _, ...values } = req.session
            await called((done) => req.session.regenerate(done))
            Object.assign(req.session, values)
          },
          destroy: async () => {
            await called((done) => req.session.destroy(done))
            res.clearCookie(profile.cookie)
          },
        }),
    }
  })
}

async function connected(url) {
  const client = createClient({ url, disableOfflineQueue: true }) // an error at once, and no request that hangs
  client.on('error', () => {}) // it tries again by itself
  await client.connect()
  return client
}
