/** Numbers on screen change at most four times per second: faster cannot be read. */
export const readableMs = 250

/** Passes values on at most once per `everyMs`: the first at once, then always the newest. */
export function atMost<T>(everyMs: number, pass: (value: T) => void): (value: T) => void {
  let held: { readonly value: T } | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const release = (): void => {
    timer = undefined
    if (!held) return
    const { value } = held
    held = undefined
    give(value)
  }
  const give = (value: T): void => {
    timer = setTimeout(release, everyMs)
    pass(value)
  }
  return (value) => {
    if (timer === undefined) give(value)
    else held = { value }
  }
}
