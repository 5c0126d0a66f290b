import { EdgeError } from '#contract/errors.ts'
import type { SetupState } from '#contract/setup.ts'
import type { SetupSources } from '../../../service/api/setup-sources.ts'
import { setupForms } from '../../../service/setup/fields.ts'

/** A wizard with one answer. */
export function fakeSetup(): SetupSources {
  let state: SetupState = {
    revision: 'r1',
    source: 'draft',
    answers: { installation: { name: 'Site' } },
    problems: [
      { step: 'devices', path: 'devices', kind: 'open', message: 'There is no device yet.', cure: 'Add one.' },
    ],
    suggestions: [{ step: 'grids', path: 'grids.0', value: { id: 'grid' }, text: 'one grid', why: 'usual' }],
  }
  const demand = (revision: string): void => {
    if (revision !== state.revision) throw new EdgeError('setup.changed', 'anna has changed these answers meanwhile')
  }
  return {
    forms: async () => ({
      forms: setupForms(),
      maps: [{ id: 'eastron/sdm630', title: 'Eastron SDM630', role: 'meter' }],
    }),
    state: async () => state,
    async change({ revision, answers }) {
      demand(revision)
      state = { ...state, answers }
      return state
    },
    discard: async () => state,
    check: async () => ({ problems: state.problems, suggestions: [] }),
    read: async () => ({ latencyMs: 3, points: [{ name: 'powerW', title: 'Active power', unit: 'W', value: 1200 }] }),
    preview: async () => ({
      revision: 'r1',
      files: { 'site.yaml': 'version: 3\n' },
      edge: 'mode: production\n',
      becomes: 'site',
      changes: [],
    }),
    async write(revision) {
      demand(revision)
      return { written: ['/etc/r-ems/site.yaml'], next: 'starts' }
    },
  }
}
