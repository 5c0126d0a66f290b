import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mapImportOptions } from '#contract/map-import.ts'
import type { Clock } from '../../../service/domain/clock.ts'
import { entries } from '../../../service/entries.ts'
import { createMapConverter } from '../../../service/mapimport/in-worker.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'

const options = mapImportOptions.parse({})
const table = new TextEncoder().encode('address,name,type\n1,A value,int16\n')
const map = 'format: 1\nmaker: A\nmodel: B\nkind: meter\npoints:\n  powerW: { address: 1, type: int16 }\n'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-worker-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function scripted(name: string, code: string): URL {
  const file = join(folder, `${name}.mjs`)
  writeFileSync(file, code)
  return pathToFileURL(file)
}

/** Time that does not pass, for machines that are slow. */
const still: Clock = { ...systemClock, sleep: () => new Promise(() => undefined) }

describe('the converter beside the service', () => {
  it('imports and exports, one at a time', async () => {
    const converter = createMapConverter({ workerUrl: entries.mapWorker, clock: still })
    const first = converter.importMap({ bytes: table, name: 'a.csv', options })
    await expect(converter.importMap({ bytes: table, name: 'a.csv', options })).rejects.toMatchObject({
      code: 'workbench.busy',
    })
    await expect(first).resolves.toMatchObject({ verdict: 'imported', report: { counts: { points: 1 } } })
    const exported = await converter.exportMap({ format: 'csv', name: 'a/b.yaml', text: map })
    expect(exported.name).toBe('a-b.csv')
    expect(exported.text).toContain('powerW,')
    await expect(converter.exportMap({ format: 'csv', name: 'b.yaml', text: 'format: 2' })).rejects.toMatchObject({
      code: 'api.invalid',
      message: expect.stringMatching(/^b\.yaml:1:/) as string,
    })
  }, 60_000)

  it('gives a file up that takes too long', async () => {
    const waits: number[] = []
    const clock: Clock = { ...systemClock, sleep: async (ms) => void waits.push(ms) }
    const converter = createMapConverter({ workerUrl: scripted('endless', 'for (;;);'), clock })
    await expect(converter.importMap({ bytes: table, name: 'a.csv', options })).resolves.toEqual({
      verdict: 'refused',
      place: 'a.csv',
      reason: 'the file takes more time or memory than a map may',
    })
    expect(waits).toEqual([30_000])
    // It is free again.
    await expect(converter.importMap({ bytes: table, name: 'a.csv', options })).resolves.toMatchObject({
      verdict: 'refused',
    })
  })

  it('survives a worker that dies', async () => {
    const converter = createMapConverter({ workerUrl: scripted('dead', 'process.exit(1)'), clock: still })
    await expect(converter.importMap({ bytes: table, name: 'a.csv', options })).resolves.toMatchObject({
      verdict: 'refused',
    })
  })
})
