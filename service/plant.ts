import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { deviceName, deviceNames, plantCommand, type PlantReport } from './drivers/simulated/plant-command.ts'
import { seededVehicle } from './drivers/simulated/charger.ts'
import { demoParameters, depotParameters } from './drivers/simulated/plant-model.ts'
import { startSimulatedPlant, type SimulatedPlantOptions } from './drivers/simulated/simulated-plant.ts'
import { systemClock } from './runtime/system-clock.ts'

/** The simulated plant as a process of its own; see drivers/simulated/plant-command.ts for what it says and understands. */

const usage = `Usage: plant [OPTIONS]
Simulates a site and serves its devices over Modbus TCP on 127.0.0.1.

  --seed N             whole number; the same seed gives the same plant (default 1)
  --speed N            simulated seconds per second, 0.1 to 3600 (default 1)
  --start ISO          simulated time at the start (default 2026-05-20T09:47:00Z, a sunny forenoon)
  --devices A,B        only these devices: ${deviceNames.join(', ')}, heater, charger-N, feeder-N
                       (default all but heater)
  --chargers N         a car park with N charging points, 0 to 200 (default 0)
  --vehicles N         the first N of them have a vehicle at the start, of various kinds (default 0)
  --feeders N          and N meters for equal shares of them, 0 to 20 (default 0)
  --steady-load W      a building that draws this and nothing else, instead of one that is lived in
  --log FILE           append what happens at the plant, one JSON object per line
  --port-base N        first port; without it any free ports
  --exit-with-parent   end when standard input ends
  --linger N           but not before N more seconds, 0 to 600 (default 0)
`

const number = z.coerce.number()
const flags = z.strictObject({
  seed: number.int().min(0).max(0x7fff_ffff).default(demoParameters.seed),
  speed: number.min(0.1).max(3600).default(1),
  start: z.iso.datetime({ offset: true }).optional(),
  devices: z.preprocess(
    (text) => (typeof text === 'string' ? text.split(',') : text),
    z.array(deviceName).min(1).optional(),
  ),
  chargers: number.int().min(0).max(200).default(0),
  vehicles: number.int().min(0).max(200).default(0),
  feeders: number.int().min(0).max(20).default(0),
  'steady-load': number.min(0).max(10_000_000).optional(),
  log: z.string().min(1).optional(),
  'port-base': number.int().min(1).max(65_000).optional(),
  'exit-with-parent': z.boolean().default(false),
  linger: number.min(0).max(600).default(0),
})

function parseFlags(args: string[]): z.infer<typeof flags> {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string' },
      speed: { type: 'string' },
      start: { type: 'string' },
      devices: { type: 'string' },
      chargers: { type: 'string' },
      vehicles: { type: 'string' },
      feeders: { type: 'string' },
      'steady-load': { type: 'string' },
      log: { type: 'string' },
      'port-base': { type: 'string' },
      'exit-with-parent': { type: 'boolean' },
      linger: { type: 'string' },
    },
  })
  const parsed = flags.safeParse({ ...values })
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new TypeError(`--${issue?.path[0]?.toString() ?? ''}: ${issue?.message ?? ''}`)
  }
  return parsed.data
}

const say = (report: PlantReport) => process.stdout.write(`${JSON.stringify(report)}\n`)
const sentence = (error: unknown) => (error instanceof Error ? error.message : String(error))

async function main(): Promise<void> {
  let settings
  try {
    settings = parseFlags(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${sentence(error)}\n\n${usage}`)
    process.exitCode = 2
    return
  }
  const stopped = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.resolve())
  // A reader that is gone is a parent that is gone.
  process.stdout.once('error', () => stopped.resolve())

  const base = settings.chargers > 0 ? depotParameters(demoParameters, settings.chargers) : demoParameters
  const steadyLoadW = settings['steady-load']
  const log = settings.log === undefined ? undefined : createWriteStream(settings.log, { flags: 'a' })
  log?.on('error', (error) => process.stderr.write(`${settings.log}: ${error.message}\n`))
  const options: SimulatedPlantOptions = {
    clock: systemClock,
    parameters: { ...base, seed: settings.seed, ...(steadyLoadW !== undefined && { steadyLoadW }) },
    feeders: settings.feeders,
    ...(log && { observe: (event) => void log.write(`${JSON.stringify(event)}\n`) }),
    speed: settings.speed,
    ...(settings.start && { startMs: Date.parse(settings.start) }),
    ...(settings.devices && { devices: settings.devices }),
    ...(settings['port-base'] && { portBase: settings['port-base'] }),
  }
  await using plant = await startSimulatedPlant(options)

  for (let charger = 1; charger <= Math.min(settings.vehicles, settings.chargers); charger++)
    await plant.command({ charger: { number: charger, vehicle: seededVehicle(settings.seed, charger) } })

  const lines = createInterface({ input: process.stdin })
  if (settings['exit-with-parent'])
    lines.once('close', () => setTimeout(stopped.resolve, settings.linger * 1000).unref())
  let last = Promise.resolve()
  lines.on('line', (line) => {
    if (line.trim()) last = last.then(() => obey(line))
  })
  async function obey(line: string): Promise<void> {
    try {
      await plant.command(plantCommand.parse(JSON.parse(line)))
      say({ plant: 'done' })
    } catch (error) {
      say({ plant: 'refused', message: error instanceof z.ZodError ? z.prettifyError(error) : sentence(error) })
    }
  }

  say({ plant: 'ready', pid: process.pid, devices: plant.devices })
  await stopped.promise
  lines.close()
  process.stdin.destroy()
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${sentence(error)}\n`)
  process.exitCode = 1
}
