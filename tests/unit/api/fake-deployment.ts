import type { DeploymentSources } from '../../../service/api/deployment-sources.ts'
import type { Candidate, CheckReport, DeploymentStatus, SignedBundle } from '#contract/deployment.ts'
import { EdgeError } from '#contract/errors.ts'

const edgeId = '7f3e0c1c-4d0e-4a57-9d5e-6f0f6a1a2b3c'
const hash = 'a'.repeat(64)
export const trialId = '0c9d4d2e-93f9-4b0e-8d0e-0d6c0c6d1a11'

/** An edge that takes everything that is signed by somebody else than `f…`, and is never busy. */
export function fakeDeployment(): DeploymentSources & { readonly sent: SignedBundle[]; readonly by: string[] } {
  const sent: SignedBundle[] = []
  const by: string[] = []
  const status: DeploymentStatus = { edgeId, siteName: 'Depot', phase: 'idle', hash, nextVersion: 7 }
  const manifest: Candidate['manifest'] = {
    format: 'r-ems-bundle/1',
    edgeId,
    siteName: 'Depot',
    version: 7,
    prevHash: hash,
    notBeforeMs: 0,
    notAfterMs: 1,
    by: 'anna',
    why: 'a second charger',
    files: { 'site.yaml': hash },
  }
  const candidate: Candidate = {
    id: trialId,
    manifest,
    bundleHash: hash,
    hash,
    keyId: hash,
    holder: { name: 'anna', sinceMs: 0, own: true },
    expiresAtMs: 1,
    changes: [],
    consents: [],
  }
  const report: CheckReport = { candidateId: trialId, state: 'running', startedAtMs: 0, checks: [], points: [] }
  const running = {
    edgeId,
    siteName: 'Depot',
    number: 6,
    hash,
    nextVersion: 7,
    files: { 'site.yaml': 'name: Depot\n' },
  }
  const ofTrial = async (id: string): Promise<DeploymentStatus> => {
    if (id !== trialId) throw new EdgeError('deployment.trial', 'this trial is over')
    return status
  }
  return {
    sent,
    by,
    status: () => status,
    running: () => running,
    async generation(number) {
      if (number !== 6) throw new EdgeError('deployment.generation', `there is no generation ${number}`)
      return running
    },
    generations: () => [],
    send(signed, { name }) {
      if (signed.keyId.startsWith('f')) throw new EdgeError('bundle.untrusted', 'this edge does not know the key')
      sent.push(signed)
      by.push(name)
      return candidate
    },
    make: () => candidate,
    candidate: () => candidate,
    discard: () => undefined,
    startChecks: () => report,
    checks: () => report,
    stopChecks: () => ({ ...report, state: 'cancelled' }),
    commit: async () => ({ generation: 7, trialId, deadlineMs: 120_000 }),
    confirm: ofTrial,
    giveUp: ofTrial,
    extend: ofTrial,
    rollback: async () => ({ generation: 8, restores: 6 }),
    keys: () => ({ keys: [] }),
    addKey: async ({ publicKey, owner }) => ({ id: hash, publicKey, owner, addedBy: 'anna', addedAtMs: 0, own: false }),
    removeKey: async () => undefined,
  }
}
