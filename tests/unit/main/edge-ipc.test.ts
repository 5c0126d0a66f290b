import { expect, test, vi } from 'vitest'

// Only Electron itself can provide it; nothing of it is called here.
vi.mock('electron', () => ({ safeStorage: {} }))
const { handleEdges, mayAsk } = await import('../../../main/edge-ipc.ts')

const edges = {
  list: async () => [],
  discover: async () => [],
  addByAddress: async (address: string) => ({
    ok: false as const,
    problem: { reason: 'unreachable' as const, message: address, action: '' },
  }),
  pair: async () => ({ ok: false as const, problem: { reason: 'unknown-edge' as const, message: '', action: '' } }),
  remove: async () => undefined,
  connect: async () => ({ ok: true as const, value: { url: 'https://a:1', token: 'secret' } }),
  isConnected: (origin: string) => origin === 'https://edge-one:8443' || origin === 'https://edge-two:443',
  accepts: () => false,
}

type Handler = (event: { senderFrame: { url: string; parent: null | object } | null }, input?: unknown) => unknown

function handlers(): Map<string, Handler> {
  const map = new Map<string, Handler>()
  handleEdges({ handle: (channel: string, handler: unknown) => void map.set(channel, handler as Handler) }, edges)
  return map
}

const page = { senderFrame: { url: 'app://r-ems/', parent: null } }

test.each([
  ['another page', { senderFrame: { url: 'https://evil.example/', parent: null } }],
  ['a frame in the page', { senderFrame: { url: 'app://r-ems/', parent: {} } }],
  ['a frame that is gone', { senderFrame: null }],
])('%s gets no answer on any channel', (_name, event) => {
  expect(handlers().size).toBe(6)
  for (const handler of handlers().values()) expect(() => handler(event)).toThrow('refused')
})

test('the page is answered in the right form only', async () => {
  const map = handlers()
  const call = (channel: string, input?: unknown): unknown => map.get(`desktop:edges-${channel}`)?.(page, input)
  expect(await call('list')).toEqual([])
  expect(await call('add-by-address', 'edge-one')).toMatchObject({ problem: { message: 'edge-one' } })
  for (const [channel, input] of [
    ['list', 'x'],
    ['add-by-address', 7],
    ['add-by-address', 'x'.repeat(301)],
    ['pair', { contactId: 'x', code: '123456', clientName: 'a' }],
    ['pair', { contactId: crypto.randomUUID(), code: '123456', clientName: 'a', more: 1 }],
    ['remove', '../x'],
    ['connect', { id: 1 }],
  ] as const)
    expect(() => call(channel, input), channel).toThrow()
})

test.each([
  ['http://127.0.0.1:8080/api', true],
  ['ws://127.0.0.1:8080/api', true],
  ['http://192.0.2.1:8080/', false],
  ['http://127.0.0.1.evil.example/', false],
  ['https://edge-one:8443/api', true],
  ['wss://edge-one:8443/api', true],
  ['wss://edge-two/api', true],
  ['https://edge-one:8444/', false],
  ['https://edge-one.evil.example:8443/', false],
  ['https://edge-one:8443@evil.example/', false],
  ['https://127.0.0.1:8443/', false],
  ['nonsense', false],
])('the page may ask %s: %s', (url, may) => {
  expect(mayAsk(url, edges)).toBe(may)
})
