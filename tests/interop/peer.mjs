// Iron in JavaScript, driven by the tests: one JSON job on standard input, one JSON answer on standard output.
// {library, action: "seal" | "unseal", items: [{password, value | sealed, ttl}]} → a list of seals or values.
// A password is {text}, {hex}, {id, secret}, {id, encryption, integrity} or {text, purpose}.
import { hkdfSync } from 'node:crypto'
import Hapi from '@hapi/iron'
import { sealData, unsealData } from 'iron-session'
import * as V1 from 'iron-webcrypto'
import * as V2 from 'iron-webcrypto-2'

const libraries = {
  '@hapi/iron': {
    seal: (value, password, ttl) => Hapi.seal(value, password, { ...Hapi.defaults, ttl }),
    unseal: (sealed, password) => Hapi.unseal(sealed, password, Hapi.defaults),
  },
  'iron-webcrypto 1': {
    seal: (value, password, ttl) => V1.seal(globalThis.crypto, value, password, { ...V1.defaults, ttl }),
    unseal: (sealed, password) => V1.unseal(globalThis.crypto, sealed, password, V1.defaults),
  },
  'iron-webcrypto 2': {
    seal: (value, password, ttl) => V2.seal(value, password, { ...V2.defaults, ttl }),
    unseal: (sealed, password) => V2.unseal(sealed, password, V2.defaults),
  },
  'iron-session': {
    seal: (value, password, ttl) => sealData(value, { password, ttl: ttl / 1000 }),
    unseal: (sealed, password) => unsealData(sealed, { password, ttl: 0 }),
  },
}

// As the documentation of sessions.iron says how to make the keys for a purpose.
const derived = (password, use, purpose) =>
  Buffer.from(hkdfSync('sha256', password, '', `sessions.iron\0${use}\0${purpose}`, 32))

const toSeal = ({ text, hex, purpose, ...named }) => {
  if (purpose) {
    return { encryption: derived(text, 'encryption', purpose), integrity: derived(text, 'integrity', purpose) }
  }
  return text ?? (hex ? Buffer.from(hex, 'hex') : named)
}

// Iron opens with a table of ids unless the password has none.
const toUnseal = (password) => {
  const given = toSeal(password)
  if (password.purpose) return { default: given }
  return given.id && libraryName !== 'iron-session' ? { [given.id]: given } : given
}

let input = ''
for await (const chunk of process.stdin) input += chunk
const { library: libraryName, action, items } = JSON.parse(input)
const library = libraries[libraryName]

const answers = []
for (const item of items) {
  try {
    const value =
      action === 'seal'
        ? await library.seal(item.value, toSeal(item.password), item.ttl * 1000)
        : await library.unseal(item.sealed, toUnseal(item.password))
    answers.push({ value })
  } catch (error) {
    answers.push({ error: String(error.message ?? error) })
  }
}
process.stdout.write(JSON.stringify(answers))
