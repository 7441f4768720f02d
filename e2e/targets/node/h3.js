// h3's own sessions, which are Nuxt's and Nitro's too: in a sealed cookie.
import { createApp, eventHandler, sendStream, setResponseHeaders, setResponseStatus, toNodeListener, useSession } from 'h3'
import { Readable } from 'node:stream'
import { answer, profileOf } from './routes.js'
import { bodyOf, formOf, listen, typeOf } from './http.js'

export function start({ key }) {
  const app = createApp({ onError: () => {} })
  app.use(
    eventHandler(async (event) => {
      const profile = profileOf(event.path)
      const open = async (name) => {
        const session = await useSession(event, {
          name,
          password: key,
          maxAge: profile.maxAge,
          cookie: { secure: false, sameSite: 'lax' },
        })
        return {
          get: (key) => session.data[key],
          set: (key, value) => session.update({ [key]: value }),
          forget: async (key) => {
            delete session.data[key]
            await session.update()
          },
          all: () => ({ ...session.data }),
          touch: () => session.update(),
          destroy: () => session.clear(),
        }
      }
      const answered = await answer({
        method: event.method,
        url: event.path,
        form: () => formOf(event.node.req),
        session: () => open(profile.cookie),
        cart: () => open(`${profile.cookie}_cart`),
      })
      setResponseStatus(event, answered.status ?? 200)
      setResponseHeaders(event, { 'content-type': typeOf(answered), ...answered.headers })
      if (answered.later) event.node.res.once('finish', answered.later)
      return answered.chunks ? sendStream(event, Readable.from(answered.chunks)) : bodyOf(answered)
    }),
  )
  listen(toNodeListener(app))
}
