// A Fastify app with the plugin of a library, once for each profile.
import Fastify from 'fastify'
import cookie from '@fastify/cookie'
import { Readable } from 'node:stream'
import { answer, outside, PROFILES } from './routes.js'
import { bodyOf, typeOf } from './http.js'

/** `library(profile)` returns `{ plugin, options, session, cart }`; the last two take the request and the reply. */
export async function onFastify(library) {
  const app = Fastify()
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, text, done) =>
    done(null, Object.fromEntries(new URLSearchParams(text))),
  )
  app.get('/static/demo.css', (request, reply) => send(reply, outside('GET', '/static/demo.css')))
  for (const path of ['/lab/gate/:name', '/lab/outcome/:name']) {
    app.route({
      method: ['GET', 'POST'],
      url: path,
      handler: (request, reply) => send(reply, outside(request.method, request.url.split('?')[0])),
    })
  }
  for (const profile of PROFILES) {
    const { plugin, options, session, cart } = library(profile)
    app.register(
      async (scope) => {
        await scope.register(cookie)
        await scope.register(plugin, options)
        scope.all('/*', async (request, reply) => {
          const answered = await answer({
            method: request.method,
            url: request.url,
            form: () => request.body ?? {},
            session: () => session(request, reply),
            cart: cart && (() => cart(request, reply)),
          })
          return send(reply, answered)
        })
      },
      { prefix: profile.prefix },
    )
  }
  console.log(`listening on ${await app.listen({ port: 0, host: '127.0.0.1' })}`)
}

function send(reply, answered) {
  reply.code(answered.status ?? 200).type(typeOf(answered))
  for (const [name, value] of Object.entries(answered.headers ?? {})) reply.header(name, value)
  if (answered.later) reply.raw.once('finish', answered.later)
  return reply.send(answered.chunks ? Readable.from(answered.chunks) : bodyOf(answered))
}
