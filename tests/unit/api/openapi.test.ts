import { existsSync } from 'node:fs'
import { chromium } from '@playwright/test'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { ask, startApi, type TestApi, token } from './start-api.ts'

const operation = z.looseObject({
  tags: z.array(z.string()).min(1),
  summary: z.string().min(5),
  security: z.array(z.unknown()).optional(),
  parameters: z
    .array(
      z.looseObject({ name: z.string(), in: z.string(), required: z.boolean().optional(), schema: z.looseObject({}) }),
    )
    .optional(),
  requestBody: z.unknown().optional(),
  responses: z.record(
    z.string().regex(/^[1-5]\d\d$/),
    z.looseObject({
      description: z.string().min(5),
      content: z.record(z.string(), z.looseObject({ schema: z.looseObject({}) })).optional(),
    }),
  ),
})

const document = z.looseObject({
  openapi: z.literal('3.1.0'),
  info: z.looseObject({ title: z.string(), version: z.literal('0.1.0') }),
  paths: z.record(
    z.string().startsWith('/'),
    z.record(z.enum(['get', 'put', 'post', 'patch', 'delete']).or(z.string()), operation),
  ),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})), securitySchemes: z.looseObject({}) }),
})

async function load(api: TestApi): Promise<z.infer<typeof document>> {
  const answer = await ask(api, '/api/v1/openapi.json')
  expect(answer.status).toBe(200)
  return document.parse(answer.json())
}

describe('the OpenAPI document', () => {
  test('has every route of the API, and nothing else', async () => {
    const api = await startApi()
    const { paths } = await load(api)
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const registered = api.routes
      .filter(({ method, url }) => method !== 'HEAD' && url !== '/*' && !url.startsWith('/docs'))
      .map(({ method, url }) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{*}')}`)
    expect(documented.toSorted()).toEqual(registered.toSorted())
    expect(documented).toContain('GET /api/v1/live')
    expect(documented).toContain('GET /api/v1/devices/{id}')
  })

  test('declares for each route its answer, its problems and its token', async () => {
    const api = await startApi()
    const { paths } = await load(api)
    for (const { url, method, access } of api.routes) {
      const found = paths[url.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{*}')]?.[method.toLowerCase()]
      if (!found) continue
      const { responses, security } = found
      const success = Object.keys(responses).filter((code) => /^[12]/.test(code))
      expect(success).toHaveLength(1)
      expect(Object.keys(responses)).toEqual(
        expect.arrayContaining(['400', '403', '408', '414', '415', '421', '429', '431', '500']),
      )
      for (const [code, { content }] of Object.entries(responses))
        if (code === '204') expect(content).toBeUndefined()
        else if (!success.includes(code))
          expect(content).toEqual({ 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } })
      // Without a word of its own, a route needs one of the two credentials of the whole document.
      expect(security).toEqual(access === 'public' ? [] : undefined)
      if (access !== 'public') expect(responses).toHaveProperty('401')
    }
  })

  test('resolves all its references, and carries no schema that nothing leads to', async () => {
    const api = await startApi()
    const found = await load(api)
    const text = JSON.stringify(found)
    const used = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference))
    const present = new Set(Object.keys(found.components.schemas).map((name) => `#/components/schemas/${name}`))
    expect(used).toEqual(present)
    expect([...present]).toContain('#/components/schemas/PowerFlow')
  })

  test('refuses unknown fields and tells parameters, units and titles', async () => {
    const api = await startApi()
    const { paths, components } = await load(api)
    const parameters = paths['/api/v1/measurements']?.['get']?.parameters ?? []
    expect(parameters.map(({ name, required }) => [name, required ?? false])).toEqual([
      ['device', true],
      ['metric', true],
      ['from', false],
      ['to', false],
      ['points', false],
    ])
    expect(parameters[4]?.schema).toMatchObject({ type: 'integer', minimum: 2, maximum: 10_000, default: 1000 })
    expect(components.schemas['ControlRequestInput']).toMatchObject({ additionalProperties: false })
    expect(JSON.stringify(components.schemas['CycleStats'])).toContain('"unit":"ms"')
  })
})

const browser = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

test.skipIf(!existsSync(browser))(
  'the page /docs renders in Chromium under its policy, offline (skipped where Chromium is missing)',
  async () => {
    const api = await startApi()
    const chrome = await chromium.launch({ executablePath: browser, args: ['--no-sandbox'] })
    onTestFinished(() => chrome.close())
    const tab = await chrome.newPage({ extraHTTPHeaders: { authorization: `Bearer ${token}` } })
    const complaints: string[] = []
    const elsewhere: string[] = []
    tab.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    tab.on('pageerror', (error) => complaints.push(error.message))
    tab.on('request', (request) => {
      if (!request.url().startsWith(api.url) && !request.url().startsWith('data:')) elsewhere.push(request.url())
    })
    await tab.goto(`${api.url}/docs`)
    await tab.locator('#operations-site-get_api_v1_power_flow, [data-path="/api/v1/power-flow"]').first().click()
    await tab.getByText('Try it out').first().click()
    await tab.getByText('Execute').first().click()
    await tab.locator('.responses-table.live-responses-table').first().waitFor()
    expect(await tab.locator('.live-responses-table').first().textContent()).toContain('self-consumption')
    expect(complaints).toEqual([])
    expect(elsewhere).toEqual([])
    if (process.env['R_EMS_SCREENSHOT']) await tab.screenshot({ path: process.env['R_EMS_SCREENSHOT'] })
  },
)
