import type { CheckRun } from '#contract/checks.ts'
import { EdgeError } from '#contract/errors.ts'
import type { CheckSources } from '../../../service/api/check-sources.ts'

const run: CheckRun = {
  format: 1,
  id: '20260520-120000',
  checkId: 'answers.meter',
  kind: 'answers',
  group: 'measurement',
  title: 'Grid meter answers',
  subjectId: 'meter',
  subjectName: 'Grid meter',
  state: 'ended',
  verdict: 'passed',
  reason: { code: 'none', text: '' },
  startedAtMs: 1,
  endedAtMs: 2,
  by: 'anna',
  measures: [],
  planned: [],
  headroom: [],
  writes: [],
  restored: [],
  trace: { zeroAtMs: 1, command: [], lanes: [], marks: [] },
  proves: [],
  mapHashes: {},
  siteHash: '',
  epoch: 1,
  version: '0.1.0',
}

/** One check that has run. */
export function fakeChecks(): CheckSources {
  const unknown = (): Promise<never> => Promise.reject(new EdgeError('check.unknown', 'there is no such run'))
  return {
    list: () => ({
      atMs: 1,
      checks: [],
      ifStopped: [],
      counts: { total: 0, passed: 0, failed: 0, accepted: 0, open: 0 },
    }),
    start: ({ checkId }) => (checkId === run.checkId ? Promise.resolve(run) : unknown()),
    renew: () => undefined,
    abort: (id) => (id === run.id ? Promise.resolve(run) : unknown()),
    run: (id) => (id === run.id ? Promise.resolve(run) : unknown()),
    accept: unknown,
    progress: () => ({ revision: 1, run }),
  }
}
