import { measured } from '../support/stalls.ts'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { events } from '#contract/api.ts'
import { batteryOnTheWire, clientOf } from './client.ts'
import { plantPid, startService } from './service-process.ts'

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe.concurrent('dying', () => {
  it('S3: after kill -9 of the service the battery falls back by its own timer', { timeout: 60_000 }, async () => {
    await using service = await startService(['--demo'])
    const client = clientOf(service)
    await client.flowUntil(
      ({ setpoints }) => setpoints[0]?.outcome === 'confirmed' && Math.abs(setpoints[0].value) > 100,
    )
    await using wire = await client.wire('battery')
    service.child.kill('SIGKILL')
    await once(service.child, 'exit')
    const killedAtMs = performance.now()
    const before = await batteryOnTheWire(wire)
    expect(before.enabled).toBe(true)
    expect(Math.abs(before.setpointW)).toBeGreaterThan(100)
    for (;;) {
      const { enabled, setpointW } = await batteryOnTheWire(wire)
      const afterS = (performance.now() - killedAtMs) / 1000
      if (!enabled) {
        expect(setpointW).toBe(0)
        expect(afterS).toBeLessThanOrEqual(31)
        break
      }
      expect(afterS).toBeLessThan(31)
      await delay(250)
    }
  })

  it(
    'S7: kill -9 of the plant makes no cycle late and no value 0',
    { timeout: 60_000 },
    measured(async () => {
      await using service = await startService(['--demo'])
      const client = clientOf(service)
      await client.flowUntil(({ load }) => load.powerW !== undefined)
      process.kill(plantPid(service), 'SIGKILL')
      const dark = await client.flowUntil(
        ({ grid, battery }) => grid.powerW === undefined && battery.powerW === undefined,
      )
      expect(dark.grid.quality).not.toBe('good')
      expect(dark.grid.reason).toBeTruthy()
      expect(dark.load).not.toHaveProperty('powerW')
      await client.flowUntil(({ cycle }) => cycle >= dark.cycle + 5)
      const status = await client.status()
      expect(status.cycle.overruns).toBe(0)
      expect(status.cycle.latenessMs.p50).toBeLessThan(50)
      const { status: health, faults } = await client.health()
      expect(health).toBe('degraded')
      expect(faults.map(({ code }) => code)).toEqual(expect.arrayContaining(['plant.ended', 'device.silent']))
      expect(faults.every(({ message, action }) => message && action)).toBe(true)
    }),
  )

  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s stops within two seconds, gives the battery back and leaves no process',
    async (signal) => {
      await using service = await startService(['--demo'])
      const client = clientOf(service)
      await client.flowUntil(({ setpoints }) => setpoints[0]?.outcome === 'confirmed')
      const plant = plantPid(service)
      const startMs = performance.now()
      service.child.kill(signal)
      const [code] = (await once(service.child, 'exit')) as [number | null]
      expect(performance.now() - startMs).toBeLessThan(2_000)
      expect(code).toBe(0)
      expect(alive(plant)).toBe(false)
    },
  )

  it('killed while writing, it starts again with its history', { timeout: 60_000 }, async () => {
    await using first = await startService(['--demo'])
    await clientOf(first).flowUntil(({ cycle }) => cycle >= 4)
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    await using second = await startService(['--demo'], { dataFolder: first.dataFolder })
    const client = clientOf(second)
    await client.flowUntil(({ load }) => load.powerW !== undefined)
    const { events: log } = await client.get('/api/v1/events', events)
    expect(log.filter(({ code }) => code === 'service.started')).toHaveLength(2)
    expect((await client.health()).faults).toEqual([])
  })
})
