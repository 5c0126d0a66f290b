import { describe, expect, test } from 'vitest'
import { busAnswer, busWritten } from '#contract/bus.ts'
import { fakeSources, meter } from './fake-sources.ts'
import { ask, startApi, token } from './start-api.ts'

const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
const read = { bus: meter.bus, unitId: 1, request: { fn: 3, address: 0, count: 2 } }
const command = { kind: 'command', map: 'acme/battery', mapHash: 'a'.repeat(64), command: 'setPowerW', value: 50 }
const register = {
  kind: 'register',
  armed: true,
  address: 7,
  fn: 6,
  type: 'uint16',
  wordOrder: 'big',
  byteOrder: 'big',
  scale: 1,
  value: 5,
  min: 0,
  max: 10,
}
const write = { bus: meter.bus, unitId: 1, principal: 'cli:maria', write: command }

describe('work on a bus', () => {
  const post = async (path: string, body: unknown, api = startApi()) =>
    ask(await api, path, { method: 'POST', headers, body: JSON.stringify(body) })

  test('a read answers with what the device said', async () => {
    const answer = await post('/api/v1/bus/read', read)
    expect(busAnswer.parse(answer.json())).toEqual({ kind: 'words', words: [1, 2] })
    const refused = await post('/api/v1/bus/read', { ...read, request: { fn: 17 } })
    expect(refused.json()).toEqual({ kind: 'exception', code: 1 })
  })

  test('a write goes to the guard with the one who asked', async () => {
    const asked: unknown[] = []
    const sources = fakeSources({
      writeBus: async (request, principal) => {
        asked.push(request.principal, principal.name)
        return { outcome: 'confirmed', frames: ['0106'] }
      },
    })
    const answer = await post('/api/v1/bus/write', write, startApi({ sources }))
    expect(busWritten.parse(answer.json())).toEqual({ outcome: 'confirmed', frames: ['0106'] })
    expect(asked).toEqual(['cli:maria', 'API token'])
    expect((await post('/api/v1/bus/write', { ...write, write: register })).status).toBe(200)
  })

  test('a refusal by the guard is 403 with its reason, an unknown bus 404', async () => {
    const refused = await post('/api/v1/bus/write', { ...write, write: { ...command, value: 500 } })
    expect(refused.problem()).toMatchObject({ type: 'write.refused', status: 403, detail: '500 is outside the limits' })
    const unknown = await post('/api/v1/bus/read', { ...read, bus: 'tcp://10.0.0.1:502' })
    expect(unknown.problem()).toMatchObject({ type: 'bus.unknown', status: 404 })
  })

  test.each([
    ['a function that writes', { ...read, request: { fn: 6, address: 1, value: 1 } }],
    ['a diagnostic that restarts', { ...read, request: { fn: 8, counter: 1 } }],
    ['too many registers', { ...read, request: { fn: 3, address: 0, count: 126 } }],
    ['an address that is none', { ...read, request: { fn: 3, address: 65_536, count: 1 } }],
    ['a unit that is none', { ...read, unitId: 256 }],
    ['an unknown field', { ...read, priority: 'write' }],
  ])('a read with %s is 400', async (_, body) => {
    expect((await post('/api/v1/bus/read', body)).problem().type).toBe('api.invalid')
  })

  test.each([
    ['without a principal', { ...write, principal: '' }],
    ['with a principal of two lines', { ...write, principal: 'cli:a\nb' }],
    ['of a command that there is not', { ...write, write: { ...command, command: 'explode' } }],
    ['without limits', { ...write, write: { ...register, min: undefined } }],
    ['with another function', { ...write, write: { ...register, fn: 5 } }],
  ])('a write %s is 400', async (_, body) => {
    expect((await post('/api/v1/bus/write', body)).problem().type).toBe('api.invalid')
  })
})
