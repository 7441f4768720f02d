// Preloaded into Node (NODE_OPTIONS=--require): no connection but to this machine. Wrangler would ask for its
// newest version and for the place of the visitor; refused at once, it goes on without.
const net = require('node:net')

const connect = net.Socket.prototype.connect
net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args
  const host = typeof options === 'object' ? options.host : args[1]
  if (options?.path || host === undefined || /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host)) {
    return connect.apply(this, args)
  }
  process.nextTick(() => this.destroy(Object.assign(new Error(`offline: ${host}`), { code: 'ENETUNREACH' })))
  return this
}
