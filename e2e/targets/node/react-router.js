// React Router's sessions, which were Remix's: in a signed cookie, or in the memory of the process.
import { createCookieSessionStorage, createMemorySessionStorage } from 'react-router'
import { PROFILES, profileOf } from './routes.js'
import { serve } from './http.js'

export function start({ store, key }) {
  const make = store === 'memory' ? createMemorySessionStorage : createCookieSessionStorage
  const storages = new Map(
    PROFILES.flatMap(({ cookie, maxAge }) => [cookie, `${cookie}_cart`].map((name) => [name, { name, maxAge }])).map(
      ({ 0: name, 1: { maxAge } }) => [
        name,
        make({ cookie: { name, maxAge, secrets: [key], httpOnly: true, sameSite: 'lax', path: '/' } }),
      ],
    ),
  )
  serve((request) => {
    const profile = profileOf(new URL(request.url, 'http://localhost').pathname)
    const headers = []
    const open = async (name) => {
      const storage = storages.get(name)
      const session = await storage.getSession(request.headers.cookie)
      let end // how the session leaves: committed, destroyed or as it came
      headers.push(async () => end && [['set-cookie', await storage[end](session)]])
      if (profile.extend && profile.maxAge && Object.keys(session.data).length) end = 'commitSession'
      const change = (what) => {
        end = 'commitSession'
        what()
      }
      return {
        get: (key) => session.get(key),
        set: (key, value) => change(() => session.set(key, value)),
        forget: (key) => change(() => session.unset(key)),
        flash: (key, value) => change(() => session.flash(key, value)),
        readFlash: (key) => {
          if (!session.has(key)) return undefined
          end = 'commitSession'
          return session.get(key)
        },
        all: () => Object.fromEntries(Object.entries(session.data).filter(([key]) => !key.startsWith('__flash'))),
        touch: () => change(() => {}),
        destroy: () => {
          end = 'destroySession'
        },
      }
    }
    return {
      session: () => open(profile.cookie),
      cart: () => open(`${profile.cookie}_cart`),
      headers: async () => (await Promise.all(headers.map((of) => of()))).filter(Boolean).flat(),
    }
  })
}
