// An Express app with the middleware of a library, once for each profile.
import express from 'express'
import { answer, PROFILES } from './routes.js'
import { listen, write } from './http.js'

/** `library(profile)` returns `{ middlewares, session, cart }`; the last two take the request and its response. */
export function onExpress(library) {
  const app = express()
  app.disable('x-powered-by')
  app.set('env', 'test') // no stack of the handlers that fail on purpose
  app.set('etag', false)
  for (const profile of PROFILES) {
    const { middlewares, session, cart } = library(profile)
    app.use(profile.prefix || '/', ...middlewares, express.urlencoded({ extended: false }), async (req, res) => {
      const answered = await answer({
        method: req.method,
        url: req.originalUrl,
        form: () => req.body ?? {},
        session: () => session(req, res),
        cart: cart && (() => cart(req, res)),
      })
      write(res, answered)
    })
  }
  listen(app)
}
