import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodePoint } from '../../../service/pointmap/codec.ts'
import { loadPointMap } from '../../../service/pointmap/load.ts'
import { needsSunspecWalk, resolveMap } from '../../../service/pointmap/resolve.ts'
import { loadSunspecModels } from '../../../service/pointmap/sunspec/models.ts'
import { walkSunspec } from '../../../service/pointmap/sunspec/walk.ts'
import type { SunspecLayout } from '../../../service/pointmap/types.ts'
import {
  isCompound,
  isLabel,
  ourValue,
  pointFor,
  powerOf,
  sameReading,
  wordsOf,
} from '../../drivers/support/register-compare.ts'
import { type Fact, dumpsMissing, loadDump, readFact, subjects } from '../../drivers/support/register-facts.ts'
import { imageOf, pointOf, pointmaps } from './helpers.ts'

const seeds = 200
const models = loadSunspecModels(join(pointmaps, 'sunspec', 'models'))

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Words that mean something special somewhere: not available, the ends of the ranges, infinity and NaN. */
const special = [0, 1, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff, 0x7f80, 0xff80, 0x7fc0]

/** Words for one fact: any, special ones, and such that make a text, a time or a scale factor now and then. */
function wordsFor(fact: Fact, random: () => number): number[] {
  const whole = (below: number) => Math.floor(random() * below)
  const each = (make: () => number) => fact.addresses.map(make)
  if (fact.type === 'serial' || fact.type === 'string') return each(() => (0x30 + whole(42)) * 256 + 0x30 + whole(42))
  if (fact.type === 'Timestamp' && random() < 0.9) {
    const [month, day, hour, minute, second] = [1 + whole(12), 1 + whole(31), whole(24), whole(60), whole(60)]
    return [whole(100) * 256 + month, day * 256 + hour, minute * 256 + second]
  }
  if (fact.type === 'datetime' && random() < 0.9)
    return [whole(100), 1 + whole(12), 1 + whole(31), whole(24), whole(60), whole(60)]
  if (fact.type === 'sunssf' && random() < 0.8) return [(whole(21) - 10) & 0xffff]
  const kind = random()
  if (kind < 0.15) return each(() => 0xffff)
  if (kind < 0.3) return each(() => special[whole(special.length)]!)
  if (kind < 0.4) return [0x8000, ...fact.addresses.slice(1).map(() => 0)]
  return each(() => whole(65_536))
}

async function layoutOf(words: (address: number) => number | undefined): Promise<SunspecLayout | undefined> {
  return walkSunspec(async (address, count) => {
    const block = Array.from({ length: count }, (_, index) => words(address + index))
    return block.every((word) => word !== undefined) ? block : undefined
  })
}

const withValues = subjects.filter(({ values }) => values > 0)

describe.skipIf(dumpsMissing !== undefined)(
  `the registers behind expected values, randomised${dumpsMissing ? ` (${dumpsMissing})` : ''}`,
  () => {
    test.each(withValues)('$file', async ({ file, map: id }) => {
      const dump = loadDump(file)
      const loaded = loadPointMap(id, [pointmaps])
      const layout = needsSunspecWalk(loaded) ? await layoutOf((address) => dump.word('holding', address)) : undefined
      const map = resolveMap(loaded, layout, models)
      const facts = dump.facts.filter((fact) => !isLabel(fact))
      const checked = facts.filter((fact) => !isCompound(fact))
      let available = 0
      for (let seed = 1; seed <= seeds; seed++) {
        const random = randomFrom(seed)
        const words = new Map<string, number>()
        for (const fact of facts)
          for (const [index, word] of wordsFor(fact, random).entries())
            words.set(`${fact.space} ${fact.addresses[index]}`, word)
        const image = { word: (space: string, address: number) => words.get(`${space} ${address}`) }
        for (const fact of checked) {
          const point = pointFor(fact, map)!
          const raw = readFact(fact, wordsOf(image, fact))
          const wanted = ourValue(fact, raw, point, powerOf(fact, facts, layout, image))
          const decoded = decodePoint(point, image)
          const value = decoded.ok ? decoded.value : undefined
          if (!sameReading(value, wanted, raw))
            expect.fail(
              `seed ${seed}, ${fact.name} (${fact.type}) in ${point.name}: ${wordsOf(image, fact).join(' ')} is ` +
                `${JSON.stringify(value)}, not ${JSON.stringify(wanted)}`,
            )
          if (decoded.ok) available += 1
        }
      }
      // Enough of both: values, and registers that say nothing or nonsense.
      expect(available).toBeGreaterThan(checked.length * seeds * 0.2)
      expect(available).toBeLessThan(checked.length * seeds)
    })
  },
)

test('a byte of a register can have words, too', () => {
  const values = { 2: 'producing', 255: 'never' }
  const decode = (type: string, word: number) => decodePoint(pointOf(type, { values }), imageOf([word]))
  expect(decode('uint8h', 0x02ff)).toMatchObject({ value: 'producing' })
  expect(decode('int8l', 0xff02)).toMatchObject({ value: 'producing' })
  expect(decode('uint8l', 0x02ff)).toMatchObject({ value: 'never' })
  expect(decode('int8l', 0x02ff)).toMatchObject({ value: '-1' })
})
