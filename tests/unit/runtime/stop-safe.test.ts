import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { MapCommand } from '#contract/point-map.ts'
import { failsafeOf, loadProofs } from '../../../service/runtime/failsafe.ts'
import { unsafeForEver } from '../../../service/runtime/held-for-ever.ts'
import { renewalMs } from '../../../service/runtime/renewal.ts'
import { openWriteBudget } from '../../../service/runtime/write-budget.ts'

const command = (given: Partial<MapCommand>): MapCommand => ({
  unit: 'W',
  limits: { min: -5000, max: 5000 },
  writes: [{ address: 1, value: '$value' }],
  expiry: { kind: 'none' },
  safeValue: 0,
  storage: 'volatile',
  ...given,
})

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-stop-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe('S3: what a device holds for ever', () => {
  const charger = { charger: { safeCurrentA: 8 } } as Parameters<typeof unsafeForEver>[3]
  it.each([
    ['a power that is forced', 'setPowerW', command({}), 100, {}, 'only 0 W is safe'],
    ['no power', 'setPowerW', command({}), 0, {}, undefined],
    [
      'a forced power where its own state is safe',
      'setPowerW',
      command({ safeValue: 'release' }),
      -500,
      {},
      'only 0 W',
    ],
    ['a limit above the safe one', 'limitChargeW', command({ safeValue: 1000 }), 1500, {}, '1000 W or less'],
    ['a limit below the safe one', 'limitChargeW', command({ safeValue: 1000 }), 0, {}, undefined],
    [
      'any limit where its own state is safe',
      'limitPowerPercent',
      command({ safeValue: 'release' }),
      80,
      {},
      undefined,
    ],
    [
      'a current above what the map and the site call safe',
      'setCurrentA',
      command({ safeValue: 6 }),
      10,
      charger,
      '8 W',
    ],
    ['a current that the site calls safe', 'setCurrentA', command({ safeValue: 6 }), 8, charger, undefined],
    ['a switch on', 'switchOn', command({}), 1, {}, '0 W or less'],
    ['a smaller reserve', 'setReservePercent', command({ safeValue: 20 }), 10, {}, '20 W or more'],
    ['a larger reserve', 'setReservePercent', command({ safeValue: 20 }), 30, {}, undefined],
  ])('%s', (_, name, declared, value, device, words) => {
    const found = unsafeForEver(name, declared, value, device)
    if (words === undefined) expect(found).toBeUndefined()
    else expect(found).toContain(words)
  })

  it('is anything where the device forgets', () => {
    const forgets = command({ expiry: { kind: 'watchdog', seconds: 60, fallback: '6 A' } })
    expect(unsafeForEver('setPowerW', forgets, 5000, {})).toBeUndefined()
    expect(renewalMs(forgets)).toBe(20_000)
  })
})

describe('failsafe', () => {
  it('says what happens, from the map, with the value that holds now', () => {
    const devices = [
      {
        id: 'battery',
        name: 'Battery',
        mapHash: 'aa',
        commands: new Map([
          ['setPowerW', command({ expiry: { kind: 'reversion', seconds: 30, fallback: 'it goes to standby' } })],
          ['limitChargeW', command({ storage: 'non-volatile', dailyWrites: 5 })],
        ]),
      },
    ]
    const proven = { state: 'proven', atMs: 1, by: 'maria', afterS: 28 } as const
    const known = {
      'battery setPowerW': { mapHash: 'aa', proof: proven },
      'battery limitChargeW': { mapHash: 'bb', proof: proven },
    }
    const found = failsafeOf(devices, known, (_, name) => (name === 'setPowerW' ? 1_500 : undefined))
    expect(found).toMatchObject([
      {
        command: 'setPowerW',
        kind: 'reversion',
        afterS: 30,
        renewedEveryS: 10,
        valueNow: 1_500,
        text: 'If R-EMS stops: 1500 W for at most 30 s, then it goes to standby.',
        proof: proven,
      },
      {
        command: 'limitChargeW',
        kind: 'none',
        text: 'If R-EMS stops: it keeps what it was told last; only values as safe as 0 W are written.',
        // Proven with another map.
        proof: { state: 'not-proven' },
      },
    ])
    expect(found[1]).not.toHaveProperty('renewedEveryS')
  })

  it('has no proof without a file, or with a damaged one', () => {
    const folder = temporaryFolder()
    expect(loadProofs(folder)).toEqual({})
    writeFileSync(join(folder, 'failsafe-proofs.json'), '{')
    expect(loadProofs(folder)).toEqual({})
  })
})

describe('the budget of writes', () => {
  it('is counted over restarts and begins anew each day, but not when the clock is set back', async () => {
    const folder = temporaryFolder()
    const dayMs = 86_400_000
    let nowMs = 20_000 * dayMs + 1
    const first = await openWriteBudget(folder, () => nowMs)
    first.spend('a setPowerW')
    first.spend('a setPowerW')
    await first.stored()
    const second = await openWriteBudget(folder, () => nowMs)
    expect([second.left('a setPowerW', 3), second.left('b setPowerW', 3)]).toEqual([1, 3])
    nowMs -= dayMs
    expect(second.left('a setPowerW', 3)).toBe(1)
    nowMs += 2 * dayMs
    expect(second.left('a setPowerW', 3)).toBe(3)
    second.spend('a setPowerW')
    await second.stored()
    expect(JSON.parse(readFileSync(join(folder, 'write-budget.json'), 'utf8'))).toMatchObject({
      counts: { 'a setPowerW': 1 },
    })
    writeFileSync(join(folder, 'write-budget.json'), 'damaged')
    expect((await openWriteBudget(folder, () => nowMs)).left('a setPowerW', 3)).toBe(3)
  })
})
