import { describe, expect, test } from 'vitest'
import { edgeId } from './fake-edges.ts'
import { ask, send, startApi } from './start-api.ts'

describe('the deployment of another edge', () => {
  const base = `/api/v1/edges/${edgeId}/deployment`

  test('is asked under the same paths, and its answers are passed on with their status', async () => {
    const api = await startApi()
    expect(JSON.parse((await ask(api, base)).body)).toEqual({ asked: '' })
    expect(JSON.parse((await ask(api, `${base}/candidate/checks`)).body)).toEqual({ asked: 'candidate/checks' })
    const refused = await send(api, 'POST', `${base}/trial/confirm`, { trialId: edgeId })
    expect([refused.status, JSON.parse(refused.body)]).toMatchObject([409, { type: 'deployment.gates' }])
  })

  test.each([
    '..%2f..%2fcontrol',
    'candidate/../../control',
    'candidate?x=1%2f..',
    'a'.repeat(200),
    'candidate//checks',
  ])('is all that can be reached: %s', async (path) => {
    const api = await startApi()
    const { status, body } = await ask(api, `${base}/${path}`)
    if (status === 200) expect(JSON.parse(body)).toEqual({ asked: 'candidate' })
    else expect(status).toBeGreaterThanOrEqual(400)
  })

  test('of an edge that is not known is refused with what to do', async () => {
    const api = await startApi()
    const { status, body } = await ask(api, '/api/v1/edges/00000000-0000-4000-8000-000000000000/deployment')
    expect(status).toBe(404)
    expect(JSON.parse(body)).toMatchObject({ type: 'edge.unknown', action: expect.stringContaining('Pair') })
  })
})

test('edges are listed, and a contact that fails is an answer with its reason', async () => {
  const api = await startApi()
  expect(JSON.parse((await ask(api, '/api/v1/edges')).body)).toMatchObject({ edges: [{ id: edgeId }] })
  const { status, body } = await send(api, 'POST', '/api/v1/edges/contacts', { address: '127.0.0.1' })
  expect(status).toBe(200)
  expect(JSON.parse(body)).toMatchObject({ ok: false, problem: { reason: 'unreachable' } })
})
