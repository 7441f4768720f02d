// Hold a request until it is let go, instead of sleeps that hope; see reference_server/gates.py. In memory: every
// runtime here serves all requests from one process. A request may only wait on its own timers on Cloudflare.
const PATIENCE = 30_000
const POLL = 10

export class Gates {
  outcomes = new Map()
  #waiting = new Map()
  #open = new Set()

  async wait(name) {
    this.#waiting.set(name, (this.#waiting.get(name) ?? 0) + 1)
    for (let waited = 0; !this.#open.has(name) && waited < PATIENCE; waited += POLL) {
      await new Promise((resolve) => setTimeout(resolve, POLL))
    }
    this.#waiting.set(name, this.#waiting.get(name) - 1)
  }

  open(name) {
    this.#open.add(name)
    return { ok: true }
  }

  look(name) {
    return { waiting: this.#waiting.get(name) ?? 0, open: this.#open.has(name) }
  }
}
