// Cloudflare Pages: wrangler pages dev public
import { handle } from 'hono/cloudflare-pages'
import { createApp } from '../../app.js'
import { settings } from '../../stores.js'

let answer
export const onRequest = (context) => {
  answer ??= handle(createApp(settings(context.env.TARGET_STORE, context.env.TARGET_KEY)))
  return answer(context)
}
