import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { createModbusDevice } from '../../../service/drivers/modbus/device.ts'
import { startCycle } from '../../../service/runtime/cycle.ts'
import { createPoller } from '../../../service/runtime/poller.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'
import { residentMb } from '../../service/service-process.ts'
import { benchMap } from './points.ts'

/**
 * devices.ts PORT DEVICES POINTS CYCLES: so many devices, each on a connection of its own, polled every second; each cycle
 * looks at every reading. Prints one JSON object.
 */
const [port = 0, deviceCount = 300, points = 40, cycles = 120] = process.argv.slice(2).map(Number)
const periodMs = 1000
const warmUp = 3
const clock = systemClock
const map = benchMap(points)
await using resources = new AsyncDisposableStack()
const devices = Array.from({ length: deviceCount }, (_, i) => {
  const bus = resources.use(createReadOnlyBus({ address: { kind: 'tcp', host: '127.0.0.1', port }, clock }))
  return resources.use(createModbusDevice({ id: `device-${i}`, unitId: 1, map, bus, clock, cycleMs: periodMs }))
})
const poller = resources.use(createPoller(devices, periodMs, clock))

const lateMs: number[] = []
const computeMs: number[] = []
let missed = 0
let cpuAtStart = process.cpuUsage()
let count = 0
const { promise, resolve } = Promise.withResolvers<undefined>()
resources.use(
  startCycle({
    periodMs,
    clock,
    run({ latenessMs, deadlineMs }) {
      const startMs = clock.monotonicMs()
      let fresh = 0
      for (const device of devices)
        for (const { quality, monotonicMs } of device.readings().values())
          if (quality === 'good' && startMs - monotonicMs < 1.5 * periodMs) fresh++
      void poller.schedule(deadlineMs + periodMs)
      if (++count <= warmUp) {
        cpuAtStart = process.cpuUsage()
        return
      }
      lateMs.push(latenessMs)
      computeMs.push(clock.monotonicMs() - startMs)
      missed += deviceCount * points - fresh
      if (count === warmUp + cycles) resolve(undefined)
    },
  }),
)
void poller.schedule(clock.monotonicMs())
await promise
const cpu = process.cpuUsage(cpuAtStart)
const rssMb = residentMb(process.pid)
const at = (values: readonly number[], share: number): number =>
  Math.round((values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN) * 100) / 100
process.stdout.write(
  `${JSON.stringify({
    devices: deviceCount,
    points,
    cycles,
    latenessP50Ms: at(lateMs, 0.5),
    latenessP99Ms: at(lateMs, 0.99),
    latenessMaxMs: at(lateMs, 1),
    computeP99Ms: at(computeMs, 0.99),
    missedReadings: missed,
    cpuPercent: Math.round((cpu.user + cpu.system) / (cycles * periodMs * 10)),
    rssMb,
  })}\n`,
)
