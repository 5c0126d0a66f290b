import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { watchStalls } from '../../support/stalls.ts'
import type { FaultSite } from './fault-site.ts'

/** Why pymodbus cannot play the plant here, undefined when it can. */
export const plantMissing =
  spawnSync('/usr/bin/python3', ['-c', 'import pymodbus']).status === 0
    ? undefined
    : 'python3-pymodbus is not installed'

const perPhase = z.tuple([z.number(), z.number(), z.number()])
const flows = z.object({
  ampere: perPhase,
  chargerA: z.array(z.number()),
  /** Limits in force in the chargers. */
  toldA: z.array(z.number()),
  /** > 0 discharges. */
  batteryW: z.number(),
  batteryToldW: z.number(),
})
/** What flows, seen from the plant's side. */
export type Flows = z.infer<typeof flows>

const phaseReport = z.object({
  overS: z.number(),
  longestS: z.number(),
  ampereS: z.number(),
  maxA: z.number(),
})
const monitored = z.object({
  seconds: z.number(),
  slowestTickS: z.number(),
  phases: z.tuple([phaseReport, phaseReport, phaseReport]),
  writes: z.array(z.object({ atS: z.number(), device: z.string(), address: z.number(), words: z.array(z.number()) })),
})
/** What the monitor saw since it was asked last: how long each phase was over its fuse, and every write. */
export interface Window extends z.infer<typeof monitored> {
  /** Time in which this machine did not let a bare timer run: nobody could react then. */
  readonly stalledS: number
}

export type Ampere = readonly [number, number, number]

/** Commands of plant.py. */
export type Order =
  | { readonly do: 'house'; readonly ampere: Ampere }
  | {
      readonly do: 'meter'
      readonly mode: 'live' | 'frozen' | 'nan' | 'silent' | 'shifted'
      readonly ampere?: Ampere
    }
  | { readonly do: 'charger'; readonly number: number; readonly mode: 'live' | 'ignores' | 'forgets' | 'silent' }
  | { readonly do: 'battery'; readonly mode: 'live' | 'ignores' | 'dead' }

export interface Plant extends AsyncDisposable {
  readonly ports: Readonly<Record<string, number>>
  order(order: Order): Promise<void>
  flows(): Promise<Flows>
  /** Everything since the last call. */
  window(): Promise<Window>
  /** Waits until this has held for `forMs`. */
  until(condition: (flows: Flows) => boolean, options?: { forMs?: number; withinMs?: number }): Promise<Flows>
}

export interface PlantShape extends FaultSite {
  /** A device goes through its whole range in this time. */
  readonly responseS: number
}

/** A plant with its monitor in a Python process: see plant.py. */
export async function startPlant({ fuseA, responseS, chargerPhases }: PlantShape): Promise<Plant> {
  const script = join(import.meta.dirname, 'plant.py')
  const shape = ['--fuse', String(fuseA), '--response', String(responseS), '--chargers', JSON.stringify(chargerPhases)]
  const python = spawn('/usr/bin/python3', [script, ...shape], { stdio: ['pipe', 'pipe', 'pipe'] })
  let errors = ''
  python.stderr.on('data', (chunk: Buffer) => (errors = `${errors}${chunk.toString()}`.slice(-4000)))
  const exited = once(python, 'exit')
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]()
  async function nextLine(): Promise<unknown> {
    const { value, done } = await lines.next()
    if (done) throw new Error(`the plant has ended: ${errors}`)
    return JSON.parse(value)
  }
  const ports = z.record(z.string(), z.number()).parse(await nextLine())
  let last: Promise<unknown> = Promise.resolve()
  function ask<S extends z.ZodType>(command: object, schema: S): Promise<z.output<S>> {
    const answer = last.then(async () => {
      python.stdin.write(`${JSON.stringify(command)}\n`)
      return schema.parse(await nextLine())
    })
    last = answer.catch(() => undefined)
    return answer
  }
  const stalls = watchStalls()
  const flowsNow = (): Promise<Flows> => ask({ do: 'state' }, flows)
  return {
    ports,
    order: async (order) => void (await ask(order, flows)),
    flows: flowsNow,
    window: async () => ({ ...(await ask({ do: 'window' }, monitored)), stalledS: stalls.takeS() }),
    async until(condition, { forMs = 0, withinMs = 15_000 } = {}) {
      const startMs = performance.now()
      let heldSinceMs: number | undefined
      for (;;) {
        const now = await flowsNow()
        const atMs = performance.now()
        heldSinceMs = condition(now) ? (heldSinceMs ?? atMs) : undefined
        if (heldSinceMs !== undefined && atMs - heldSinceMs >= forMs) return now
        if (atMs - startMs > withinMs) throw new Error(`not seen within ${withinMs} ms; last: ${JSON.stringify(now)}`)
        await delay(50)
      }
    },
    async [Symbol.asyncDispose]() {
      stalls[Symbol.dispose]()
      python.stdin.end()
      python.kill('SIGKILL')
      await exited
    },
  }
}
