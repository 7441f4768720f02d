// The reference server's routes on hono-sessions, the same on all runtimes. See reference_server/ for what each
// one is for. What hono-sessions has no method for (increment, update) is written as its users would write it.
import { Hono } from 'hono'
import { html } from 'hono/html'
import { stream } from 'hono/streaming'
import { sessionMiddleware } from 'hono-sessions'
import { Gates } from './gates.js'

// As in reference_server/profiles.py, but hono-sessions has no absolute timeout.
const PROFILES = [
  { prefix: '/short', cookie: 'short', expireAfterSeconds: 2 },
  { prefix: '/fixed', cookie: 'fixed', expireAfterSeconds: 2, autoExtendExpiration: false },
  { prefix: '/absolute', cookie: 'absolute', expireAfterSeconds: 60 },
  { prefix: '/browser', cookie: 'browser' },
  { prefix: '/sealed', cookie: 'sealed', expireAfterSeconds: 1800, sealed: true },
  { prefix: '/split', cookie: 'split', expireAfterSeconds: 1800 },
  // The last one: its routes match what the others have not answered.
  { prefix: '', cookie: 'session', expireAfterSeconds: 1800 },
]

/**
 * `newStore()` makes a hono-sessions store; `key` seals cookies; `upgradeWebSocket` is the runtime's.
 * One store serves all profiles but a cookie store.
 */
export function createApp({ newStore, isCookieStore, key, upgradeWebSocket }) {
  const app = new Hono()
  const gates = new Gates()
  const shared = isCookieStore ? null : newStore()
  app.onError((error, c) => c.json({ error: error.name, detail: error.message }, 500))
  // Static files and the gates stand outside the sessions.
  app.get('/static/demo.css', (c) => c.body('body { font-family: sans-serif }', 200, { 'content-type': 'text/css' }))
  app.get('/lab/gate/:name', (c) => c.json(gates.look(c.req.param('name'))))
  app.post('/lab/gate/:name', (c) => c.json(gates.open(c.req.param('name'))))
  app.get('/lab/outcome/:token', (c) => c.json({ outcome: gates.outcomes.get(c.req.param('token')) ?? null }))
  for (const profile of PROFILES) {
    const options = {
      expireAfterSeconds: profile.expireAfterSeconds,
      autoExtendExpiration: profile.autoExtendExpiration,
      encryptionKey: profile.sealed || isCookieStore ? key : undefined,
    }
    // A place where tests begin: with a cookie from here, no test would see a jar of its own making.
    app.get(`${profile.prefix}/lab/untouched`, (c) => c.text('This page never looks at the session.\n'))
    const sessions = (name) =>
      sessionMiddleware({ ...options, store: shared ?? newStore(), sessionCookieName: name })
    app.route(profile.prefix || '/', routes(profile, sessions, gates, upgradeWebSocket))
  }
  return app
}

function routes({ prefix, cookie }, sessions, gates, upgradeWebSocket) {
  const app = new Hono()
  // For all routes, as the documentation of hono-sessions has it.
  app.use('*', sessions(cookie))
  app.use('*', async (c, next) => {
    const name = c.req.query('gate')
    if (name) await gates.wait(name)
    await next()
    const token = c.req.query('token')
    if (token && !c.get('late')) gates.outcomes.set(token, 'silent')
  })
  const url = (path) => prefix + path
  const value = async (c) => c.req.query('value') ?? (await c.req.parseBody()).value ?? ''
  const ok = (c, facts = {}) => c.json({ ok: true, ...facts })
  // Of the innermost session: under /lab/cart that is the second one.
  const rotate = (c) => {
    c.set('session_key_rotation', true)
    return ok(c)
  }
  const destroy = (c) => {
    c.get('session').deleteSession()
    return ok(c)
  }

  app.get('/', (c) => {
    const visits = (c.get('session').get('counter') ?? 0) + 1
    c.get('session').set('counter', visits)
    return c.html(page(html`<h1>You have visited this page ${visits} times</h1><a href="${url('/')}">Visit again</a>`))
  })
  app.get('/read', (c) => {
    c.get('session').touch()
    return c.json({ counter: c.get('session').get('counter') ?? 0 })
  })
  app.get('/whoami', (c) => {
    const session = c.get('session')
    const end = session.getCache()._expire
    const left = end === null ? null : (Date.parse(end) - Date.now()) / 1000
    return c.json({ email: session.get('email'), expires_in: left })
  })
  app.get('/login', (c) => c.html(login(c.get('session'), url)))
  app.post('/login', async (c) => {
    const session = c.get('session')
    const { email, password } = await c.req.parseBody()
    if (email && password === 'correct') {
      c.set('session_key_rotation', true)
      session.forget('failed-login-attempts')
      session.set('email', email)
      session.flash('message', 'Login Successful')
    } else {
      session.set('failed-login-attempts', (session.get('failed-login-attempts') ?? 0) + 1)
      session.flash('error', 'Incorrect username or password')
    }
    return c.redirect(url('/login'), 303)
  })
  app.post('/logout', (c) => {
    c.get('session').deleteSession()
    return c.redirect(url('/login'), 303)
  })

  app.get('/lab', (c) => c.html(page(html`<h1>Lab</h1>`)))
  app.get('/lab/public', (c) => {
    c.get('session').set('public', (c.get('session').get('public') ?? 0) + 1)
    return c.text('This page says itself how it may be cached.\n', 200, { 'cache-control': 'public, max-age=60' })
  })
  const values = (session) => {
    const entries = Object.entries(session.getCache()._data).filter(([, entry]) => !entry.flash)
    return Object.fromEntries(entries.map(([key, entry]) => [key, entry.value]))
  }
  app.get('/lab/all', (c) => c.json(values(c.get('session'))))
  app.get('/lab/get/:key', (c) => c.json({ value: c.get('session').get(c.req.param('key')) }))
  app.post('/lab/set/:key', async (c) => {
    c.get('session').set(c.req.param('key'), await value(c))
    return ok(c)
  })
  app.post('/lab/forget/:key', (c) => {
    c.get('session').forget(c.req.param('key'))
    return ok(c)
  })
  app.post('/lab/increment/:key', (c) => {
    const count = (c.get('session').get(c.req.param('key')) ?? 0) + 1
    c.get('session').set(c.req.param('key'), count)
    return ok(c, { value: count })
  })
  app.post('/lab/append/:key', async (c) => {
    const session = c.get('session')
    const key = c.req.param('key')
    if (!session.get(key)) session.set(key, [])
    session.get(key).push(await value(c))
    return ok(c)
  })
  app.post('/lab/update/:key', async (c) => {
    const items = [...(c.get('session').get(c.req.param('key')) ?? []), await value(c)]
    c.get('session').set(c.req.param('key'), items)
    return ok(c, { value: items })
  })
  app.get('/lab/flash', (c) => c.json({ value: c.get('session').get('flash') }))
  app.post('/lab/flash', async (c) => {
    c.get('session').flash('flash', await value(c))
    return ok(c)
  })
  app.get('/lab/flash-then-fail', (c) => {
    c.get('session').get('flash')
    throw new Error('the handler read the flash value and failed')
  })
  app.on(['GET', 'POST'], '/lab/fail', async (c) => {
    c.get('session').set(c.req.query('key') ?? 'failed', await value(c))
    throw new Error('the handler changed the session and failed')
  })
  app.post('/lab/touch', (c) => {
    c.get('session').touch()
    return ok(c)
  })
  app.post('/lab/rotate', rotate)
  app.post('/lab/destroy', destroy)
  app.get('/lab/large', (c) => c.json({ length: (c.get('session').get('large') ?? '').length }))
  app.post('/lab/large', (c) => {
    c.get('session').set('large', 'x'.repeat(Number(c.req.query('bytes'))))
    return ok(c)
  })

  // After the response has started.
  const change = async (c) => {
    c.set('late', true)
    await new Promise((resolve) => setTimeout(resolve, 50))
    c.get('session').set(c.req.query('key'), c.req.query('value'))
    gates.outcomes.set(c.req.query('token'), 'silent')
  }
  app.get('/lab/stream', (c) =>
    stream(c, async (out) => {
      await out.write('first\n')
      await change(c)
      await out.write('second\n')
    }),
  )
  app.post('/lab/background', (c) => {
    const work = change(c)
    try {
      c.executionCtx.waitUntil(work) // Cloudflare ends with the response what it was not told to wait for
    } catch {
      // Elsewhere there is no such context, and no need for one.
    }
    return c.text('The answer is out, the work goes on.\n')
  })

  const talk = (c) => {
    const session = c.get('session')
    return {
      onOpen(_, socket) {
        socket.send(JSON.stringify({ keys: values(session) }))
      },
      onMessage(event, socket) {
        session.set(...JSON.parse(event.data).set)
        socket.send(JSON.stringify({ ok: true }))
      },
    }
  }
  app.get('/lab/ws', upgradeWebSocket(talk))

  // A second session. It takes the place of the first one, which these routes do without.
  app.use('/lab/cart/*', sessions(`${cookie}_cart`))
  app.get('/lab/cart', (c) => c.json({ items: c.get('session').get('items') ?? [] }))
  app.post('/lab/cart', (c) => {
    const items = [...(c.get('session').get('items') ?? []), c.req.query('item')]
    c.get('session').set('items', items)
    return ok(c, { items })
  })
  app.post('/lab/cart/rotate', rotate)
  app.post('/lab/cart/destroy', destroy)
  return app
}

const page = (content) => html`<!doctype html>
  <html lang="en">
    <head><meta charset="utf-8"><title>hono-sessions</title><link rel="icon" href="data:,">
    <link rel="stylesheet" href="/static/demo.css"></head>
    <body>${content}</body>
  </html>`

function login(session, url) {
  const [email, attempts] = [session.get('email'), session.get('failed-login-attempts')]
  const [error, message] = [session.get('error'), session.get('message')]
  return page(html`
    ${message ? html`<p id="message">${message}</p>` : ''}
    ${error ? html`<p id="error">${error}</p>` : ''}
    ${attempts ? html`<p id="failed-login-attempts">Failed login attempts: ${attempts}</p>` : ''}
    ${
      email
        ? html`<form method="post" action="${url('/logout')}"><button id="logout-button">Log out ${email}</button></form>`
        : html`<form method="post" action="${url('/login')}" novalidate>
            <input id="email" name="email" type="email"><input id="password" name="password" type="password">
            <button id="login-button">Log in</button>
          </form>`
    }`)
}
