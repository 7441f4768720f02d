// The reference server's routes, for libraries of any framework; docs/judge.md says what each one is for. What a
// library has no method for is written as its users would write it: an increment reads and assigns, a flash value
// is a key that is removed as it is read.
//
// A session here is `{ get, set, forget, all, destroy, touch, rotate?, flash?, readFlash? }`, of the request at hand.
// Where there is no `rotate`, a session keeps its id at the login, as its users' sessions do.
import { Gates } from '../hono/gates.js'

// As in reference_server/profiles.py. None of these libraries has an absolute timeout. `maxAge` is in seconds.
export const PROFILES = [
  { prefix: '/short', cookie: 'short', maxAge: 2, extend: true },
  { prefix: '/fixed', cookie: 'fixed', maxAge: 2, extend: false },
  { prefix: '/browser', cookie: 'browser', maxAge: undefined, extend: true },
  { prefix: '/sealed', cookie: 'sealed', maxAge: 1800, extend: true },
  { prefix: '/split', cookie: 'split', maxAge: 1800, extend: true },
  // The last one: it takes what the others have not.
  { prefix: '', cookie: 'session', maxAge: 1800, extend: true },
]

export const profileOf = (path) => PROFILES.find(({ prefix }) => path.startsWith(`${prefix}/`))

const gates = new Gates()
const ok = (facts = {}) => ({ json: { ok: true, ...facts } })

/** What no session is looked up for, or undefined. */
export function outside(method, path) {
  const [, what, name] = /^\/lab\/(gate|outcome)\/([\w-]+)$/.exec(path) ?? []
  if (what === 'gate') return { json: method === 'POST' ? gates.open(name) : gates.look(name) }
  if (what === 'outcome') return { json: { outcome: gates.outcomes.get(name) ?? null } }
  if (path === '/static/demo.css') return { body: 'body { font-family: sans-serif }', type: 'text/css' }
}

/**
 * The answer to one request: `{ status, json | body | chunks, type, headers, later }`. `form()` reads its body,
 * `session()` and `cart()` its sessions; `cart` is left out where the library has one session to a request.
 */
export async function answer({ method, url, form, session, cart }) {
  const { pathname, searchParams: query } = new URL(url, 'http://localhost')
  const { prefix } = profileOf(pathname)
  const path = pathname.slice(prefix.length)
  const [, verb, key] = /^(\/lab\/[\w-]+)\/([\w-]+)$/.exec(path) ?? []
  const onCart = path.startsWith('/lab/cart')
  const handler = HANDLERS[`${method} ${path}`] ?? HANDLERS[`${method} ${verb}/{key}`]
  if (!handler || (onCart && !cart)) return { status: 404, json: { error: 'Not found' } }
  if (path === '/lab/untouched') return handler({})
  const opened = await (onCart ? cart() : session())
  if (query.get('gate')) await gates.wait(query.get('gate'))
  const given = { session: opened, key, query, form, at: (place) => prefix + place }
  const answered = await handler(given)
  if (query.get('token') && !query.get('key')) gates.outcomes.set(query.get('token'), 'silent')
  return answered
}

const change = async ({ session, query }) => {
  await new Promise((resolve) => setTimeout(resolve, 50))
  try {
    await session.set(query.get('key'), query.get('value'))
    gates.outcomes.set(query.get('token'), 'silent')
  } catch (error) {
    gates.outcomes.set(query.get('token'), error.name)
  }
}

const readFlash = async (session, key) => {
  if (session.readFlash) return (await session.readFlash(key)) ?? null
  const value = await session.get(key)
  if (value !== undefined && value !== null) await session.forget(key)
  return value ?? null
}

const flash = (session, key, value) => (session.flash ? session.flash(key, value) : session.set(key, value))

const logIn = async ({ session, form, at }) => {
  const { email, password } = await form()
  if (email && password === 'correct') {
    await session.rotate?.()
    await session.forget('failed-login-attempts')
    await session.set('email', email)
    await flash(session, 'message', 'Login Successful')
  } else {
    await session.set('failed-login-attempts', ((await session.get('failed-login-attempts')) ?? 0) + 1)
    await flash(session, 'error', 'Incorrect username or password')
  }
  return { status: 303, headers: { location: at('/login') }, body: '' }
}

const addTo = async (session, key, item) => {
  const items = [...((await session.get(key)) ?? []), item]
  await session.set(key, items)
  return ok({ value: items, items })
}

const setAndFail = async ({ session, query }) => {
  await session.set(query.get('key') ?? 'failed', query.get('value') ?? '')
  throw new Error('the handler changed the session and failed')
}

const HANDLERS = {
  'GET /': async ({ session, at }) => {
    const visits = ((await session.get('counter')) ?? 0) + 1
    await session.set('counter', visits)
    return page(`<h1>You have visited this page ${visits} times</h1><a href="${at('/')}">Visit again</a>`)
  },
  'GET /read': async ({ session }) => {
    await session.touch()
    return { json: { counter: (await session.get('counter')) ?? 0 } }
  },
  'GET /whoami': async ({ session }) => ({ json: { email: (await session.get('email')) ?? null, expires_in: null } }),
  'GET /login': loginPage,
  'POST /login': logIn,
  'POST /logout': async ({ session, at }) => {
    await session.destroy()
    return { status: 303, headers: { location: at('/login') }, body: '' }
  },
  'GET /lab': async ({ session }) => {
    await session.all()
    return page('<h1>Lab</h1>')
  },
  'GET /lab/untouched': () => ({ body: 'This page never looks at the session.\n', type: 'text/plain' }),
  'GET /lab/public': async ({ session }) => {
    await session.set('public', ((await session.get('public')) ?? 0) + 1)
    const headers = { 'cache-control': 'public, max-age=60' }
    return { body: 'This page says itself how it may be cached.\n', type: 'text/plain', headers }
  },
  'GET /lab/all': async ({ session }) => ({ json: await session.all() }),
  'GET /lab/get/{key}': async ({ session, key }) => ({ json: { value: (await session.get(key)) ?? null } }),
  'POST /lab/set/{key}': async ({ session, key, query }) => {
    await session.set(key, query.get('value'))
    return ok()
  },
  'POST /lab/forget/{key}': async ({ session, key }) => {
    await session.forget(key)
    return ok()
  },
  'POST /lab/increment/{key}': async ({ session, key }) => {
    const value = ((await session.get(key)) ?? 0) + 1
    await session.set(key, value)
    return ok({ value })
  },
  'POST /lab/append/{key}': async ({ session, key, query }) => {
    if (!(await session.get(key))) await session.set(key, [])
    ;(await session.get(key)).push(query.get('value'))
    return ok()
  },
  'POST /lab/update/{key}': ({ session, key, query }) => addTo(session, key, query.get('value')),
  'GET /lab/flash': async ({ session }) => ({ json: { value: await readFlash(session, 'flash') } }),
  'POST /lab/flash': async ({ session, query }) => {
    await flash(session, 'flash', query.get('value'))
    return ok()
  },
  'GET /lab/flash-then-fail': async ({ session }) => {
    await readFlash(session, 'flash')
    throw new Error('the handler read the flash value and failed')
  },
  'GET /lab/fail': setAndFail,
  'POST /lab/fail': setAndFail,
  'POST /lab/touch': async ({ session }) => {
    await session.touch()
    return ok()
  },
  'POST /lab/rotate': async ({ session }) => {
    await session.rotate?.()
    return ok()
  },
  'POST /lab/destroy': async ({ session }) => {
    await session.destroy()
    return ok()
  },
  'GET /lab/large': async ({ session }) => ({ json: { length: ((await session.get('large')) ?? '').length } }),
  'POST /lab/large': async ({ session, query }) => {
    await session.set('large', 'x'.repeat(Number(query.get('bytes'))))
    return ok()
  },
  'GET /lab/stream': async (given) => ({
    type: 'text/plain',
    chunks: (async function* () {
      yield 'first\n'
      await change(given)
      yield 'second\n'
    })(),
  }),
  'POST /lab/background': (given) => ({
    body: 'The answer is out, the work goes on.\n',
    type: 'text/plain',
    later: () => change(given),
  }),
  'GET /lab/cart': async ({ session }) => ({ json: { items: (await session.get('items')) ?? [] } }),
  'POST /lab/cart': ({ session, query }) => addTo(session, 'items', query.get('item')),
  'POST /lab/cart/rotate': async ({ session }) => {
    await session.rotate?.()
    return ok()
  },
  'POST /lab/cart/destroy': async ({ session }) => {
    await session.destroy()
    return ok()
  },
}

const page = (content) => ({
  type: 'text/html; charset=utf-8',
  body:
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Target</title>' +
    '<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/demo.css"></head>' +
    `<body>${content}</body></html>`,
})

const escape = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)

async function loginPage({ session, at }) {
  const [email, attempts] = [await session.get('email'), await session.get('failed-login-attempts')]
  const [error, message] = [await readFlash(session, 'error'), await readFlash(session, 'message')]
  const shown = [
    message ? `<p id="message">${escape(message)}</p>` : '',
    error ? `<p id="error">${escape(error)}</p>` : '',
    attempts ? `<p id="failed-login-attempts">Failed login attempts: ${attempts}</p>` : '',
  ].join('')
  if (email) {
    const button = `<button id="logout-button">Log out ${escape(email)}</button>`
    return page(`${shown}<form method="post" action="${at('/logout')}">${button}</form>`)
  }
  return page(
    `${shown}<form id="login-form" method="post" action="${at('/login')}" novalidate>` +
      '<input id="email" name="email" type="email"><input id="password" name="password" type="password">' +
      '<button id="login-button">Log in</button></form>',
  )
}
