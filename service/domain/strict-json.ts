/**
 * JSON without what could be read in two ways: no key twice in an object, also when it is escaped differently, and no `__proto__`.
 * Throws SyntaxError with one sentence.
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new SyntaxError('it is not JSON', { cause: error })
  }
  checkKeys(text)
  return value
}

/** Strings, brackets and colons of a text that is JSON. */
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:]/gs

function checkKeys(text: string): void {
  /** Keys seen in each open object; undefined for an array. */
  const open: (Set<string> | undefined)[] = []
  let previous: string | undefined
  for (const [token] of text.matchAll(tokens)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':' && previous !== undefined) {
      const key = JSON.parse(previous) as string
      const seen = open.at(-1)
      if (key === '__proto__') throw new SyntaxError('it has the key "__proto__"')
      if (seen?.has(key)) throw new SyntaxError(`it has the key ${JSON.stringify(key)} twice`)
      seen?.add(key)
    }
    previous = token
  }
}
