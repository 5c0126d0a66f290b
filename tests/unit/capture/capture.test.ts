import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { site as siteSchema } from '#contract/site.ts'
import { createStepDecoder } from '../../../service/capture/decode.ts'
import { createStepEncoder } from '../../../service/capture/encode.ts'
import { readCapture, type CaptureRecord } from '../../../service/capture/read-capture.ts'
import { createCaptureRecorder } from '../../../service/capture/recorder.ts'
import { createSegment } from '../../../service/capture/segment.ts'
import type { StepInput } from '../../../service/control/types.ts'
import type { AgedReading } from '../../../service/domain/measured.ts'
import { compareOnCapture } from '../../../service/simulation/compare.ts'
import { replay } from '../../../service/simulation/replay.ts'
import { simulate } from '../../../service/simulation/simulate.ts'
import { captureFile } from '../../../service/simulation/capture-file.ts'
import { manualClock } from '../runtime/manual-clock.ts'
import { orders } from '../simulation/fixed-controller.ts'
import { homeSite } from '../simulation/sites.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-capture-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const fromMs = Date.UTC(2026, 5, 1, 12)
const reading = (value: AgedReading['value'], atMs: number, ageMs: number): AgedReading => ({
  ...(value !== undefined && { value }),
  quality: 'good',
  atMs,
  ageMs,
})
const stepInput = (
  points: Readonly<Record<string, Readonly<Record<string, AgedReading>>>>,
  more: Partial<StepInput> = {},
): StepInput => ({
  atMs: fromMs,
  elapsedS: 1,
  readings: new Map(Object.entries(points).map(([id, all]) => [id, new Map(Object.entries(all))])),
  wishes: [],
  plan: [],
  ...more,
})
const all = async (file: string): Promise<CaptureRecord[]> => {
  const records: CaptureRecord[] = []
  for await (const record of readCapture(file)) records.push(record)
  return records
}
/** Follows the grid meter, so that every decision and its sentence depend on the readings. */
const following = orders(({ readings }) => {
  const meter = readings.get('meter')
  const powerW = Number(meter?.get('powerW')?.value ?? 0)
  const age = meter?.get('powerW')?.ageMs ?? -1
  return [{ deviceId: 'battery', command: 'setPowerW', value: Math.round(powerW), text: `${powerW} W, ${age} ms old` }]
})
const parseSite = (value: unknown) => siteSchema.parse(value)

describe('lines of a capture', () => {
  test('give back every reading as it was: value, quality, reason, time and age', () => {
    const inputs = [
      stepInput({
        meter: { powerW: reading(0.1 + 0.2, 1000.25, 12.5), on: reading('yes', 900, 112.5) },
        battery: { socPercent: { quality: 'bad', reason: 'no answer', atMs: 5, ageMs: 7 } },
      }),
      // Nothing new: all are a second older.
      stepInput({
        meter: { powerW: reading(0.1 + 0.2, 1000.25, 1012.5), on: reading('yes', 900, 1112.5) },
        battery: { socPercent: { quality: 'bad', reason: 'no answer', atMs: 5, ageMs: 1007 } },
      }),
      // The same value measured again, flags, a stale value, and a point that is gone.
      stepInput(
        {
          meter: { powerW: reading(0.1 + 0.2, 3000, 3) },
          battery: {
            socPercent: { value: 50, quality: 'stale', reason: 'too old', atMs: 5, ageMs: 2008.125 },
            operatingState: { quality: 'bad', absent: true, atMs: 6, ageMs: 1 },
          },
        },
        { elapsedS: 1.00025, wishes: [{ ...wish, value: 3 }] },
      ),
      stepInput({ meter: { powerW: reading(1, 3000, 1003) }, battery: {} }, { wishes: [{ ...wish, value: 3 }] }),
    ]
    const encoder = createStepEncoder('grid', () => true)
    const decoder = createStepDecoder()
    const lines = inputs.map((input) => encoder.encode(input, { decisions: [] }))
    for (const [index, line] of lines.entries()) {
      const decoded = decoder.decode(JSON.parse(JSON.stringify(line)) as typeof line)
      expect(decoded).toEqual(inputs[index])
    }
    expect(lines[1]).toEqual({ g: 'grid', t: fromMs, e: 1 })
  })
  const wish = { deviceId: 'battery', command: 'setPowerW', untilMs: 9, principal: 'anna', reason: 'a test' }
})

describe('replay', () => {
  const write = async (file: string, seconds = 120) => {
    await using writer = captureFile(file, homeSite)
    return simulate({
      site: homeSite,
      fromMs,
      toMs: fromMs + seconds * 1000,
      controller: following,
      onStep: writer.add,
    })
  }

  test('gives the same digest as the run that was captured', async () => {
    const file = join(folder, 'a.jsonl.gz')
    const report = await write(file)
    const again = await replay({ records: readCapture(file), parseSite, controller: following })
    expect(again).toMatchObject({ steps: 120, identical: true, digest: report.digest, recordedDigest: report.digest })
    expect(again.damage).toEqual([])
    expect(again.firstDifference).toBeUndefined()
  })

  test('names the first setpoint that is another one, and when', async () => {
    const file = join(folder, 'a.jsonl.gz')
    await write(file)
    let count = 0
    const other = orders((input) => {
      const [order] = following().step('grid', { count }, input).decisions
      count += 1
      return [{ deviceId: 'battery', command: 'setPowerW', value: order!.setpoint.value + (count === 60 ? 1 : 0) }]
    })
    const again = await replay({ records: readCapture(file), parseSite, controller: other })
    expect(again.identical).toBe(false)
    expect(again.differingSteps).toBe(1)
    expect(again.firstDifference).toMatchObject({ gridId: 'grid' })
    // The sentences differ from the first step on.
    expect(again.firstDifference!.text).toContain('not their reasons')
  })

  test('uses what can be read of a capture that is cut off', async () => {
    const file = join(folder, 'a.jsonl.gz')
    await write(file)
    truncateSync(file, Math.floor(statSync(file).size / 2))
    const again = await replay({ records: readCapture(file), parseSite, controller: following })
    expect(again.steps).toBeGreaterThan(10)
    expect(again.steps).toBeLessThan(120)
    expect(again.identical).toBe(true)
    expect(again.damage).toEqual([expect.stringMatching(/ends in the middle of line \d+|cut off/)])
  })

  test('passes over damage up to the next header, and says it', async () => {
    const file = join(folder, 'a.jsonl.gz')
    await write(file)
    const lines = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n')
    const broken = [...lines.slice(0, 30), '{"g":"grid","t":"soon"}', ...lines.slice(31), ...lines]
    writeFileSync(file, gzipSync(`${broken.join('\n')}\n`))
    const again = await replay({ records: readCapture(file), parseSite, controller: following })
    expect(again).toMatchObject({ steps: 29 + 120, stretches: 2, identical: true })
    expect(again.damage).toEqual([expect.stringContaining('line 31 is not one of a capture')])
  })

  test.each([
    ['no gzip at all', Buffer.from('hello'), 'damaged, or it is no capture'],
    ['an empty file', Buffer.alloc(0), 'empty'],
    ['another JSON file', gzipSync('{"a":1}\n'), 'line 1 is not one of a capture'],
  ])('says of %s that it is no capture', async (_, bytes, words) => {
    const file = join(folder, 'x')
    writeFileSync(file, bytes)
    expect(await all(file)).toEqual([{ kind: 'damage', text: expect.stringContaining(words) as string }])
  })

  test('says that there is no such file', async () => {
    expect(await all(join(folder, 'none'))).toEqual([
      { kind: 'damage', text: expect.stringContaining('no such file') as string },
    ])
  })

  test('tries a candidate with the recorded loads, and finds the difference', async () => {
    const file = join(folder, 'a.jsonl.gz')
    const idle = orders(() => [])
    await using writer = captureFile(file, homeSite)
    const report = simulate({
      site: homeSite,
      fromMs,
      toMs: fromMs + 600_000,
      controller: idle,
      onStep: writer.add,
    })
    await writer[Symbol.asyncDispose]()
    const candidate = { site: { ...homeSite, name: 'Candidate' } }
    const comparison = await compareOnCapture({
      records: readCapture(file),
      parseSite,
      candidate,
      controller: (site) =>
        orders(() =>
          site.name === 'Candidate' ? [{ deviceId: 'heater', command: 'limitPowerW', value: 3000 }] : [],
        )(),
    })
    expect(comparison!.present.energyWh.house).toBeCloseTo(report.energyWh.house, -1)
    expect(comparison!.present.energyWh.pv).toBeCloseTo(report.energyWh.pv, -1)
    expect(comparison!.candidate.energyWh.loads).toBeCloseTo(500, -1)
    expect(comparison!.present.energyWh.loads).toBe(0)
  })
})

describe('the rolling capture of a service', () => {
  const steps = (count: number, from = 0) => {
    const inputs: StepInput[] = []
    for (let at = from; at < from + count; at++)
      inputs.push(
        stepInput({ meter: { powerW: reading(at * 10, fromMs + at * 1000, 20) } }, { atMs: fromMs + at * 1000 }),
      )
    return inputs
  }
  const controller = following()
  async function feed(
    recorder: Awaited<ReturnType<typeof createCaptureRecorder>>,
    inputs: readonly StepInput[],
    clock: ReturnType<typeof manualClock>,
  ) {
    let state = controller.initialState('grid')
    for (const input of inputs) {
      const result = controller.step('grid', state, input)
      state = result.state
      recorder.add('grid', input, result)
      await clock.advance(1000)
      await new Promise((done) => setImmediate(done))
    }
  }
  const record = (clock: ReturnType<typeof manualClock>, notes: string[], maxBytes?: number) =>
    createCaptureRecorder({
      folder,
      site: homeSite,
      version: '1.2.3',
      clock,
      note: (text) => void notes.push(text),
      ...(maxBytes !== undefined && { maxBytes }),
    })
  async function exported(recorder: ReturnType<typeof record>, from: number, to: number): Promise<string> {
    const file = join(folder, 'export')
    const chunks: Uint8Array[] = []
    for await (const chunk of recorder.read(from, to)) chunks.push(chunk)
    writeFileSync(file, Buffer.concat(chunks))
    return file
  }

  test('is replayed the same over the bounds of its files, and begins where it is asked for', async () => {
    const clock = manualClock()
    const notes: string[] = []
    await using recorder = record(clock, notes)
    await exported(recorder, fromMs, fromMs)
    await feed(recorder, steps(2000), clock)
    const file = await exported(recorder, fromMs, fromMs + 2_000_000)
    const again = await replay({ records: readCapture(file), parseSite, controller: following })
    expect(again).toMatchObject({ steps: 2000, stretches: 3, identical: true, damage: [] })
    expect(again.digest).toBe(again.recordedDigest)
    const late = await replay({
      records: readCapture(await exported(recorder, fromMs + 1_900_000, fromMs + 2_000_000)),
      parseSite,
      controller: following,
    })
    expect(late.stretches).toBe(1)
    expect(late.identical).toBe(true)
    expect(late.fromMs).toBeGreaterThan(fromMs + 1_700_000)
    expect(notes).toEqual([])
  })

  test('leaves out what it cannot keep up with, and goes on with a stretch of its own', async () => {
    const clock = manualClock()
    await using recorder = record(clock, [])
    let state = controller.initialState('grid')
    for (const input of steps(500)) {
      const result = controller.step('grid', state, input)
      state = result.state
      recorder.add('grid', input, result)
    }
    await exported(recorder, fromMs, fromMs)
    await feed(recorder, steps(10, 500), clock)
    const again = await replay({
      records: readCapture(await exported(recorder, fromMs, fromMs + 600_000)),
      parseSite,
      controller: following,
    })
    expect(again).toMatchObject({ stretches: 2, identical: true })
    expect(again.steps).toBeLessThan(300)
  })

  test('stays within its bytes; the oldest go first', async () => {
    const clock = manualClock()
    {
      await using recorder = record(clock, [], 30_000)
      await exported(recorder, fromMs, fromMs)
      await feed(recorder, steps(7300), clock)
    }
    const names = readdirSync(folder).toSorted()
    expect(names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)).toBeLessThan(30_000)
    expect(Number(names[0]!.slice(0, 14))).toBeGreaterThan(fromMs)
  })

  test('goes on after a kill: the file that was left open is mended', async () => {
    const open = createSegment(join(folder, `${String(fromMs).padStart(14, '0')}.jsonl.gz`))
    open.line({ capture: 1, version: '1', atMs: fromMs, site: homeSite, states: {} })
    open.line({ g: 'grid', t: fromMs, e: 1 })
    await open.flush()
    const clock = manualClock()
    await using recorder = record(clock, [])
    await exported(recorder, fromMs, fromMs)
    await feed(recorder, steps(3, 5), clock)
    const records = await all(await exported(recorder, fromMs, fromMs + 600_000))
    expect(records.map(({ kind }) => kind)).toEqual(['header', 'step', 'header', 'step', 'step', 'step'])
  })

  test('says once that it cannot write, and fails nothing', async () => {
    const clock = manualClock()
    const notes: string[] = []
    const blocked = join(folder, 'a-file')
    writeFileSync(blocked, '')
    await using recorder = createCaptureRecorder({
      folder: join(blocked, 'capture'),
      site: homeSite,
      version: '1',
      clock,
      note: (text) => void notes.push(text),
    })
    await feed(recorder, steps(100), clock)
    expect(notes).toHaveLength(1)
  })
})
