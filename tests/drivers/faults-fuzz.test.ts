import { expect, test } from 'vitest'
import { createRandom } from './line/random.ts'
import { fuzz } from './fuzz/campaign.ts'
import { mutate } from './fuzz/mutate.ts'
import { targets } from './fuzz/targets.ts'

test.each(targets.map((target) => [target.name, target] as const))(
  '%s: mutated bytes neither crash it nor are believed',
  async (_, target) => {
    expect(await fuzz(target, 4000, 1)).not.toHaveProperty('failure')
  },
)

test('the fuzzer finds a parser that believes a wrong length', async () => {
  const [seed] = targets[0]!.seeds
  const careless = {
    name: 'careless',
    seeds: [seed!],
    run(input: Buffer) {
      if (input.length > 3 && input[2] !== input.length - 3) throw new Error('found')
    },
  }
  expect(await fuzz(careless, 500, 1)).toHaveProperty('failure.error', expect.stringContaining('found'))
})

test('the same seed makes the same inputs', () => {
  const [corpus, mutants] = [targets[0]!.seeds, [1, 1].map((seed) => createRandom(seed))]
  const [a, b] = mutants.map((random) => Array.from({ length: 200 }, () => mutate(corpus[0]!, corpus, random)))
  expect(a).toEqual(b)
  expect(new Set(a!.map((bytes) => bytes.toString('hex'))).size).toBeGreaterThan(100)
})
