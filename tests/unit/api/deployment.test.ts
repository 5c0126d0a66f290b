import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { candidate, commitAnswer, deploymentStatus, mostBundleBytes } from '#contract/deployment.ts'
import { liveMessage } from '#contract/live.ts'
import { fakeDeployment, trialId } from './fake-deployment.ts'
import { fakeSources } from './fake-sources.ts'
import { ask, startApi, token } from './start-api.ts'

const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
const base = '/api/v1/deployment'
const signed = {
  format: 'r-ems-signed-bundle/1',
  keyId: 'a'.repeat(64),
  signature: `${'A'.repeat(86)}==`,
  bundle: JSON.stringify({ text: 'x'.repeat(2_000_000) }),
}

describe('deployments over the API', () => {
  const post = async (path: string, body: unknown, deployment = fakeDeployment()) => {
    const api = await startApi({ sources: fakeSources({ deployment }) })
    return ask(api, `${base}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  }

  test('take a bundle of megabytes, in the name of whoever is signed in, and nothing beyond the bound', async () => {
    const deployment = fakeDeployment()
    const answer = await post('/candidate', signed, deployment)
    expect(candidate.parse(answer.json()).manifest.why).toBe('a second charger')
    expect(deployment.sent[0]?.bundle).toHaveLength(signed.bundle.length)
    expect(deployment.by).toEqual(['API token'])
    const huge = await post('/candidate', { ...signed, bundle: 'x'.repeat(mostBundleBytes + 1) })
    expect(huge.status).toBe(413)
  })

  test('say in one sentence why a bundle is refused', async () => {
    const refused = await post('/candidate', { ...signed, keyId: 'f'.repeat(64) })
    expect(refused.status).toBe(403)
    expect(refused.json()).toMatchObject({ type: 'bundle.untrusted', detail: 'this edge does not know the key' })
    for (const wrong of [
      { ...signed, signature: 'short' },
      { ...signed, alg: 'none' },
      { ...signed, format: 'r-ems/2' },
    ])
      expect((await post('/candidate', wrong)).status).toBe(400)
  })

  test('fill in what a commit may leave out, and bound the rest', async () => {
    const asked: unknown[] = []
    const deployment = fakeDeployment()
    const answer = await post(
      '/candidate/commit',
      { candidateId: trialId },
      {
        ...deployment,
        commit: async (request, by) => {
          asked.push(request)
          return deployment.commit(request, by)
        },
      },
    )
    expect(commitAnswer.parse(answer.json()).generation).toBe(7)
    expect(asked).toEqual([
      { candidateId: trialId, confirmedRaises: [], waived: [], countdownS: 120, despiteChecks: false },
    ])
    for (const countdownS of [9, 3601, 30.5])
      expect((await post('/candidate/commit', { candidateId: trialId, countdownS })).status).toBe(400)
    expect((await post('/trial/confirm', { trialId: crypto.randomUUID() })).json()).toMatchObject({
      type: 'deployment.trial',
    })
    expect(deploymentStatus.parse((await post('/trial/confirm', { trialId })).json()).phase).toBe('idle')
  })

  test('are followed over the live socket', async () => {
    const deployment = fakeDeployment()
    let phase: 'idle' | 'trial' = 'idle'
    const status = () => ({ ...deployment.status(), phase })
    const api = await startApi({ sources: fakeSources({ deployment: { ...deployment, status } }) })
    const socket = new WebSocket(`${api.url.replace('http', 'ws')}/api/v1/live`, { headers })
    onTestFinished(() => socket.terminate())
    await once(socket, 'open')
    const next = async () => liveMessage.parse(JSON.parse(String((await once(socket, 'message'))[0])))
    const first = next()
    socket.send(JSON.stringify({ subscribe: ['deployment'] }))
    expect(await first).toMatchObject({ type: 'deployment', data: { phase: 'idle', nextVersion: 7 } })
    phase = 'trial'
    const second = next()
    api.refresh('deployment')
    expect(await second).toMatchObject({ type: 'deployment', data: { phase: 'trial' } })
  })
})
