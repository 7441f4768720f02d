// node main.js LIBRARY STORE: serve one library on a free port. The key is TARGET_KEY, the database TARGET_URL.
const [library, store] = process.argv.slice(2)
const { start } = await import(`./${library}.js`)
await start({ store, key: process.env.TARGET_KEY, url: process.env.TARGET_URL })
