// client-sessions, Mozilla's: the session in an encrypted cookie.
import sessions from 'client-sessions'
import { onExpress } from './express.js'
import { ofObject } from './session.js'

export function start({ key }) {
  onExpress((profile) => {
    const duration = (profile.maxAge ?? 24 * 60 * 60) * 1000
    const options = (cookieName) => ({
      cookieName,
      secret: key,
      duration,
      activeDuration: profile.extend ? duration : 0,
      cookie: { ephemeral: !profile.maxAge, httpOnly: true },
    })
    const of = (name) => (req) =>
      ofObject(() => req[name], {
        touch: () => req[name].setDuration(duration, !profile.maxAge),
        destroy: () => req[name].reset(),
      })
    const names = [profile.cookie, `${profile.cookie}_cart`]
    return {
      middlewares: names.map((name) => sessions(options(name))),
      session: of(names[0]),
      cart: of(names[1]),
    }
  })
}
