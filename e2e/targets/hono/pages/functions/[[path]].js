// Cloudflare Pages: wrangler pages dev public
import { handle } from 'hono/cloudflare-pages'
import { createApp } from '../../app.js'
import { upgradeWebSocket } from '../../cloudflare.js'
import { settings } from '../../stores.js'

let answer
export const onRequest = (context) => {
  const { TARGET_STORE, TARGET_KEY } = context.env
  answer ??= handle(createApp({ ...settings(TARGET_STORE, TARGET_KEY), upgradeWebSocket }))
  return answer(context)
}
