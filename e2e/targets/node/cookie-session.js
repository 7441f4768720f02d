// cookie-session: the session in a signed cookie.
import cookieSession from 'cookie-session'
import { onExpress } from './express.js'
import { ofObject } from './session.js'

export function start({ key }) {
  onExpress((profile) => {
    const maxAge = profile.maxAge && profile.maxAge * 1000
    // "Extending the session expiration" in its documentation, and to the millisecond.
    const extend = (req) => {
      if (req.session?.isPopulated) req.session.extended = Date.now()
    }
    return {
      middlewares: [
        cookieSession({ name: profile.cookie, keys: [key], maxAge, sameSite: 'lax' }),
        (req, res, next) => {
          if (profile.extend && maxAge) extend(req)
          next()
        },
      ],
      session: (req) =>
        ofObject(() => req.session, {
          own: ['extended'],
          touch: () => extend(req),
          destroy: () => {
            req.session = null
          },
        }),
    }
  })
}
