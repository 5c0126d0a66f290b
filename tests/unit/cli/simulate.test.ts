import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { run } from '../../../service/cli/run.ts'
import { describe as describeExplanation } from '../../../service/cli/explain.ts'
import { captureFile } from '../../../service/simulation/capture-file.ts'
import { simulate, type SimulationReport } from '../../../service/simulation/simulate.ts'
import type { ReplayReport } from '../../../service/simulation/replay.ts'
import { homeSite } from '../simulation/sites.ts'
import { fakeTerminal } from './terminal.ts'

let folder: string
let siteFile: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-cli-'))
  siteFile = join(folder, 'site.yaml')
  writeFileSync(siteFile, stringify(homeSite))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function ctl(...args: string[]) {
  const { terminal, out, err } = fakeTerminal()
  const code = await run(args, terminal)
  return { code, out: out(), err: err() }
}

describe('r-emsctl simulate', () => {
  test('runs a site with inputs and says what flowed; twice the same', async () => {
    const input = join(folder, 'load.csv')
    writeFileSync(input, 'time,load_w\n2026-06-01T10:00:00Z,2000\n')
    const args = ['simulate', '--site', siteFile, '--days', '0.02', '--input', input, '--column', 'load_w=main.loadW']
    const first = await ctl(...args, '--json')
    const report = JSON.parse(first.out) as SimulationReport & { tookS: number }
    expect(first.code).toBe(0)
    expect(report.fromMs).toBe(Date.UTC(2026, 5, 1, 10))
    expect(report.cycles).toBe(1728)
    expect(report.energyWh.house).toBeCloseTo(2000 * 0.48, 0)
    const second = JSON.parse((await ctl(...args, '--json')).out) as SimulationReport
    expect(second.digest).toBe(report.digest)
    const text = (await ctl(...args)).out
    expect(text).toContain('No limit was violated.')
    expect(text).toContain(report.digest)
  })

  test('ends with 1 when a limit was violated, and names it', async () => {
    const input = join(folder, 'over.csv')
    writeFileSync(input, 'time,main.loadW.l1\n2026-06-01T00:00:00Z,9000\n')
    const { code, out } = await ctl('simulate', '--site', siteFile, '--days', '0.01', '--input', input)
    expect(code).toBe(1)
    expect(out).toMatch(/^1 limit violated: main\.fuse\.l1 \(1 times\)\./)
  })

  test.each([
    [['simulate'], '--site is missing'],
    [['simulate', '--site', 'SITE', '--days', '0'], '--days'],
    [['simulate', '--site', 'SITE', '--days', 'NaN'], '--days'],
    [['simulate', '--site', 'SITE', '--start', 'noon'], '--start'],
    [['simulate', '--site', 'SITE', '--cycle-ms', '1'], '--cycle-ms'],
    [['simulate', '--site', 'SITE', '--column', 'x'], '--column'],
    [['simulate', '--site', 'SITE', '--steps', '5'], '--steps'],
    [['simulate', '--site', 'SITE', '--soc', '101'], '--soc'],
    [['replay'], '--capture is missing'],
    [['explain'], '--device is missing'],
    [['capture', '--seconds', '0'], '--seconds'],
  ])('%j is a usage error', async (args, words) => {
    const { code, err } = await ctl(...args.map((arg) => (arg === 'SITE' ? siteFile : arg)))
    expect(code).toBe(2)
    expect(err).toContain(words)
  })

  test('a file that is not there is one sentence', async () => {
    const { code, err } = await ctl('simulate', '--site', siteFile, '--input', join(folder, 'none.csv'))
    expect(code).toBe(1)
    expect(err).toContain('none.csv cannot be read')
  })
})

describe('r-emsctl replay', () => {
  let file: string
  let digest: string
  beforeAll(async () => {
    file = join(folder, 'capture.jsonl.gz')
    await using capture = captureFile(file, homeSite)
    const fromMs = Date.UTC(2026, 5, 1, 18)
    digest = simulate({ site: homeSite, fromMs, toMs: fromMs + 120_000, onStep: capture.add }).digest
  })

  test('reproduces what was decided, byte for byte', async () => {
    const { code, out } = await ctl('replay', '--capture', file, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ identical: true, steps: 120, digest, recordedDigest: digest })
    expect((await ctl('replay', '--capture', file)).out).toContain('byte for byte')
  })

  test('finds the step whose record was changed', async () => {
    const lines = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n')
    const changed = lines.map((line, index) => (index === 40 ? line.replace(/"e":1/, '"e":1,"h":"0000"') : line))
    const other = join(folder, 'changed.jsonl.gz')
    writeFileSync(other, gzipSync(`${changed.join('\n').replaceAll(/("h":"0000")(.*),"h":"[0-9a-f]+"/g, '$1$2')}\n`))
    const { code, out } = await ctl('replay', '--capture', other, '--json')
    const report = JSON.parse(out) as ReplayReport
    expect(code).toBe(1)
    expect(report.identical).toBe(false)
    expect(report.firstDifference?.atMs).toBe(Date.UTC(2026, 5, 1, 18, 0, 40))
  })

  test('compares a candidate under the recorded circumstances', async () => {
    const { code, out } = await ctl('replay', '--capture', file, '--site', siteFile, '--json')
    expect(code).toBe(0)
    const { comparison } = JSON.parse(out) as { comparison: { present: SimulationReport; candidate: SimulationReport } }
    expect(comparison.present.digest).toBe(comparison.candidate.digest)
  })

  test('says of a file that is no capture that it is none', async () => {
    const { code, err } = await ctl('replay', '--capture', siteFile)
    expect(code).toBe(1)
    expect(err).toContain('is no capture')
  })
})

test('an explanation begins with the sentence', () => {
  const text = describeExplanation({
    device: 'wallbox',
    atMs: 0,
    setpoints: [
      {
        command: 'setCurrentA',
        unit: 'A',
        value: 8,
        outcome: 'confirmed',
        sinceMs: 0,
        atMs: 0,
        reasons: [
          { rule: 'fuse', tier: 'physical', text: 'L2 of Main has 8 A left' },
          { rule: 'fast', tier: 'economic', text: 'takes what the limits leave' },
        ],
      },
    ],
  })
  expect(text.split('\n')).toEqual([
    'wallbox setCurrentA 8 A: L2 of Main has 8 A left.',
    '  since    1970-01-01T00:00:00Z',
    '  outcome  confirmed',
    '  1. physical, fuse: L2 of Main has 8 A left',
    '  2. economic, fast: takes what the limits leave',
    '',
  ])
})
