import { describe, expect, test } from 'vitest'
import { createLibrary } from '../../../../service/cli/library.ts'
import { createBlockTally } from '../../../../service/commissioning/listen/block-tally.ts'
import { createProposer } from '../../../../service/commissioning/listen/proposals.ts'
import type { ListenFrame } from '../../../../service/commissioning/listen/types.ts'

const library = createLibrary()
const proposer = createProposer({ maps: library.all().maps, sunspecModels: library.sunspecModels() })

const base = { number: 0, atMs: 0, endMs: 0, framing: 'rtu', roleBy: 'form', unitId: 1, hex: '' } as const

function readBlock(fc: number, address: number, values: readonly number[]) {
  const place = { server: undefined, unitId: 1, fc, access: 'read', address, count: values.length } as const
  const block = createBlockTally(place)
  const request: ListenFrame = { ...base, role: 'request', fc, address, count: values.length }
  block.requested(request)
  block.answered({ ...base, role: 'answer', fc, values }, request)
  return block
}

function float(...values: number[]): number[] {
  return values.flatMap((value) => {
    const bytes = Buffer.alloc(4)
    bytes.writeFloatBE(value)
    return [bytes.readUInt16BE(0), bytes.readUInt16BE(2)]
  })
}

const text = (value: string, words: number): number[] => {
  const bytes = Buffer.alloc(2 * words)
  bytes.write(value, 'latin1')
  return Array.from({ length: words }, (_, index) => bytes.readUInt16BE(2 * index))
}

describe('names from the library', () => {
  test('for a meter by what is asked of it and what it answers, with reasons', async () => {
    // Voltages, currents and powers of three phases, as a client of an SDM630 asks for them.
    const block = readBlock(4, 0, float(230.1, 231.2, 229.8, 5.1, 4.9, 5.3, 1170, 1130, 1215))
    const { candidates, names } = await proposer.propose(1, [block])
    expect(candidates[0]).toMatchObject({ map: 'eastron/sdm630', vendor: 'Eastron' })
    expect(candidates[0]!.evidence.join('; ')).toMatch(/the map names 18 of the 18 registers that are read/)
    expect(names(block.place).slice(0, 1)).toMatchObject([
      {
        name: 'voltageV.l1',
        address: 0,
        unit: 'V',
        map: 'eastron/sdm630',
        reason: 'eastron/sdm630 has voltageV.l1 in input 0, 1, and it reads 230.1 V',
      },
    ])
  })

  test('not for the same registers with values that cannot be', async () => {
    const right = await proposer.propose(1, [readBlock(4, 0, float(230.1, 231.2, 229.8, 5.1, 4.9, 5.3))])
    const wrong = await proposer.propose(1, [readBlock(4, 0, float(1e20, 3e30, -5e22, 1e-40, 2e-40, 4e25))])
    const ofMeter = (list: typeof right) => list.candidates.find(({ map }) => map === 'eastron/sdm630')
    expect(ofMeter(wrong)!.confidence).toBeLessThan(ofMeter(right)!.confidence / 1.5)
    expect(ofMeter(wrong)!.evidence.join('; ')).toMatch(/but \d of \d are implausible/)
  })

  test('for a SunSpec device whose models were read', async () => {
    const common = [
      0x5375,
      0x6e53,
      1,
      66,
      ...text('Fronius', 16),
      ...text('Symo GEN24 10.0', 16),
      ...Array<number>(8).fill(0),
      ...text('1.30', 8),
      ...text('34567890', 16),
      1,
      0,
    ]
    const inverter = Array<number>(50).fill(0xffff)
    const list = [103, 50, ...inverter, 0xffff, 0]
    const blocks = [readBlock(3, 40_000, common), readBlock(3, 40_000 + common.length, list)]
    const { candidates } = await proposer.propose(1, blocks)
    expect(candidates[0]!.map).toMatch(/^(fronius|sunspec)\//)
  })

  test('for what is written, by the commands of the map', async () => {
    const values = readBlock(3, 47_510, [0, 5000])
    const place = { server: undefined, unitId: 247, fc: 6, access: 'write', address: 47_511, count: 1 } as const
    const written = createBlockTally(place)
    written.requested({ ...base, role: 'request', fc: 6, address: 47_511, count: 1, values: [2] })
    const serial = readBlock(3, 35_003, text('9010KETU00CW0000', 8))
    const { names, candidates } = await proposer.propose(247, [values, serial, written])
    expect(candidates[0]!.vendor).toBe('GoodWe')
    expect(names(place)[0]).toMatchObject({
      reason: expect.stringMatching(/^goodwe\/\S+ writes holding 47511 for \w+$/) as string,
    })
  })

  test('for nobody where nothing fits', async () => {
    const { candidates, names } = await proposer.propose(1, [readBlock(3, 61_234, [1, 2, 3])])
    expect(candidates.filter(({ confidence }) => confidence >= 0.25)).toEqual([])
    expect(names({ server: undefined, unitId: 1, fc: 3, access: 'read', address: 61_234, count: 3 })).toEqual([])
  })
})
