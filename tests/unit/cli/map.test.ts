import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../../service/cli/run.ts'
import { fakeTerminal } from './terminal.ts'

const shipped = resolve(import.meta.dirname, '../../../pointmaps')
const good = `format: 1
maker: Acme
model: Meter
kind: meter
connection: { rtu: { baud: 19200, format: '8E1' } }
points:
  powerW: { address: 10, type: int32 }
  voltageV.l1: { address: 0, type: uint16 }
  frequencyHz: { address: 300, type: uint16 }
`

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-maps-'))
  mkdirSync(join(folder, 'acme'))
  writeFileSync(join(folder, 'acme/meter.yaml'), good)
  writeFileSync(
    join(folder, 'acme/child.yaml'),
    `${good.replace('points:', 'extends: acme/meter\npoints:')}  currentA: { address: 20, type: uint16 }\n`,
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function map(...args: string[]) {
  const { terminal, out, err } = fakeTerminal()
  const code = await run(['map', ...args], terminal)
  return { code, out: out(), err: err() }
}

describe('map lint', () => {
  it('finds nothing wrong with the maps of the package', async () => {
    const { code, out } = await map('lint', shipped)
    expect(out).toMatch(/^\d+ files without a problem\n$/)
    expect(code).toBe(0)
  })

  it('names file, line and column, what is wrong and what is allowed', async () => {
    const file = join(folder, 'bad.yaml')
    writeFileSync(file, good.replace('kind: meter', 'kind: metre').replace('int32', 'int33'))
    const { code, out } = await map('lint', file)
    expect(out).toContain(`${file}:4:7: kind: the text "metre" is not allowed here; did you mean "meter"? (allowed: `)
    expect(out).toContain(`${file}:7:`)
    expect(out).toMatch(/2 problems in 1 file\n$/)
    expect(code).toBe(1)
    const json = JSON.parse((await map('lint', '--json', file)).out) as { files: number; problems: object[] }
    expect(json).toMatchObject({ files: 1, problems: [{ file, line: 4, column: 7, path: 'kind' }, { line: 7 }] })
  })

  it('finds the family of a map beside it', async () => {
    await expect(map('lint', join(folder, 'acme'))).resolves.toMatchObject({ code: 0 })
  })

  it.each([
    ['a file larger than memory should be asked to hold', 'big.yaml', 'a'.repeat(10_000_000), 'larger than 1 MB'],
    ['another ending', 'map.yml', good, 'ends in .yaml'],
    ['a bomb', 'bomb.yaml', `a: ${'['.repeat(5000)}`, 'nested too deeply'],
    ['an empty file', 'empty.yaml', '', 'empty'],
    ['a circle', 'acme/circle.yaml', good.replace('points:', 'extends: acme/circle\npoints:'), 'circle'],
  ])('refuses %s', async (_, name, text, words) => {
    const file = join(folder, name)
    writeFileSync(file, text)
    const { code, out } = await map('lint', file)
    rmSync(file)
    expect(out).toContain(words)
    expect(code).toBe(1)
  })

  it('ends with 2 for what does not exist', async () => {
    await expect(map('lint', join(folder, 'none'))).resolves.toMatchObject({ code: 2, out: '' })
    await expect(map('lint')).resolves.toMatchObject({ code: 2 })
  })
})

describe('map plan', () => {
  it('prints the requests and their time against the ideal', async () => {
    const { code, out } = await map('plan', 'acme/meter', '--maps', folder, '--turnaround', '5', '--json')
    expect(code).toBe(0)
    const plan = JSON.parse(out) as { groups: { ms: number; idealMs: number }[]; blocks: { ms: number }[] }
    expect(plan).toMatchObject({
      map: 'acme/meter',
      baud: 19_200,
      format: '8E1',
      turnaroundMs: 5,
      blocks: [
        { group: 'normal', function: 'holding', address: 0, count: 12, points: ['voltageV.l1', 'powerW'] },
        { group: 'normal', function: 'holding', address: 300, count: 1, points: ['frequencyHz'] },
      ],
      groups: [{ group: 'normal', requests: 2, idealRequests: 1 }],
    })
    // 13 characters and two per register, of 11 bits each; two silences of 3.5 characters; the turnaround.
    const characterMs = 11_000 / 19_200
    expect(plan.blocks[0]!.ms).toBeCloseTo((13 + 24 + 7) * characterMs + 5, 1)
    expect(plan.groups[0]!.idealMs).toBeCloseTo((13 + 8 + 7) * characterMs + 5, 1)
    expect(plan.groups[0]!.ms).toBeCloseTo(plan.blocks[0]!.ms + plan.blocks[1]!.ms, 1)
  })

  it('takes a file, and assumes a layout for SunSpec devices', async () => {
    await expect(map('plan', join(folder, 'acme/meter.yaml'))).resolves.toMatchObject({ code: 0 })
    const { out } = await map('plan', 'sunspec/inverter', '--json')
    expect(JSON.parse(out)).toMatchObject({ assumedModels: expect.arrayContaining([1, 103]) })
  })

  it.each([
    [['plan', 'acme/meter', '--baud', '7']],
    [['plan', 'acme/meter', '--format', '9X3']],
    [['plan', 'eastron/sdm']],
    [['plan']],
    [['paint']],
    [[]],
  ])('ends with 2 for %o', async (args) => {
    await expect(map(...args)).resolves.toMatchObject({ code: 2, out: '' })
  })
})

describe('map list and show', () => {
  it('lists own maps with those of the package, and says which are broken', async () => {
    writeFileSync(join(folder, 'acme/broken.yaml'), 'format: 2\n')
    const { out, code } = await map('list', '--maps', folder, '--json')
    rmSync(join(folder, 'acme/broken.yaml'))
    const { maps, broken } = JSON.parse(out) as { maps: { id: string }[]; broken: { id: string }[] }
    expect(maps.map(({ id }) => id)).toEqual(expect.arrayContaining(['acme/meter', 'eastron/sdm630']))
    expect(broken.map(({ id }) => id)).toEqual(['acme/broken'])
    expect(code).toBe(0)
  })

  it('shows a map with what it inherits', async () => {
    const { out } = await map('show', 'acme/child', '--maps', folder, '--json')
    const { map: shown } = JSON.parse(out) as { map: { points: object } }
    expect(Object.keys(shown.points)).toEqual(expect.arrayContaining(['powerW', 'currentA']))
    expect((await map('show', 'acme/child', '--maps', folder)).out).toContain('currentA:')
  })
})
