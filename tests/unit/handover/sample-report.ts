import type { CheckRun } from '#contract/checks.ts'
import { emptyDraft, type HandoverDevice, type HandoverDraft, type HandoverReport } from '#contract/handover.ts'

export const atMs = Date.UTC(2026, 2, 1, 12)

/** A dot, as PNG. */
export const pngLogo =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** A few dots, as JPEG. */
export const jpegLogo = `data:image/jpeg;base64,${[
  '/9j/4AAQSkZJRgABAQEAAAAAAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAx',
  'NDQ0Hyc5PTgyPC4zNDL/2wBDAQkJCQwLDBgNDRgyIRwhMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIy',
  'MjIyMjIyMjL/wAARCAAIAAYDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF',
  'BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW',
  'V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi',
  '4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAEC',
  'AxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVm',
  'Z2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq',
  '8vP09fb3+Pn6/9oADAMBAAIRAxEAPwD3C1jSCUkeeflx80ruPyZiKKKKAP/Z',
].join('')}`

export const draft: HandoverDraft = {
  ...emptyDraft,
  revision: 3,
  address: 'Am Depot 1, 20095 Hamburg',
  customer: 'Depot Nord GmbH',
  company: 'Elektro Okafor',
  people: [
    { role: 'Commissioning engineer', name: 'M. Okafor', company: 'Elektro Okafor' },
    { role: 'Operator', name: 'J. Lindqvist', company: 'Depot Nord GmbH' },
  ],
  openPoints: [{ text: 'Seal the meter', who: 'Grid operator' }],
  remarks: 'The heat pump follows in May.\nIts meter is in place.',
}

const device = (number: number): HandoverDevice => ({
  id: `device-${number}`,
  name: `Wallbox ${number}`,
  role: 'charger',
  simulated: false,
  connection: `tcp://192.168.10.${number % 250}:502`,
  unitId: 1,
  vendor: 'Alfen',
  model: 'Eve Double Pro-line',
  serial: `ACE${String(number).padStart(7, '0')}`,
  firmware: '6.5.0-4191',
  readFrom: [{ point: 'serial', address: 157, raw: '4143 4530 3030 3030 3000' }],
  map: 'alfen/eve',
  mapHash: 'ab'.repeat(32),
  link: 'online',
  points: { total: 24, good: 24 },
  verified: [
    { kind: 'sign', of: 'powerW', by: 'M. Okafor', atMs, how: 'charged with 6 A' },
    { kind: 'command', of: 'setCurrentA' },
  ],
})

const run = (number: number): CheckRun => ({
  format: 1,
  id: '20260301-115900',
  checkId: `step.device-${number}.setPowerW`,
  kind: 'step',
  group: 'control',
  title: `Wallbox ${number} follows a step of setPowerW`,
  subjectId: `device-${number}`,
  subjectName: `Wallbox ${number}`,
  command: 'setPowerW',
  state: 'ended',
  verdict: number % 3 === 0 ? 'failed' : 'passed',
  reason: number % 3 === 0 ? { code: 'wrong', text: 'the dead time is too long' } : { code: 'none', text: '' },
  startedAtMs: atMs - 60_000,
  endedAtMs: atMs - 48_000,
  by: 'M. Okafor',
  measures: [
    {
      key: 'deadTime',
      unit: 's',
      rule: 'at-most',
      expected: 1,
      measured: number % 3 === 0 ? 1.7 : 0.5,
      state: 'passed',
    },
    { key: 'overshoot', unit: '%', rule: 'at-most', expected: 10, measured: 3.1, state: 'passed' },
    { key: 'steadyError', unit: 'W', rule: 'within', expected: 0, tolerance: 720, measured: -20, state: 'passed' },
  ],
  planned: [],
  headroom: [],
  writes: [],
  restored: [],
  trace: {
    zeroAtMs: atMs - 60_000,
    command: [
      { tMs: 0, value: 12_000 },
      { tMs: 1_000, value: 36_000 },
    ],
    lanes: [
      {
        key: 'device',
        deviceId: `device-${number}`,
        deviceName: `Wallbox ${number}`,
        point: 'powerW',
        unit: 'W',
        samples: Array.from({ length: 120 }, (_, at) => ({ tMs: at * 100, value: 12_000 + Math.min(at, 60) * 400 })),
      },
    ],
    band: { low: 35_000, high: 37_000 },
    marks: [{ kind: 'settled', tMs: 6_000, value: 36_000 }],
  },
  proves: [],
  mapHashes: {},
  siteHash: 'cd'.repeat(32),
  epoch: 1,
  version: '1.0.0',
})

/** A report of a site with so many devices and checks; half as many checks again were never run. */
export function sampleReport(sizes: { devices?: number; runs?: number } = {}, typed = draft): HandoverReport {
  const { devices = 2, runs = 3 } = sizes
  const range = (count: number) => Array.from({ length: count }, (_, at) => at + 1)
  return {
    format: 'r-ems-handover/1',
    createdAtMs: atMs,
    timeZone: 'Europe/Berlin',
    draft: typed,
    edge: { id: '6f1c0c9e-8f0e-4d5e-9d55-0d8f3f1f2a10', version: '1.0.0', mode: 'production' },
    site: { name: 'Depot Nord', demo: false },
    devices: range(devices).map(device),
    buses: [
      {
        name: 'rtu:///dev/ttyUSB0?baud=9600&parity=even&stopBits=1',
        state: 'open',
        devices,
        requests: 12_345,
        failures: 12,
        opens: 1,
        discarded: 0,
        medianMs: 41,
        slowestMs: 120,
      },
    ],
    settings: [
      {
        id: 'grids.0.connection.fuseA',
        owner: 'Grid connection',
        title: 'Fuse per phase',
        unit: 'A',
        tier: 'physical',
        value: 63,
        optional: false,
        min: 1,
        max: 6300,
        looser: 'larger',
      },
    ],
    runs: range(runs).map(run),
    notExecuted: range(Math.ceil(runs / 2)).map((number) => ({
      id: `comm-loss.device-${number}.setCurrentA`,
      title: `Wallbox ${number} is left alone`,
      reason: { code: 'no-vehicle', text: 'no vehicle is plugged in' },
      kind: 'comm-loss',
      subjectName: `Wallbox ${number}`,
    })),
    failsafe: [
      {
        deviceId: 'device-1',
        deviceName: 'Wallbox 1',
        command: 'setCurrentA',
        title: 'Charging current',
        unit: 'A',
        kind: 'watchdog',
        afterS: 60,
        fallback: '6 A',
        text: 'If R-EMS stops: 6 A after 60 s.',
        proof: { state: 'not-proven' },
      },
    ],
    writes: [
      {
        seq: 17,
        atMs,
        principal: 'M. Okafor (10.0.0.7)',
        deviceId: 'device-1',
        command: 'setCurrentA',
        value: 6,
        outcome: 'confirmed',
      },
    ],
    writesLeftOut: 0,
    configuration: {
      siteHash: 'cd'.repeat(32),
      generation: 11,
      rollbackTo: 10,
      maps: [{ id: 'alfen/eve', hash: 'ab'.repeat(32) }],
      journal: { seq: 4711, hash: 'ef'.repeat(32), ok: true },
    },
    faults: [],
    parts: [
      { id: 'site', state: 'ready', done: 4, total: 4 },
      { id: 'checks', state: 'open', done: runs - Math.floor(runs / 3), total: runs },
    ],
    signatures: [{ name: 'M. Okafor', role: 'Commissioning engineer' }],
  }
}
