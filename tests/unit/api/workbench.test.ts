import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { type LiveMessage, liveMessage } from '#contract/live.ts'
import { job, workbench } from '#contract/workbench.ts'
import { finishedJob } from './fake-workbench.ts'
import { ask, send, startApi, type TestApi, token } from './start-api.ts'

const base = '/api/v1/workbench'

async function tokenOf(api: TestApi, role: string): Promise<string> {
  const made = await send(api, 'POST', '/api/v1/tokens', { purpose: `test of ${role}`, role })
  return (made.json() as { token: string }).token
}

/** A live socket and every message that has come. */
async function openLive(api: TestApi, as: string): Promise<{ socket: WebSocket; messages: LiveMessage[] }> {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/api/v1/live`, {
    headers: { authorization: `Bearer ${as}` },
  })
  const messages: LiveMessage[] = []
  socket.on('message', (data: Buffer) => messages.push(liveMessage.parse(JSON.parse(data.toString()))))
  await once(socket, 'open')
  onTestFinished(() => socket.terminate())
  return { socket, messages }
}

describe('the workbench', () => {
  test('answers with what its contract says', async () => {
    const api = await startApi()
    expect(workbench.parse((await ask(api, base)).json()).jobs).toHaveLength(1)
    expect(job.parse((await ask(api, `${base}/jobs/${finishedJob.id}`)).json())).toEqual(finishedJob)
    const missing = await ask(api, `${base}/jobs/20990101-000000-units`)
    expect([missing.status, missing.problem().type]).toEqual([404, 'workbench.unknown'])
    expect((await ask(api, `${base}/jobs/..%2f..%2fetc`)).status).toBe(400)
  })

  test('hands out tables and captures as files', async () => {
    const api = await startApi()
    const table = await ask(api, `${base}/jobs/${finishedJob.id}/table`)
    expect(table.headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(table.headers['content-disposition']).toBe(`attachment; filename="${finishedJob.id}.csv"`)
    expect(table.body).toBe('unit,status\r\n1,present\r\n')
    const capture = await ask(api, `${base}/jobs/${finishedJob.id}/capture`)
    expect(capture.headers['content-type']).toBe('application/x-pcapng')
    expect(capture.headers['content-length']).toBe('4')
  })

  test('takes a recorded file, and nothing else in its place', async () => {
    const api = await startApi()
    const upload = (name: string, type: string, body: Buffer) =>
      ask(api, `${base}/captures?name=${encodeURIComponent(name)}`, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      })
    const bytes = Buffer.alloc(2_000_000, 1)
    const taken = await upload('Depot Nord.pcapng', 'application/octet-stream', bytes)
    expect([taken.status, taken.json()]).toMatchObject([201, { request: { file: 'Depot Nord.pcapng' } }])
    expect((await upload('../x.pcap', 'application/octet-stream', bytes)).problem().type).toBe('api.invalid')
    expect((await upload('x.pcap', 'application/octet-stream', Buffer.alloc(0))).status).toBe(400)
    expect((await upload('x.pcap', 'text/plain', Buffer.from('x'))).problem().type).toBe('api.media-refused')
    // Only here: elsewhere bytes are no body.
    const other = await ask(api, `${base}/leases`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: Buffer.from('x'),
    })
    expect(other.problem().type).toBe('api.media-refused')
  })

  test('refuses a scan of a network until the warning was read', async () => {
    const api = await startApi()
    const start = (body: object) => send(api, 'POST', `${base}/jobs`, body)
    expect((await start({ kind: 'subnet' })).problem().errors?.[0]?.path).toBe('body.understood')
    expect((await start({ kind: 'subnet', understood: false })).status).toBe(400)
    expect((await start({ kind: 'subnet', understood: true })).status).toBe(201)
  })
})

describe('live topics of the workbench', () => {
  test('bring the present state at once, and again when something has changed', async () => {
    const api = await startApi()
    const { socket, messages } = await openLive(api, token)
    socket.send(JSON.stringify({ subscribe: ['workbench', `job:${finishedJob.id}`] }))
    await expect.poll(() => messages.map(({ type }) => type)).toEqual(['workbench', 'job'])
    api.refresh('workbench')
    await expect.poll(() => messages.map(({ type }) => type)).toEqual(['workbench', 'job', 'workbench'])
    api.refresh(`job:${finishedJob.id}`)
    await expect.poll(() => messages.length).toBe(4)
    api.refresh('job:20990101-000000-units')
    api.refresh('workbench')
    await expect.poll(() => messages.length).toBe(5)
  })

  test.each(['viewer', 'operator'])('are not for a %s', async (role) => {
    const api = await startApi()
    const { socket, messages } = await openLive(api, await tokenOf(api, role))
    socket.send(JSON.stringify({ subscribe: ['workbench', `job:${finishedJob.id}`, 'status'] }))
    await expect.poll(() => messages.map(({ type }) => type)).toEqual(['error', 'error', 'status'])
    api.refresh('workbench')
    api.publish({ type: 'event', data: { id: 1, atMs: 0, severity: 'info', code: 'x', message: 'y' } })
    socket.send(JSON.stringify({ subscribe: ['devices'] }))
    await expect.poll(() => messages.at(-1)?.type).toBe('devices')
    expect(messages.map(({ type }) => type)).not.toContain('workbench')
  })
})
