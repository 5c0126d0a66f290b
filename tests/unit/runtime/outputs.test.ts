import { describe, expect, it } from 'vitest'
import type { MapCommand } from '#contract/point-map.ts'
import { safeSetpoint } from '../../../service/control/limits.ts'
import type { Decision } from '../../../service/control/step.ts'
import type { Guard, GuardedOutcome } from '../../../service/runtime/guard.ts'
import { createOutputs } from '../../../service/runtime/outputs.ts'

const reason = { rule: 'test', tier: 'economic', text: 'because' } as const
const wide = { min: -1e9, max: 1e9, minRule: reason, maxRule: reason }
const decide = (value: number): Decision => ({
  setpoint: safeSetpoint('battery', 'setPowerW', value, false, wide),
  reasons: [reason],
})

const command: MapCommand = {
  unit: 'W',
  limits: { min: -5000, max: 5000 },
  step: 10,
  writes: [{ address: 1, value: '$value' }],
  expiry: { kind: 'reversion', seconds: 30, fallback: '0 W' },
  safeValue: 0,
  storage: 'volatile',
}

function recordingGuard(next: () => Promise<GuardedOutcome>) {
  const writes: number[] = []
  const released: string[] = []
  const guard: Pick<Guard, 'obstacle' | 'write' | 'release'> = {
    obstacle: () => undefined,
    write: ({ value }) => {
      writes.push(value)
      return next()
    },
    release: (deviceId) => {
      released.push(deviceId)
      return next()
    },
  }
  return { guard, writes, released }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('outputs', () => {
  it('writes on change and renews in a third of the reversion time (S3)', async () => {
    const { guard, writes } = recordingGuard(() => Promise.resolve({ outcome: 'confirmed' }))
    const outputs = createOutputs({ guard, command: () => command })
    const send = async (value: number, atMs: number) => {
      const states = outputs.apply([decide(value)], atMs)
      await settle()
      return states[0]?.outcome
    }
    await send(100, 0)
    expect(await send(105, 1_000)).toBe('confirmed') // smaller than the step
    await send(200, 2_000)
    await send(200, 11_900)
    await send(200, 12_000) // 10 s after the last write
    expect(writes).toEqual([100, 200, 200])
  })

  it('a hung write delays nothing and is not repeated behind itself', async () => {
    const { guard, writes } = recordingGuard(() => new Promise(() => undefined))
    const outputs = createOutputs({ guard, command: () => command })
    for (let second = 0; second < 60; second += 1) outputs.apply([decide(second * 100)], second * 1_000)
    await settle()
    expect(writes).toEqual([0])
  })

  it('no decision, no renewal: a hung step lets the device fall back', async () => {
    const { guard, writes } = recordingGuard(() => Promise.resolve({ outcome: 'confirmed' }))
    const outputs = createOutputs({ guard, command: () => command })
    outputs.apply([decide(100)], 0)
    await settle()
    outputs.apply([], 60_000)
    await settle()
    expect(writes).toEqual([100])
  })

  it('releases everything it has written, once', async () => {
    const { guard, released } = recordingGuard(() => Promise.resolve({ outcome: 'confirmed' }))
    const outputs = createOutputs({ guard, command: () => command })
    outputs.apply([decide(100)], 0)
    await settle()
    await outputs.releaseAll('stop')
    await outputs.releaseAll('stop')
    expect(released).toEqual(['battery'])
  })
})
