// Answers written with nothing but Node's own http: what all frameworks here but Fastify and h3 stand on.
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { answer, outside } from './routes.js'

/** The fields of a form. */
export async function formOf(request) {
  let text = ''
  for await (const chunk of request) text += chunk
  return Object.fromEntries(new URLSearchParams(text))
}

export const bodyOf = (answered) => ('json' in answered ? JSON.stringify(answered.json) : (answered.body ?? ''))
export const typeOf = (answered) => ('json' in answered ? 'application/json' : (answered.type ?? 'text/plain'))

export function write(response, answered) {
  response.statusCode = answered.status ?? 200
  response.setHeader('content-type', typeOf(answered))
  for (const [name, value] of Object.entries(answered.headers ?? {})) response.setHeader(name, value)
  if (answered.chunks) Readable.from(answered.chunks).pipe(response)
  else response.end(bodyOf(answered))
  answered.later?.()
}

/** Answer what is outside of the sessions and leave the rest to `next`. */
export function listen(next) {
  const server = createServer((request, response) => {
    const found = outside(request.method, new URL(request.url, 'http://localhost').pathname)
    if (found) write(response, found)
    else next(request, response)
  })
  server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`))
}

/**
 * A server without a framework. `open(request)` returns `{ session, cart, headers }`: functions that open the
 * sessions, and one that returns the headers to set once the handler is through.
 */
export function serve(open) {
  listen(async (request, response) => {
    try {
      const { session, cart, headers } = await open(request, response)
      const form = () => formOf(request)
      const answered = await answer({ method: request.method, url: request.url, form, session, cart })
      for (const [name, value] of await headers()) response.appendHeader(name, value)
      write(response, answered)
    } catch (error) {
      write(response, { status: 500, json: { error: error.name } })
    }
  })
}
