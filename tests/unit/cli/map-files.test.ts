import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type MapExportResult, mapExportResult, mapImportResult } from '#contract/map-import.ts'
import { run } from '../../../service/cli/run.ts'
import { fakeTerminal } from './terminal.ts'

let folder: string
const file = (name: string, text = ''): string => {
  const path = join(folder, name)
  if (text !== '') writeFileSync(path, text)
  return path
}
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-map-files-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function map(...args: string[]) {
  const { terminal, out, err } = fakeTerminal()
  const code = await run(['map', ...args], terminal)
  return { code, out: out(), err: err() }
}
const table = 'where,what,how\n11,Grid frequency,uint16\n12,Nothing,int17\n'

describe('map import', () => {
  it('prints a draft, and what was left out and assumed beside it', async () => {
    const path = file('table.csv', table)
    const { code, out, err } = await map(
      'import',
      path,
      '--columns',
      'address=1;name=2;type=3',
      '--base',
      '1',
      '--maker',
      'Acme',
    )
    expect(code).toBe(0)
    expect(out).toContain('maker: Acme')
    expect(out).toContain('address: 10')
    expect(err).toContain('1 point imported, 0 computed, 1 left out')
    expect(err).toContain('left out: table.csv:3 Nothing: the type "int17" has no counterpart here')
  })

  it('writes a file that passes the checks, and replaces none', async () => {
    const path = file('plain.csv', 'address,name,type,unit\n11,Grid frequency,uint16,0.01Hz\n')
    const to = file('plain.yaml')
    const { code, out } = await map('import', path, '--out', to, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ verdict: 'imported', report: { counts: { points: 1 } } })
    expect(JSON.parse(out)).not.toHaveProperty('draft')
    await expect(map('lint', to)).resolves.toMatchObject({ code: 0 })
    const before = readFileSync(to, 'utf8')
    const again = await map('import', path, '--out', to)
    expect(again).toMatchObject({ code: 1 })
    expect(again.err).toContain('exists already')
    expect(readFileSync(to, 'utf8')).toBe(before)
    expect((await map('import', path, '--out', file('plain.txt'))).code).toBe(2)
  })

  it('refuses with place and reason, and exit code 1', async () => {
    const path = file('bad.csv', table)
    const { code, err } = await map('import', path)
    expect(code).toBe(1)
    expect(err).toMatch(/^bad\.csv:1: no column holds the addresses of registers; its columns are where, what, how/)
    const json = await map('import', path, '--json')
    expect(mapImportResult.parse(JSON.parse(json.out))).toMatchObject({
      verdict: 'refused',
      report: { table: { titles: ['where', 'what', 'how'] } },
    })
    expect(json.code).toBe(1)
  })

  it('makes a table of several files', async () => {
    const good = file('good.csv', 'address,name,type\n1,A,int16\n')
    const { code, out } = await map('import', good, file('bad.csv', table), '--json')
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      files: [
        { verdict: 'imported', points: 1 },
        { verdict: 'refused', points: 0 },
      ],
    })
    expect((await map('import', good, good)).out).toMatch(/file +format +points/)
  })

  it.each([
    [['--format', 'opcua'], /--format: "opcua" is not allowed; choose auto, evcc,/],
    [['--base', '7'], /--base: "7" is not allowed/],
    [['--unit', '900'], /--unit: "900" is not allowed/],
    [['--title-row', 'x'], /--title-row: "x" is not allowed/],
  ])('refuses %s with exit code 2', async (flags, expected) => {
    const { code, err } = await map('import', file('good.csv', 'address,name\n1,A\n'), ...flags)
    expect(err).toMatch(expected)
    expect(code).toBe(2)
  })

  it('says that a file is missing', async () => {
    await expect(map('import', join(folder, 'none.csv'))).resolves.toMatchObject({ code: 2 })
    await expect(map('import')).resolves.toMatchObject({ code: 2 })
  })
})

describe('map export', () => {
  it('writes CSV and YAML, and says what they cannot', async () => {
    const csv = await map('export', 'eastron/sdm630', '--format', 'csv')
    expect(csv.code).toBe(0)
    expect(csv.out.split('\r\n')[0]).toBe(
      'name,title,function,address,address (hex),type,word order,scale,offset,unit,values,sentinels',
    )
    const json = await map('export', 'r-ems/demo-battery', '--format', 'home-assistant', '--json')
    const result: MapExportResult = mapExportResult.parse(JSON.parse(json.out))
    expect(result.name).toBe('r-ems-demo-battery.home-assistant.yaml')
    expect(result.left.length).toBeGreaterThan(0)
    const again = await map('import', file('again.csv', csv.out), '--json')
    expect(JSON.parse(again.out)).toMatchObject({ verdict: 'imported', report: { counts: { skipped: 0 } } })
  })

  it('asks for a format it knows and a map that exists', async () => {
    await expect(map('export', 'eastron/sdm630')).resolves.toMatchObject({ code: 2 })
    await expect(map('export', 'eastron/sdm63', '--format', 'csv')).resolves.toMatchObject({ code: 2 })
  })
})
