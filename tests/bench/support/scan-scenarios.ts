import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import type { RegisterScan, UnitScan } from '#contract/workbench-scan.ts'
import { parseRange } from '../../../service/commissioning/scan/address-range.ts'
import { scanLine } from '../../../service/commissioning/scan/scan-line.ts'
import { scanNetwork } from '../../../service/commissioning/scan/scan-network.ts'
import { scanUnits } from '../../../service/commissioning/scan/scan-units.ts'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'
import { openEmulatedLine } from '../../drivers/line/emulated-line.ts'
import { scrambledDevice } from '../../drivers/line/registers.ts'
import { attachRtuDevice } from '../../drivers/line/rtu-device.ts'
import { createRegisterRig, deviceWith, fortyIslands, oracle, valuesOf } from '../../drivers/scan/register-rig.ts'
import { createLineRig, slow } from '../../drivers/scan/line-rig.ts'
import { createTestUnit, ramp } from '../../drivers/support/test-device.ts'
import { createFrameSplitter } from '../../drivers/support/test-server.ts'

const there = [17, 33, 90, 148, 222]
const signal = new AbortController().signal

const same = (scan: Pick<UnitScan, 'state' | 'units'>, unitIds: readonly number[]): boolean =>
  scan.state === 'complete' && scan.units.map(({ unitId }) => unitId).join() === unitIds.join()

/** Five devices that take 20 ms, behind a terminal. */
export async function lineInRealTime(latencyMs: number) {
  await using emulated = await openEmulatedLine()
  const { line, timeline } = emulated
  for (const unitId of there)
    attachRtuDevice({ line, timeline, settings: slow, unitId, device: scrambledDevice(20, unitId), turnaroundMs: 20 })
  const { path } = await emulated.port('client', slow, latencyMs === 0 ? { kind: 'uart' } : { kind: 'usb', latencyMs })
  const result = await scanLine(
    { path, settings: slow, adapterMs: latencyMs },
    { clock: systemClock, signal, openSerial: emulated.openSerial },
  )
  return { result, right: same(result, there) }
}

export async function slowUnit() {
  const rig = createLineRig()
  rig.device(201, 600)
  for (const unitId of there) rig.device(unitId)
  const result = await rig.inTime(rig.scan({ settings: slow, thorough: true }))
  return { result, right: same(result, [17, 33, 90, 148, 201, 222]) }
}

export async function unknownSettings() {
  const settings = { baud: 38_400, parity: 'none', stopBits: 1 } as const
  const rig = createLineRig({ settings })
  for (const unitId of [3, 45]) rig.device(unitId)
  const result = await rig.inTime(rig.scan({ settings: undefined }))
  return { result, right: same(result, [3, 45]) && result.settings?.baud === settings.baud }
}

/** Units 1 to 5, and a gateway that takes 5 ms to know who is absent. */
async function gateway(host: string) {
  const units = Object.fromEntries([1, 2, 3, 4, 5].map((unitId) => [unitId, createTestUnit(ramp(10))]))
  const server = createServer({ noDelay: true }, (socket) => {
    const splitter = createFrameSplitter('tcp', units)
    splitter.state.respond = ({ request, honest, send }) => {
      const { frame, unitId, pdu } = request
      const absent = Buffer.from([...frame.subarray(0, 4), 0, 3, unitId, pdu[0]! | 0x80, 11])
      setTimeout(() => send(honest.length > 0 ? honest : absent), 5)
    }
    socket.on('error', () => undefined)
    socket.on('data', (chunk) =>
      splitter.push(chunk, { send: (bytes) => void socket.write(bytes), close: () => socket.destroy() }),
    )
  })
  server.listen(0, host)
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() }
}

export async function behindGateway() {
  using server = await gateway('127.0.0.1')
  await using bus = createReadOnlyBus({
    address: { kind: 'tcp', host: '127.0.0.1', port: server.port },
    clock: systemClock,
  })
  const result = await scanUnits({ bus }, { clock: systemClock, signal })
  return { result, right: same(result, [1, 2, 3, 4, 5]) }
}

export async function network() {
  using server = await gateway('127.0.0.77')
  const ranges = [parseRange('127.0.0.0/24')]
  const result = await scanNetwork({ ranges, ports: [server.port] }, { clock: systemClock, signal })
  return { result, right: same(result, [1, 2, 3]) && result.endpoints.length === 1 }
}

export async function registersOfLine(most: number): Promise<{ result: RegisterScan; right: boolean }> {
  const device = deviceWith(fortyIslands(most), most)
  const rig = createRegisterRig(device, { baud: 9600 })
  const result = await rig.scan()
  const found = valuesOf(result)
  const all = oracle(device)
  const right = found.size === all.size && [...all].every(([address, word]) => found.get(address) === word)
  return { result, right: right && result.largestBlock === most }
}
