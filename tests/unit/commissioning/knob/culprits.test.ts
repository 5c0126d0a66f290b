import { describe, expect, it } from 'vitest'
import { findCulprits, type Verdict } from '../../../../service/commissioning/knob/culprits.ts'
import { createValueHistory } from '../../../../service/commissioning/values/history.ts'
import { type KnobCase, knobCase } from './plant.ts'

const seeds = Array.from({ length: 100 }, (_, index) => 1 + index)

/** The first culprit covers what was set: its low word may be named alone where the high one never moves. */
function isFound({ culprits: [first] }: Verdict, { address, words }: KnobCase): boolean {
  return first !== undefined && first.address >= address && first.address + first.words <= address + words
}

describe('the wizard of the turned knob', () => {
  it('finds the changed register first in 95 of 100 cases with noise', () => {
    const cases = seeds.map((seed) => knobCase(seed))
    const verdicts = cases.map(({ history, turns }) => findCulprits(history.blocks(), turns))
    const found = cases.filter((each, index) => isFound(verdicts[index]!, each))
    expect(found.length).toBeGreaterThanOrEqual(95)
    const scaled = cases.filter((each, index) => {
      const scale = verdicts[index]!.culprits[0]?.scale
      return scale !== undefined && Math.abs(scale / each.scale - 1) < 1e-9
    })
    expect(scaled.length).toBeGreaterThanOrEqual(90)
  })

  it('says when a second turn is needed, and is right after it, where nobody can say the values', () => {
    const cases = seeds.slice(0, 50).map((seed) => knobCase(seed, { told: false, turns: 2 }))
    const right = cases.filter((each) => isFound(findCulprits(each.history.blocks(), each.turns), each))
    expect(right.length).toBeGreaterThanOrEqual(45)
    const once = cases.map(({ history, turns: [first] }) =>
      findCulprits(
        history.blocks().map((block) => ({
          ...block,
          readings: block.readings.filter(({ atMs }) => atMs < first!.atMs + 20_000),
        })),
        [first!],
      ),
    )
    expect(once.filter(({ advice }) => advice === 'turn-again').length).toBeGreaterThan(0)
  })

  it('names what moved by chance where nothing answers the turn', () => {
    const history = createValueHistory()
    for (let second = 0; second < 40; second++)
      history.record({ unitId: 7, fn: 4, address: 10, words: [5, second % 3, 9], atMs: 1000 * second })
    const verdict = findCulprits(history.blocks(), [{ atMs: 20_500, from: 20, to: 21 }])
    expect(verdict).toMatchObject({ culprits: [], hidden: 1, unmoved: 2, advice: 'larger-change' })
    expect(verdict.byChance).toMatchObject([{ unitId: 7, fn: 4, address: 11 }])
  })

  it('ranks two registers that change alike as equal, and asks for a second turn', () => {
    const history = createValueHistory()
    for (let second = 0; second < 40; second++) {
      const value = second < 20 ? 420 : 450
      history.record({ unitId: 1, fn: 3, address: 0, words: [value, 7, 7, value], atMs: 1000 * second })
    }
    const verdict = findCulprits(history.blocks(), [{ atMs: 19_500, from: 42, to: 45 }])
    expect(verdict.culprits.map(({ address, scale }) => [address, scale])).toEqual([
      [0, 0.1],
      [3, 0.1],
    ])
    expect(verdict.advice).toBe('turn-again')
  })

  it('prefers what the client wrote, and calls what follows later an effect', () => {
    const history = createValueHistory()
    for (let second = 0; second < 40; second++) {
      const turned = second >= 20
      history.record({ unitId: 17, fn: 3, address: 34, words: [turned ? 90 : 84], atMs: 1000 * second })
      const copied = Math.min(450, 420 + Math.max(0, second - 23) * 6)
      history.record({ unitId: 1, fn: 3, address: 18, words: [copied], atMs: 1000 * second + 1 })
      if (second === 0 || second === 20) {
        const words = [second === 0 ? 420 : 450]
        history.record({ unitId: 1, fn: 3, address: 0x102, words, atMs: 1000 * second + 2, written: true })
      }
    }
    const { culprits } = findCulprits(history.blocks(), [{ atMs: 19_500, from: 42, to: 45 }])
    expect(
      culprits.map(({ unitId, address, scale, kind, written }) => [unitId, address, scale, kind, written]),
    ).toEqual([
      [1, 0x102, 0.1, 'cause', true],
      [17, 34, 0.5, 'cause', false],
      [1, 18, 0.1, 'effect', false],
    ])
    expect(culprits[0]?.reason).toContain('this is the command')
  })

  it('counts what changed shortly before the button was pressed as the turn', () => {
    const history = createValueHistory()
    for (let second = 0; second < 40; second++)
      history.record({ unitId: 1, fn: 3, address: 0, words: [second < 20 ? 420 : 450, 3], atMs: 1000 * second })
    const { culprits } = findCulprits(history.blocks(), [{ atMs: 21_400, from: 42, to: 45 }])
    expect(culprits).toMatchObject([{ address: 0, scale: 0.1, delayMs: -1400 }])
  })
})
