import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, type TestContext } from 'vitest'
import { events as eventsSchema, type SiteEvent } from '#contract/api.ts'
import { clientOf } from '../client.ts'
import { type ServiceProcess, startService } from '../service-process.ts'
import { faultSite, fuseA, responseS, siteText } from './fault-site.ts'
import { type Ampere, type Plant, startPlant, type Window } from './plant.ts'

/** The built service in production mode on a plant that pymodbus plays, with control enabled and all vehicles charging. */
export interface FaultRig extends AsyncDisposable {
  readonly plant: Plant
  readonly service: ServiceProcess
  readonly client: ReturnType<typeof clientOf>
  /** Until the chargers have taken what the fuse leaves, and a new window. */
  settle(): Promise<void>
  /** Newest first. */
  events(): Promise<SiteEvent[]>
}

export async function startFaultRig(
  options: { readonly dataFolder?: string; readonly environment?: NodeJS.ProcessEnv } = {},
): Promise<FaultRig> {
  await using starting = new AsyncDisposableStack()
  const plant = starting.use(await startPlant({ responseS, ...faultSite }))
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-faults-'))
  starting.defer(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'site.yaml')
  writeFileSync(file, siteText(plant.ports))
  const service = starting.use(await startService(['--config', file], options))
  const client = clientOf(service)
  const body = { enabled: true, dryRun: false, reason: 'a test of faults' }
  const answer = await client.setControl(body, { authorization: `Bearer ${client.token()}` })
  expect(answer.status).toBe(200)
  const settle = async (): Promise<void> => {
    await plant.until(settled, { forMs: 1_200, withinMs: 30_000 })
    await plant.window()
  }
  await settle()
  const running = starting.move()
  return {
    plant,
    service,
    client,
    settle,
    events: async () => (await client.get('/api/v1/events', eventsSchema)).events,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** All vehicles charge, and the fuse leaves no more. */
const settled: Parameters<Plant['until']>[0] = ({ ampere, chargerA, toldA, batteryW }) =>
  chargerA.every((value, index) => value > 8 && Math.abs(value - (toldA[index] ?? 0)) < 0.1) &&
  Math.max(...ampere.map((value) => value + batteryW / 230 / 3)) > 0.95 * fuseA

/** Says in the report how long the worst phase was over the fuse in one go, how far, and by how many ampere-seconds. */
export function tell(
  { annotate }: Pick<TestContext, 'annotate'>,
  what: string,
  { phases, seconds, stalledS }: Window,
  boundS: number,
): Promise<unknown> {
  const worst = phases.reduce((a, b) =>
    b.longestS > a.longestS || (b.longestS === a.longestS && b.maxA > a.maxA) ? b : a,
  )
  const numbers = `over ${worst.longestS.toFixed(2)} s (allowed ${boundS} s), ${worst.ampereS.toFixed(1)} A s, at most ${worst.maxA.toFixed(1)} A of ${fuseA} A, in ${seconds.toFixed(1)} s${stalledS > 0 ? `, the machine stood still for ${stalledS.toFixed(2)} s` : ''}`
  return annotate(`${what}: ${numbers}`)
}

/** The longest time that any phase was over the fuse in one go, without the time in which this machine stood still. */
export const longestOverS = ({ phases, stalledS }: Window): number =>
  Math.max(0, Math.max(...phases.map(({ longestS }) => longestS)) - stalledS)

/** Writes of the setpoint register. */
export const writesOf = ({ writes }: Window, device: string): Window['writes'] =>
  writes.filter((write) => write.device === device && write.address === 200)

export const calm: Ampere = [5, 5, 5]
