import type { Browser, Page } from '@playwright/test'
import { z } from 'zod'

/** What the main thread of a page did, frame by frame, by the trace of the browser itself. */
export interface FrameTrace {
  readonly frames: number
  /** Work of the main thread from one frame to the next, in ms. */
  readonly workP50Ms: number
  readonly workP95Ms: number
  readonly workMaxMs: number
  /** The same without the time in which other programs had the processor. */
  readonly cpuP95Ms: number
  /** Refreshes of the screen that came without a frame of the page. */
  readonly dropped: number
  readonly droppedShare: number
}

const event = z.looseObject({
  name: z.string(),
  ph: z.string(),
  ts: z.number().default(0),
  dur: z.number().default(0),
  tdur: z.number().default(0),
  pid: z.number(),
  tid: z.number(),
  args: z.looseObject({ name: z.string().optional() }).optional(),
})
const trace = z.looseObject({ traceEvents: z.array(event) })

const categories = ['devtools.timeline', 'disabled-by-default-devtools.timeline', '__metadata']
const refreshUs = 1_000_000 / 60
const round = (value: number): number => Math.round(value * 1000) / 1000

/** A frame is asked for at every refresh, so that each one without is one that was dropped. */
const beat = 'void (function again() { requestAnimationFrame(again) })()'

export async function traceFrames(browser: Browser, page: Page, act: () => Promise<void>): Promise<FrameTrace> {
  await page.evaluate(beat)
  await browser.startTracing(page, { categories })
  await act()
  const { traceEvents } = trace.parse(JSON.parse((await browser.stopTracing()).toString()))
  return evaluate(traceEvents)
}

function evaluate(events: readonly z.infer<typeof event>[]): FrameTrace {
  // The page that beats is the one whose main thread counts.
  const beats = new Map<string, number>()
  for (const { name, pid, tid } of events)
    if (name === 'FireAnimationFrame') beats.set(`${pid} ${tid}`, (beats.get(`${pid} ${tid}`) ?? 0) + 1)
  const [thread] = [...beats].toSorted((a, b) => b[1] - a[1])[0] ?? []
  const mine = events.filter(({ pid, tid }) => `${pid} ${tid}` === thread)
  const tasks = mine.filter(({ name, ph }) => ph === 'X' && name === 'RunTask').toSorted((a, b) => a.ts - b.ts)
  const fired = mine.filter(({ name }) => name === 'FireAnimationFrame').map(({ ts }) => ts)
  // A frame begins with the task that fires its callbacks.
  const begins = new Set<number>()
  let at = 0
  for (const ts of fired.toSorted((a, b) => a - b)) {
    while (at + 1 < tasks.length && tasks[at + 1]!.ts <= ts) at += 1
    const task = tasks[at]
    if (task && task.ts <= ts && ts <= task.ts + task.dur) begins.add(task.ts)
  }
  const starts = [...begins].toSorted((a, b) => a - b)
  const work: number[] = []
  const cpu: number[] = []
  let dropped = 0
  let index = 0
  for (let frame = 0; frame + 1 < starts.length; frame += 1) {
    const [from, to] = [starts[frame]!, starts[frame + 1]!]
    let sum = 0
    let own = 0
    while (index < tasks.length && tasks[index]!.ts < to) {
      const task = tasks[index]!
      if (task.ts >= from) sum += task.dur
      if (task.ts >= from) own += task.tdur
      index += 1
    }
    work.push(sum / 1000)
    cpu.push(own / 1000)
    dropped += Math.max(0, Math.round((to - from) / refreshUs) - 1)
  }
  const share = (times: readonly number[], part: number): number =>
    round(times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * part))] ?? Number.NaN)
  return {
    frames: work.length,
    workP50Ms: share(work, 0.5),
    workP95Ms: share(work, 0.95),
    workMaxMs: share(work, 1),
    cpuP95Ms: share(cpu, 0.95),
    dropped,
    droppedShare: round(dropped / Math.max(1, work.length + dropped)),
  }
}
