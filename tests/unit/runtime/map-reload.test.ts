import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Fault } from '#contract/api.ts'
import { loadPointMap } from '../../../service/pointmap/load.ts'
import type { LoadedMap } from '../../../service/pointmap/types.ts'
import { loadConfirmedMaps } from '../../../service/runtime/confirmed-maps.ts'
import { createFaults } from '../../../service/runtime/faults.ts'
import { createMapReload } from '../../../service/runtime/map-reload.ts'

const mapText = (scale: number) => `format: 1
maker: Test
model: Meter
kind: meter
points:
  powerW: { address: 0, function: input, type: int16, scale: ${scale} }
`

describe('changed maps', () => {
  let folder: string
  let faults: ReturnType<typeof createFaults>
  const control = { enabled: false, dryRun: false, reason: '' }
  const write = (text: string) => writeFileSync(join(folder, 'test/meter.yaml'), text)
  const load = (id: string): LoadedMap => loadPointMap(id, [folder])
  const codes = (): string[] => faults.list().map(({ code }: Fault) => code)

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'r-ems-maps-'))
    mkdirSync(join(folder, 'test'))
    write(mapText(1))
    faults = createFaults(Date.now, () => undefined)
    Object.assign(control, { enabled: false, dryRun: false })
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function reloadable() {
    const user = {
      map: load('test/meter'),
      replaceMap(map: LoadedMap) {
        user.map = map
        return Promise.resolve()
      },
    }
    const reload = createMapReload({
      folders: [],
      users: [user],
      load,
      control: () => control,
      faults,
      used: () => undefined,
    })
    return { user, reload, scale: () => user.map.map.points['powerW']?.scale }
  }

  it('are used at once while control is off', async () => {
    const { reload, scale } = reloadable()
    write(mapText(2))
    await reload.check()
    expect(scale()).toBe(2)
    expect(codes()).toEqual([])
  })

  it('are used at once in dry run', async () => {
    Object.assign(control, { enabled: true, dryRun: true })
    const { reload, scale } = reloadable()
    write(mapText(2))
    await reload.check()
    expect(scale()).toBe(2)
  })

  it('S12: are staged under control, say so, and act after confirmation', async () => {
    Object.assign(control, { enabled: true })
    const { reload, scale } = reloadable()
    write(mapText(-1))
    await reload.check()
    expect(scale()).toBe(1)
    expect(codes()).toEqual(['map.staged'])
    await reload.activate()
    expect(scale()).toBe(-1)
    expect(codes()).toEqual([])
  })

  it('that are taken back are no longer staged', async () => {
    Object.assign(control, { enabled: true })
    const { reload, scale } = reloadable()
    write(mapText(-1))
    await reload.check()
    write(mapText(1))
    await reload.check()
    await reload.activate()
    expect(scale()).toBe(1)
    expect(codes()).toEqual([])
  })

  it('that are broken keep the last good one, say where, and recover', async () => {
    const { reload, scale } = reloadable()
    write(mapText(1).replace('int16', 'int17'))
    await reload.check()
    expect(scale()).toBe(1)
    expect(codes()).toEqual(['map.invalid'])
    expect(faults.list()[0]?.message).toContain('meter.yaml:6:')
    write(mapText(3))
    await reload.check()
    expect(scale()).toBe(3)
    expect(codes()).toEqual([])
  })

  it('S12: that changed while the service was down do not act until they are confirmed', async () => {
    const first = [load('test/meter')]
    const confirmed = await loadConfirmedMaps(folder, () => first, true)
    expect(confirmed.obstacle()).toBeUndefined()
    write(mapText(-1))
    const second = [load('test/meter')]
    const later = await loadConfirmedMaps(folder, () => second, true)
    expect(later.obstacle()).toContain('test/meter')
    await later.confirm()
    expect(later.obstacle()).toBeUndefined()
    expect((await loadConfirmedMaps(folder, () => second, true)).obstacle()).toBeUndefined()
    expect((await loadConfirmedMaps(folder, () => first, true)).obstacle()).toContain('test/meter')
  })
})
