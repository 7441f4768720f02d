// A session that is a plain object on the request, as with most libraries here.

/** `current()` returns the object as it is now; `own` are names that the library itself keeps in it. */
export const ofObject = (current, { own = [], ...rest }) => ({
  get: (key) => current()?.[key],
  set: (key, value) => {
    current()[key] = value
  },
  forget: (key) => {
    delete current()?.[key]
  },
  all: () => Object.fromEntries(Object.entries(current() ?? {}).filter(([key]) => !own.includes(key))),
  touch: () => {},
  ...rest,
})
