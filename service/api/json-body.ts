import type { FastifyInstance } from 'fastify'
import { EdgeError } from '#contract/errors.ts'

const maxDepth = 32

/** JSON only, without keys that reach a prototype and without nesting that nobody needs. */
export function installJsonBody(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = body.toString()
    if (depthOf(text) > maxDepth) return done(new EdgeError('api.malformed', `JSON may nest ${maxDepth} levels`))
    return parse(request, text, done)
  })
}

/** How deep brackets nest, outside of strings. Counted before parsing, which would build it all. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at]
    if (inString && sign === '\\') at += 1
    else if (sign === '"') inString = !inString
    else if (!inString && (sign === '{' || sign === '[')) {
      depth += 1
      deepest = Math.max(deepest, depth)
    } else if (!inString && (sign === '}' || sign === ']')) depth -= 1
  }
  return deepest
}
