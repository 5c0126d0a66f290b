import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Answer, ask, startApi, type TestApi } from './start-api.ts'
import { anything, invalid, type Schema, valid } from './schema-arbitrary.ts'

const schema = z.custom<Schema>((value) => typeof value === 'object' && value !== null)
const operation = z.object({
  parameters: z
    .array(z.object({ name: z.string(), in: z.enum(['path', 'query']), required: z.boolean().optional(), schema }))
    .default([]),
  requestBody: z.object({ content: z.record(z.string(), z.object({ schema })) }).optional(),
  responses: z.record(z.string(), z.object({ content: z.record(z.string(), z.unknown()).optional() })),
})
const document = z.object({
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.object({ schemas: z.record(z.string(), schema) }),
})

interface Call {
  readonly path: Readonly<Record<string, unknown>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
}

const limits = { strangerBurst: 1e6, principalBurst: 1e6, strangerPerS: 1e6, principalPerS: 1e6 }
const runs = 25

/** What is declared about an operation, and nothing else, may come back. */
function check(name: string, answer: Answer, declared: z.infer<typeof operation>['responses'], call: Call): void {
  const what = `${name} with ${JSON.stringify(call).slice(0, 500)} answered ${answer.status} ${answer.body.slice(0, 300)}`
  expect(answer.status, what).toBeLessThan(500)
  expect(Object.keys(declared), what).toContain(String(answer.status))
  const types = Object.keys(declared[answer.status]?.content ?? {})
  const type = answer.headers['content-type']?.split(';', 1)[0]
  if (types.length > 0) expect(types, what).toContain(type)
  else expect(answer.body, what).toBe('')
  if (answer.status >= 400) expect(answer.problem().status).toBe(answer.status)
  // A header that an input has smuggled in, or something of the inside.
  expect(answer.headers['set-cookie'] ?? [], what).not.toContain('a=b')
  expect(answer.body, what).not.toMatch(/node_modules|\/work\/|at \w+ \(|ZodError|SQLITE/)
}

function callOf(
  { parameters, requestBody }: z.infer<typeof operation>,
  schemas: Readonly<Record<string, Schema>>,
  good: boolean,
) {
  const part = (where: 'path' | 'query') => {
    const those = parameters.filter((parameter) => parameter.in === where)
    const values = Object.fromEntries(
      those.map((p) => [p.name, good ? valid(p.schema, schemas) : fc.oneof(valid(p.schema, schemas), anything)]),
    )
    const requiredKeys =
      where === 'path' || good ? those.filter((p) => p.required || where === 'path').map((p) => p.name) : []
    return fc.record(values, { requiredKeys })
  }
  const wanted = requestBody?.content['application/json']?.schema
  const body = wanted ? (good ? valid(wanted, schemas) : invalid(wanted, schemas)) : fc.constant(undefined)
  return fc.record({ path: part('path'), query: part('query'), body })
}

function send(api: TestApi, method: string, template: string, { path, query, body }: Call): Promise<Answer> {
  const words = (value: unknown): string =>
    encodeURIComponent((typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed())
  const address = template.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => words(path[name]).slice(0, 900) || '%20')
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${words(value).slice(0, 300)}`)
  return ask(api, `${address}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`, {
    method: method.toUpperCase(),
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

describe('every operation of the OpenAPI document', () => {
  test.each([
    ['valid', true],
    ['invalid', false],
  ])('answers %s input with what it declares', { timeout: 240_000 }, async (_name, good) => {
    const api = await startApi({ limits })
    const found = document.parse((await ask(api, '/api/v1/openapi.json')).json())
    const operations = Object.entries(found.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, declared]) => ({ path, method, declared })),
    )
    expect(operations.length).toBeGreaterThan(30)
    const succeeded = new Set<string>()
    for (const { path, method, declared } of operations) {
      if (path === '/api/v1/live') continue
      await fc.assert(
        fc.asyncProperty(callOf(declared, found.components.schemas, good), async (call) => {
          const answer = await send(api, method, path, call)
          check(`${method} ${path}`, answer, declared.responses, call)
          if (answer.status < 300) succeeded.add(`${method} ${path}`)
        }),
        { numRuns: declared.requestBody || declared.parameters.length > 0 ? runs : 2 },
      )
    }
    if (good)
      // The generated input really gets through.
      expect([...succeeded]).toEqual(
        expect.arrayContaining([
          'put /api/v1/control',
          'post /api/v1/users',
          'post /api/v1/tokens',
          'post /api/v1/pair/window',
          'get /api/v1/events',
          'get /api/v1/audit',
        ]),
      )
    expect(Object.hasOwn(Object.prototype, 'isAdmin')).toBe(false)
    // One JSON text per line: no input has broken out of its line.
    for (const line of api.logged.join('').split('\n').filter(Boolean)) expect(() => JSON.parse(line)).not.toThrow()
  })
})
