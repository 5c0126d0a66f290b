import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { type LiveMessage, liveMessage } from '#contract/live.ts'
import { battery, fakeSources, flow, meter, status } from './fake-sources.ts'
import { ask, startApi, type TestApi, token } from './start-api.ts'

interface LiveClient {
  readonly socket: WebSocket
  subscribe(...topics: string[]): void
  /** The next message, checked against the contract. */
  next(): Promise<LiveMessage>
  /** Messages that came and were not asked for. */
  readonly waiting: LiveMessage[]
  readonly closed: Promise<number>
}

async function openLive(api: TestApi, headers: Record<string, string> = {}): Promise<LiveClient> {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/api/v1/live`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  })
  const waiting: LiveMessage[] = []
  const readers: ((message: LiveMessage) => void)[] = []
  socket.on('message', (data) => {
    const message = liveMessage.parse(JSON.parse((data as Buffer).toString()))
    const reader = readers.shift()
    if (reader) reader(message)
    else waiting.push(message)
  })
  const closed = once(socket, 'close').then(([code]) => Number(code))
  await once(socket, 'open')
  onTestFinished(() => socket.terminate())
  return {
    socket,
    waiting,
    closed,
    subscribe: (...topics) => socket.send(JSON.stringify({ subscribe: topics })),
    next: () => {
      const message = waiting.shift()
      return message ? Promise.resolve(message) : new Promise((resolve) => readers.push(resolve))
    },
  }
}

/** How the service refuses to upgrade. */
async function refusal(api: TestApi, headers: Record<string, string>): Promise<{ status: number; body: string }> {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/api/v1/live`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  })
  socket.on('error', () => {})
  const [, response] = (await once(socket, 'unexpected-response')) as [
    unknown,
    NodeJS.ReadableStream & { statusCode: number },
  ]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return { status: response.statusCode, body }
}

describe('subscriptions', () => {
  test('bring the present state at once, then what is published', async () => {
    const api = await startApi()
    const client = await openLive(api)
    client.subscribe('power-flow', 'events')
    expect(await client.next()).toEqual({ type: 'power-flow', data: flow(60) })
    api.publish({ type: 'status', data: status })
    const event = { id: 8, atMs: 1, severity: 'info', code: 'x', message: 'y' } as const
    api.publish({ type: 'event', data: event })
    api.publish({ type: 'power-flow', data: flow(61) })
    expect(await client.next()).toEqual({ type: 'event', data: event })
    expect(await client.next()).toEqual({ type: 'power-flow', data: flow(61) })
    expect(client.waiting).toEqual([])
  })

  test('of grids and values asked for follow each cycle', async () => {
    const sources = fakeSources()
    const api = await startApi({ sources })
    const client = await openLive(api)
    client.subscribe('grids', 'controls')
    expect(await client.next()).toEqual({ type: 'grids', data: [] })
    expect(await client.next()).toEqual({ type: 'controls', data: [] })
    const by = { kind: 'user', id: 'u', name: 'maria', role: 'operator', address: '::1' } as const
    const wish = await sources.setWish(
      { deviceId: 'battery', command: 'setPowerW' },
      { value: 500, ttlS: 60, reason: 'a test' },
      by,
    )
    api.publish({ type: 'power-flow', data: flow(61) })
    expect(await client.next()).toEqual({ type: 'grids', data: [] })
    expect(await client.next()).toEqual({ type: 'controls', data: [wish] })
  })

  test('send nothing before the first request', async () => {
    const api = await startApi()
    const client = await openLive(api)
    api.publish({ type: 'power-flow', data: flow(61) })
    client.subscribe()
    client.subscribe('status')
    expect((await client.next()).type).toBe('status')
  })

  test('status, devices and a device follow each cycle once, summaries without points', async () => {
    const built: string[] = []
    const sources = fakeSources()
    const api = await startApi({
      sources: fakeSources({
        device: (id) => {
          built.push(id)
          return sources.device(id)
        },
      }),
    })
    const client = await openLive(api)
    client.subscribe('device:meter', 'devices', 'status')
    const types = async (): Promise<string[]> => [
      (await client.next()).type,
      (await client.next()).type,
      (await client.next()).type,
    ]
    expect(await types()).toEqual(['device', 'devices', 'status'])
    built.length = 0
    api.publish({ type: 'power-flow', data: flow(61) })
    expect(await client.next()).toEqual({ type: 'device', data: meter })
    const { points: _p, pollGroups: _g, commands: _c, ...summary } = battery
    expect(await client.next()).toMatchObject({ type: 'devices', data: [{ id: 'meter' }, summary] })
    expect((await client.next()).type).toBe('status')
    // Nobody asked for the battery, so its view is not built.
    expect(built).toEqual(['meter'])
    api.publish({ type: 'power-flow', data: flow(62) })
    expect(await types()).toEqual(['device', 'devices', 'status'])
  })

  test('are replaced by the next request, and only new topics are sent at once', async () => {
    const api = await startApi()
    const client = await openLive(api)
    client.subscribe('power-flow')
    expect((await client.next()).type).toBe('power-flow')
    client.subscribe('power-flow', 'device:meter')
    expect((await client.next()).type).toBe('device')
    client.subscribe('status')
    expect((await client.next()).type).toBe('status')
    api.publish({ type: 'power-flow', data: flow(61) })
    expect((await client.next()).type).toBe('status')
    expect(client.waiting).toEqual([])
  })

  test('leave out a device that does not exist, and say so', async () => {
    const api = await startApi()
    const client = await openLive(api)
    client.subscribe('device:nobody', 'power-flow')
    expect(await client.next()).toEqual({ type: 'error', data: { message: 'there is no device "nobody"' } })
    expect((await client.next()).type).toBe('power-flow')
  })

  test.each([
    ['text', 'hello'],
    ['a list', '[]'],
    ['an unknown topic', '{"subscribe":["weather"]}'],
    ['an unknown field', '{"subscribe":[],"token":1}'],
    ['too many topics', JSON.stringify({ subscribe: Array.from({ length: 21 }, () => 'status') })],
    ['binary data', Buffer.from('{"subscribe":["status"]}')],
  ])('that are %s are answered and change nothing', async (_name, message) => {
    const api = await startApi()
    const client = await openLive(api)
    client.subscribe('power-flow')
    await client.next()
    client.socket.send(message)
    const answer = await client.next()
    expect(answer).toMatchObject({ type: 'error', data: { message: expect.stringContaining('subscribe') } })
    api.publish({ type: 'power-flow', data: flow(61) })
    expect(await client.next()).toEqual({ type: 'power-flow', data: flow(61) })
  })

  test('survive a source that fails', async () => {
    let broken = true
    const sources = fakeSources({
      status: () => {
        if (broken) throw new Error('boom')
        return status
      },
    })
    const api = await startApi({ sources })
    const client = await openLive(api)
    client.subscribe('status', 'power-flow')
    api.publish({ type: 'power-flow', data: flow(61) })
    await expect.poll(() => api.logged.filter((line) => line.includes('boom')).length).toBeGreaterThan(0)
    broken = false
    client.subscribe('status')
    api.publish({ type: 'power-flow', data: flow(62) })
    let message = await client.next()
    while (message.type !== 'status') message = await client.next()
    expect(message.data).toEqual(status)
  })
})

describe('upgrades', () => {
  test('need an origin that is ours, or none', async () => {
    const api = await startApi()
    for (const origin of [
      'null',
      'https://evil.example',
      'http://localhost:1',
      `http://localhost:${api.port}`,
      'file://',
    ]) {
      const { status: code, body } = await refusal(api, { origin })
      expect([origin, code]).toEqual([origin, 403])
      expect(JSON.parse(body)).toMatchObject({ type: 'api.origin-refused' })
    }
    for (const headers of [{}, { origin: api.url }, { origin: 'app://r-ems' }] as Record<string, string>[]) {
      const client = await openLive(api, headers)
      client.subscribe('status')
      expect((await client.next()).type).toBe('status')
    }
  })

  test('need a host name that is ours', async () => {
    const api = await startApi()
    expect(await refusal(api, { host: 'evil.example' })).toMatchObject({ status: 421 })
  })

  test('are refused beyond the limit, and possible again afterwards', async () => {
    const api = await startApi({ limits: { liveSockets: 2 } })
    const first = await openLive(api)
    await openLive(api)
    const { status: code, body } = await refusal(api, {})
    expect(code).toBe(503)
    expect(JSON.parse(body)).toMatchObject({ type: 'api.busy' })
    first.socket.close()
    await first.closed
    await expect.poll(async () => (await ask(api, '/metrics')).body).toContain('r_ems_live_sockets 1')
    await openLive(api)
  })

  test('elsewhere are ignored, and a plain request here is told to upgrade', async () => {
    const api = await startApi()
    const upgrade = { connection: 'Upgrade', upgrade: 'h2c' }
    expect((await ask(api, '/health', { headers: upgrade })).status).toBe(200)
    const plain = await ask(api, '/api/v1/live')
    expect(plain.problem()).toMatchObject({ type: 'api.upgrade-required', status: 426 })
    expect(plain.headers['upgrade']).toBe('websocket')
    expect((await ask(api, '/api/v1/live', { headers: upgrade })).status).toBe(426)
  })
})

describe('bad clients', () => {
  test('messages above 4 KiB end the socket', async () => {
    const api = await startApi()
    const client = await openLive(api)
    client.socket.send('x'.repeat(4_097))
    expect(await client.closed).toBe(1009)
  })

  test('too many requests end the socket', async () => {
    const api = await startApi({ limits: { liveRequests: 10 } })
    const client = await openLive(api)
    for (let i = 0; i < 11; i += 1) client.subscribe('status')
    expect(await client.closed).toBe(1008)
  })

  test('a peer that answers no ping is disconnected, one that does stays', async () => {
    const api = await startApi({ limits: { livePingMs: 50 } })
    const alive = await openLive(api)
    const dead = await openLive(api)
    dead.socket.pause()
    await expect.poll(async () => (await ask(api, '/metrics')).body).toContain('r_ems_live_sockets 1')
    alive.subscribe('status')
    expect((await alive.next()).type).toBe('status')
  })

  test('a reader that stops misses frames, holds no memory and is disconnected; others get every frame', async () => {
    const limits = { liveBufferBytes: 100_000, liveSlowMs: 3_000, closeMs: 100, livePingMs: 60_000 }
    const api = await startApi({ limits })
    const good = await openLive(api)
    good.subscribe('power-flow')
    await good.next()

    const key = Buffer.from('0123456789abcdef').toString('base64')
    const slow = connect(api.port, '127.0.0.1')
    slow.write(
      `GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\nAuthorization: Bearer ${token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    )
    await once(slow, 'data')
    slow.on('error', () => {})
    slow.pause()
    const request = Buffer.from('{"subscribe":["power-flow"]}')
    // A client's frame is masked; a mask of zeros leaves the text as it is.
    slow.write(Buffer.concat([Buffer.from([0x81, 0x80 | request.length, 0, 0, 0, 0]), request]))

    const title = 'x'.repeat(100_000)
    const big = (cycle: number): LiveMessage => {
      const data = flow(cycle)
      return { type: 'power-flow', data: { ...data, limits: data.limits.map((limit) => ({ ...limit, title })) } }
    }
    const skipped = async (): Promise<number> =>
      Number(/^r_ems_live_frames_skipped_total (\d+)$/m.exec((await ask(api, '/metrics')).body)?.[1])
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed
    let cycle = 100
    // Fills the buffers of the system first.
    while ((await skipped()) === 0) {
      api.publish(big(cycle))
      expect(await good.next()).toMatchObject({ data: { cycle } })
      cycle += 1
      expect(cycle).toBeLessThan(1000)
    }
    const sockets = async (): Promise<string | undefined> =>
      /^r_ems_live_sockets (\d+)$/m.exec((await ask(api, '/metrics')).body)?.[1]
    let extra = 0
    while ((await sockets()) !== '1') {
      api.publish(big(cycle))
      expect(await good.next()).toMatchObject({ data: { cycle } })
      cycle += 1
      extra += 1
      expect(extra).toBeLessThan(5000)
    }
    const grown = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before
    expect(extra * title.length).toBeGreaterThan(1_000_000)
    expect(grown).toBeLessThan(60_000_000)
    // It finds out as soon as it reads again.
    slow.resume()
    await once(slow, 'close')
  })
})

test('a stop closes live sockets with 1001, and cuts off those that do not answer', async () => {
  const api = await startApi({ limits: { closeMs: 100 } })
  const polite = await openLive(api)
  const stuck = connect(api.port, '127.0.0.1')
  stuck.write(
    `GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\nAuthorization: Bearer ${token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${btoa('0123456789abcdef')}\r\n\r\n`,
  )
  await once(stuck, 'data')
  stuck.pause()
  stuck.on('error', () => {})
  const idle = connect(api.port, '127.0.0.1')
  await once(idle, 'connect')
  const startMs = performance.now()
  await api[Symbol.asyncDispose]()
  expect(await polite.closed).toBe(1001)
  expect(performance.now() - startMs).toBeLessThan(10_000)
  api.publish({ type: 'power-flow', data: flow(1) })
})
