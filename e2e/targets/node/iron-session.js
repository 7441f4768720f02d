// iron-session: the session in a sealed cookie, on Node's own http server.
import { getIronSession } from 'iron-session'
import { profileOf } from './routes.js'
import { serve } from './http.js'

export function start({ key }) {
  serve((request, response) => {
    const profile = profileOf(new URL(request.url, 'http://localhost').pathname)
    const changed = new Set()
    const open = async (cookieName) => {
      const session = await getIronSession(request, response, {
        password: key,
        cookieName,
        ttl: profile.maxAge ?? 14 * 24 * 60 * 60,
        cookieOptions: { secure: false, ...(profile.maxAge ? { maxAge: profile.maxAge } : { maxAge: undefined }) },
      })
      const change = (what) => {
        what()
        changed.add(session)
      }
      return {
        get: (key) => session[key],
        set: (key, value) => change(() => (session[key] = value)),
        forget: (key) => change(() => delete session[key]),
        all: () => ({ ...session }),
        touch: () => changed.add(session),
        destroy: () => {
          session.destroy()
          changed.delete(session)
        },
      }
    }
    return {
      session: () => open(profile.cookie),
      cart: () => open(`${profile.cookie}_cart`),
      headers: async () => {
        for (const session of changed) await session.save()
        return []
      },
    }
  })
}
