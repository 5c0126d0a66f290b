import { EdgeError } from '#contract/errors.ts'
import { emptyDraft, type HandoverReport, type SignedHandover } from '#contract/handover.ts'
import type { HandoverSources } from '../../../service/api/handover-sources.ts'

const report: HandoverReport = {
  format: 'r-ems-handover/1',
  createdAtMs: 1_772_366_400_000,
  timeZone: 'UTC',
  draft: emptyDraft,
  edge: { id: '6f1c0c9e-8f0e-4d5e-9d55-0d8f3f1f2a10', version: '1.0.0', mode: 'production' },
  site: { name: 'Depot', demo: false },
  devices: [],
  buses: [],
  settings: [],
  runs: [],
  notExecuted: [],
  failsafe: [],
  writes: [],
  writesLeftOut: 0,
  configuration: { siteHash: '', maps: [] },
  faults: [],
  parts: [],
  signatures: [],
}
const signed: SignedHandover = { id: '20260301-120000', createdAtMs: 0, signatures: [], keyId: '', sha256: '' }

export function fakeHandover(): HandoverSources {
  return {
    draft: () => emptyDraft,
    async saveDraft(draft) {
      if (draft.revision !== 0)
        throw new EdgeError('handover.changed', 'somebody else has changed the report meanwhile')
      return { ...draft, revision: 1 }
    },
    report: async () => report,
    preview: async () => '<!doctype html><p>report</p>',
    sign: async () => signed,
    signed: async () => ({ reports: [signed] }),
    async file(name) {
      if (!name.startsWith(signed.id)) throw new EdgeError('workbench.unknown', 'there is no such report')
      return Buffer.from('a report')
    },
  }
}
