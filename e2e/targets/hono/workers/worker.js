// Cloudflare Workers: wrangler dev
import { createApp } from '../app.js'
import { upgradeWebSocket } from '../cloudflare.js'
import { settings } from '../stores.js'

let app
export default {
  fetch(request, env, context) {
    // The key is a binding, which a worker has only once there is a request.
    app ??= createApp({ ...settings(env.TARGET_STORE, env.TARGET_KEY), upgradeWebSocket })
    return app.fetch(request, env, context)
  },
}
