import { startSimulatedMeters } from '../../../service/drivers/simulated/simulated-meters.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'

/** N simulated meters in a process of their own; prints their ports as one JSON array. Ends with its standard input. */
const meters = await startSimulatedMeters({ clock: systemClock, count: Number(process.argv[2] ?? 20) })
process.stdout.write(`${JSON.stringify(meters.servers.map(({ port }) => port))}\n`)
process.stdin.resume()
process.stdin.once('end', () => void meters[Symbol.asyncDispose]().then(() => process.exit(0)))
process.once('SIGTERM', () => process.exit(0))
