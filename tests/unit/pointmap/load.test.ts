import { mkdtemp, mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EdgeError } from '../../../service/contract/errors.ts'
import { checkPointMap, loadPointMap, parsePointMap } from '../../../service/pointmap/load.ts'
import { resolveMap } from '../../../service/pointmap/resolve.ts'
import { pointmaps } from './helpers.ts'

const head = `format: 1
maker: Acme
model: One
kind: meter
`
const good = `${head}points:
  powerW: { address: 10, type: int32, pollGroup: fast }
  voltageV.l1: { address: 20, type: uint16, scale: 0.1 }
  socPercent: { address: 30, type: uint16 }
`
const none = () => undefined

/** Problems as `line:column message`. */
function problems(text: string, base: Readonly<Record<string, string>> = {}): string[] {
  const check = checkPointMap(text, 'maps/acme/one.yaml', (id) =>
    base[id] === undefined ? undefined : { text: base[id], file: `maps/${id}.yaml` },
  )
  return (check.problems ?? []).map(
    ({ file, line, column, message }) =>
      `${file === 'maps/acme/one.yaml' ? '' : `${file}:`}${line}:${column} ${message}`,
  )
}

describe('mistakes are named with line, column and what is allowed', () => {
  const point = (text: string) => `${head}points:\n  ${text}\n`
  /** The mark » stands where the problem must be reported. */
  test.each<[string, string, string]>([
    ['unknown key', good.replace('scale:', '»scal:'), 'unknown key "scal"; did you mean "scale"?'],
    [
      'unknown point name',
      good.replace('socPercent', '»socPercnt'),
      '"socPercnt" is not in the vocabulary [subsystem[.index].]metric[.phase]; did you mean "socPercent"?',
    ],
    [
      'unknown phase',
      good.replace('voltageV.l1', '»voltageV.l4'),
      '"voltageV.l4" is not in the vocabulary [subsystem[.index].]metric[.phase]',
    ],
    [
      'unknown subsystem',
      good.replace('powerW', '»batery.powerW'),
      '"batery.powerW" is not in the vocabulary [subsystem[.index].]metric[.phase]; did you mean "battery"?',
    ],
    [
      'unknown type',
      good.replace('int32', '»int33'),
      'the text "int33" does not fit: not a register type; see pointmaps/README.md for the list',
    ],
    ['missing key', `»${good.replace('maker: Acme\n', '')}`, 'the key "maker" is missing'],
    [
      'wrong kind',
      good.replace('kind: meter', 'kind: »metre'),
      'the text "metre" is not allowed here; did you mean "meter"?',
    ],
    ['wrong kind of value', good.replace('scale: 0.1', 'scale: »big'), 'expected a number, found the text "big"'],
    ['duplicate key', good.replace('voltageV.l1', '»powerW'), 'the key "powerW" is given twice'],
    ['unknown tag', good.replace('maker: Acme', 'maker: »!secret Acme'), 'Unresolved tag: !secret'],
    [
      'syntax',
      good.replace('int32, pollGroup: fast }', 'int32, pollGroup: fast ]').replace(']', '»]'),
      'Flow map in block collection must be sufficiently indented and end with a }',
    ],
    [
      'overlap',
      good.replace('voltageV.l1', '»voltageV.l1').replace('address: 20', 'address: 11'),
      'shares registers with powerW; correct one, or say why with overlapReason',
    ],
    ['unknown unit', good.replace('scale: 0.1', 'unit: »mv'), '"mv" is not a unit of this metric; did you mean "mV"?'],
    ['unit on a text', point("serial: { address: 40, type: 'string:4', unit: »W }"), 'this metric has no unit'],
    [
      'values on a number',
      good.replace('scale: 0.1', '»values: { 0: off }'),
      'words belong to enum, bool and bit types, not to uint16',
    ],
    [
      'bits on a number',
      good.replace('scale: 0.1', '»bits: { 0: off }'),
      'names of bits belong to flags types, not to uint16',
    ],
    ['bit outside', point('faults: { address: 40, type: flags16, bits: { 16: »x } }'), 'flags16 has bits 0 to 15'],
    [
      'enum value too large',
      point('operatingState: { address: 40, type: enum16, values: { 65536: »x } }'),
      '65536 does not fit enum16',
    ],
    [
      'wrong count of registers',
      good.replace('address: 10', '»address: [10, 12, 14]'),
      'int32 takes 2 registers, but 3 addresses are listed',
    ],
    ['past the end', good.replace('address: 10', 'address: »65535'), 'int32 takes 2 registers and runs past 65535'],
    [
      'word order of one register',
      good.replace('scale: 0.1', 'wordOrder: »little'),
      'uint16 is a single register and has no word order',
    ],
    [
      'text for a number',
      good.replace('type: int32', "type: »'string:2'"),
      'string:2 does not give a number, which this metric is',
    ],
    [
      'scaled text',
      point("serial: { address: 40, type: 'string:4', scale: »2 }"),
      'string:4 is not a number and cannot be scaled',
    ],
    ['type missing', point('»powerW: { address: 10 }'), 'the key "type" is missing, here or in defaults'],
    ['address missing', point('»powerW: { type: int32 }'), 'needs either address or sunspec'],
    [
      'type of a SunSpec point',
      point('powerW: { sunspec: { model: 103, point: W }, type: »int16 }'),
      'the SunSpec model says what type is; remove it',
    ],
    ['sentinel too large', good.replace('scale: 0.1', 'sentinels: [»0x1FFFF]'), '131071 does not fit uint16'],
    ['scale of zero', good.replace('scale: 0.1', 'scale: »0'), 'must be a finite number other than 0'],
    ['range backwards', good.replace('scale: 0.1', '»range: [5, 1]'), 'the range runs backwards'],
    [
      'in a hole',
      good.replace('powerW', '»powerW') + 'quirks: { holes: [[11, 12]] }\n',
      'lies in the hole 11 to 12 declared in quirks.holes',
    ],
    [
      'coil with a number',
      good.replace('type: uint16, scale: 0.1', 'type: »uint16, function: coil'),
      'a coil is a single bit: bool',
    ],
    [
      'sign nowhere',
      good.replace('scale: 0.1', 'negativeWhen: { point: »powerFactor, equals: 1 }'),
      'there is no point powerFactor',
    ],
    [
      'derived from nothing',
      `${good}derived: { »powerW.l1: { sum: [{ point: powerW.l2 }] } }\n`,
      'there is no point powerW.l2',
    ],
    [
      'derived twice',
      `${good}derived: { »powerW: { sum: [{ point: powerW }] } }\n`,
      'is also a point; a name means one thing',
    ],
    [
      'slow pattern',
      `${good}identify: [{ address: 0, type: 'string:4', matches: »'(a+)+$', weight: 1, evidence: x }]\n`,
      'look-around, back-references and nested repetition are not allowed',
    ],
    [
      'probe without test',
      `${good}identify: [»{ address: 0, type: uint16, weight: 1, evidence: x }]\n`,
      'needs equals, oneOf, range or matches',
    ],
    ['no points', `${head}»points: {}\n`, 'a map needs at least one point'],
  ])('%s', (_name, marked, message) => {
    const before = marked.slice(0, marked.indexOf('»')).split('\n')
    expect(problems(marked.replace('»', ''))).toContain(`${before.length}:${before.at(-1)!.length + 1} ${message}`)
  })

  test('an overlap with a reason, and parts of one register, are fine', () => {
    expect(
      problems(
        good.replace('address: 20, type: uint16', 'address: 11, type: uint16, overlapReason: low word is the voltage'),
      ),
    ).toEqual([])
    const parts = `${head}points:\n  operatingState: { address: 5, type: 'bit:0' }\n  setpointW: { address: 5, type: uint8h }\n  socPercent: { address: 5, type: 'bit:1' }\n`
    expect(problems(parts)).toEqual([])
  })

  test('thrown as one error that shows the first problems', () => {
    const broken = good.replace('scale:', 'scal:').replace('int32', 'int33')
    expect(() => parsePointMap(broken, 'pointmaps/acme/one.yaml', none)).toThrow(EdgeError)
    expect(() => parsePointMap(broken, 'pointmaps/acme/one.yaml', none)).toThrow(
      /^pointmaps\/acme\/one\.yaml:6:32: .*\npointmaps\/acme\/one\.yaml:7:45: .*allowed: /,
    )
  })
})

describe('commands', () => {
  const command = (text: string) =>
    `${good}  setpointW: { address: 50, type: int16 }\ncommands:\n  setPowerW:\n${text.replaceAll(/^/gm, '    ')}\n`
  const whole = `unit: W
limits: { min: -5000, max: 5000 }
writes:
  - { address: 50, type: int16, value: $value }
release:
  - { address: 51, type: uint16, value: 0 }
expiry: { kind: none }
safeValue: release
storage: volatile`

  test('a complete one passes', () => expect(problems(command(whole))).toEqual([]))

  test.each<[string, string, string]>([
    ['without limits', whole.replace(/limits.*\n/, ''), 'the key "limits" is missing'],
    [
      'limits of an unknown point',
      whole.replace('min: -5000', 'min: { point: chargeLimitW }'),
      'there is no point chargeLimitW',
    ],
    ['limits in another unit', whole.replace('min: -5000', 'min: { point: socPercent }'), 'socPercent is not in W'],
    ['limits backwards', whole.replace('min: -5000', 'min: 6000'), 'min 6000 is above max 5000'],
    ['wrong unit', whole.replace('unit: W', 'unit: kW'), 'setPowerW is in W'],
    ['nothing written', whole.replace('$value', '1'), 'none of the writes carries $value'],
    [
      'text written',
      whole.replace('type: int16, value', "type: 'string:2', value"),
      'a command can only write numbers',
    ],
    ['value in the release', whole.replace('value: 0', 'value: $value'), 'must be a constant here'],
    [
      'expiry nowhere',
      whole.replace('value: $value', 'value: $value }\n  - { address: 52, type: uint16, value: $expiryS'),
      '$expiryS needs an expiry of the device',
    ],
    ['unsafe safe value', whole.replace('safeValue: release', 'safeValue: 9000'), '9000 is outside the limits'],
    ['release without writes', whole.replace(/release:\n.*\n/, ''), 'release needs the writes that release control'],
    [
      'wear',
      whole.replace('storage: volatile', 'storage: non-volatile'),
      'non-volatile registers wear out: add dailyWrites',
    ],
    [
      'wear by renewal',
      whole
        .replace('storage: volatile', 'storage: non-volatile\ndailyWrites: 5')
        .replace('kind: none', 'kind: reversion, seconds: 30, fallback: standby'),
      'a register that wears out does not bear',
    ],
    ['constant too large', whole.replace('value: 0', 'value: 70000'), '70000 does not fit the register'],
    [
      'unknown expiry',
      whole.replace('kind: none', 'kind: nonne'),
      'the text "nonne" is not allowed here; did you mean "none"?',
    ],
    ['unknown command', whole.replace('unit', 'unitt'), 'unknown key "unitt"; did you mean "unit"?'],
  ])('%s', (_name, text, expected) => {
    expect(problems(command(text)).join('\n')).toContain(expected)
  })

  test('an unknown command is named with the nearest known one', () => {
    expect(problems(command(whole).replace('setPowerW', 'setPowrW')).join()).toContain('did you mean "setPowerW"?')
  })
})

describe('families', () => {
  const base = `${good}  setpointW: { address: 50, type: int16 }\nquirks: { maxReadRegisters: 50, requestGapMs: 20 }\n`
  const child = `${head}extends: acme/base\nquirks: { requestGapMs: 5 }\npoints:\n  socPercent: null\n  powerW: { address: 12, type: int32 }\n`

  test('points are replaced one by one or removed, settings merged key by key', () => {
    const loaded = parsePointMap(child, 'maps/acme/one.yaml', () => ({ text: base, file: 'maps/acme/base.yaml' }))
    expect(Object.keys(loaded.map.points)).toEqual(['powerW', 'voltageV.l1', 'setpointW'])
    expect(loaded.map.points['powerW']).toEqual({ address: 12, type: 'int32' })
    expect(loaded.map.quirks).toEqual({ maxReadRegisters: 50, requestGapMs: 5 })
    expect(loaded.id).toBe('acme/one')
  })

  test('circles, missing and broken bases are refused', () => {
    expect(problems(child)).toEqual(['5:10 there is no point map "acme/base"'])
    expect(problems(child, { 'acme/base': child.replace('acme/base', 'acme/one'), 'acme/one': child })).toEqual([
      'maps/acme/base.yaml:5:10 the maps extend each other in a circle: maps/acme/one.yaml -> maps/acme/base.yaml -> maps/acme/one.yaml',
    ])
    expect(problems(child, { 'acme/base': base.replace('int32', 'int33') })[0]).toMatch(/^maps\/acme\/base\.yaml:6:32 /)
    expect(problems(child.replace('address: 12', 'address: 19'), { 'acme/base': base })).toEqual([
      '7:1 shares registers with powerW; correct one, or say why with overlapReason',
    ])
  })

  test('the hash follows the content, not the order of keys', () => {
    const hash = (text: string) => parsePointMap(text, 'a/b.yaml', none).hash
    const turned = good.replace('maker: Acme\nmodel: One', 'model: One\nmaker: Acme')
    expect(hash(turned)).toBe(hash(good))
    expect(hash(good.replace('address: 10', 'address: 8'))).not.toBe(hash(good))
    expect(hash(good)).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('files', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maps-'))
    await mkdir(join(folder, 'acme'))
    await writeFile(join(folder, 'acme', 'one.yaml'), good)
    await writeFile(join(folder, 'acme', 'huge.yaml'), good)
    // More than Node.js would read at once, and nothing on the disk.
    await truncate(join(folder, 'acme', 'huge.yaml'), 3 * 2 ** 30)
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('the first folder that has the map wins', () => {
    expect(loadPointMap('acme/one', [folder, pointmaps]).map.maker).toBe('Acme')
    expect(loadPointMap('eastron/sdm630', [folder, pointmaps]).map.maker).toBe('Eastron')
  })

  test('an unknown map names the nearest; a path is not a name', () => {
    expect(() => loadPointMap('eastron/sdm360', [folder, pointmaps])).toThrow(/did you mean "eastron\/sdm630"/)
    expect(() => loadPointMap('../acme/one', [folder])).toThrow(/there is no point map/)
  })

  test('3 GB are refused without being read', () =>
    expect(() => loadPointMap('acme/huge', [folder])).toThrow(/larger than 1 MB/))
})

test('resolving converts units and signs once', () => {
  const text = `${head}defaults: { type: int16 }\npoints:\n  powerW: { address: 1, scale: -0.1, unit: kW }\n  energyImportWh: { address: 2, unit: kWh, scale: 0.1 }\n`
  const { points } = resolveMap(parsePointMap(text, 'a/b.yaml', none))
  expect(points.map(({ unit, scale }) => [unit, scale])).toEqual([
    ['W', -100],
    ['Wh', 100],
  ])
})
