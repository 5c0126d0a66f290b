import type { BusRead, BusWrite, ManualWriteRequest } from '#contract/bus.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Clock } from '../domain/clock.ts'
import type { Device } from '../drivers/driver.ts'
import type { ArmedBus, ArmedBusUnit } from '../drivers/modbus/bus.ts'
import { createModbusDevice } from '../drivers/modbus/device.ts'
import type { Answer } from '../drivers/modbus/pdu.ts'
import type { SunspecModels } from '../pointmap/sunspec/models.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { bindMap, commandAt, partOfMap } from './bind-map.ts'
import { commandsOf } from './device-view.ts'
import type { Guard, ManualOutcome, ManualWrite } from './guard.ts'
import { writeRegister } from './register-write.ts'
import type { SiteDeviceEntry } from './site-runtime.ts'

/** The buses that a program holds, for people: reads in the gaps that control leaves, writes through the guard. */
export interface BusAccess {
  /** Throws bus.unknown. What happens in the field is an answer. */
  read(request: BusRead): Promise<Answer>
  /** By somebody who is armed, or not. Throws bus.unknown, map.not-found or map.invalid. A refusal is an outcome. */
  write(request: BusWrite, armed: boolean): Promise<ManualOutcome>
}

/** A write with whether whoever asks is armed. */
type Request = BusWrite & { readonly armed: boolean }
type ManualCommand = Extract<ManualWriteRequest, { kind: 'command' }>
type ManualRegister = Extract<ManualWriteRequest, { kind: 'register' }>

/** Readings of a device that is asked for one write only are fresh as long as it takes. */
const cycleMs = 1000

export function createBusAccess(options: {
  /** By canonical address. */
  buses: ReadonlyMap<string, ArmedBus>
  /** Devices that are polled on them. */
  entries: readonly SiteDeviceEntry[]
  guard: Pick<Guard, 'manual'>
  loadMap(id: string): LoadedMap
  sunspecModels(): SunspecModels
  clock: Clock
}): BusAccess {
  const { buses, entries, guard, loadMap, sunspecModels, clock } = options

  function busOf(name: string): ArmedBus {
    const bus = buses.get(name)
    if (!bus) throw new EdgeError('bus.unknown', `this service does not hold the bus ${name}`)
    return bus
  }

  const entryOf = (bus: string, unitId: number): SiteDeviceEntry | undefined =>
    entries.find((entry) => entry.bus === bus && entry.config.unitId === unitId)

  /** What is the same for every write to a unit. */
  function about({ bus, unitId, principal, write, armed }: Request): Omit<ManualWrite, 'action'> {
    const deviceId = entryOf(bus, unitId)?.config.id ?? `${bus} unit ${unitId}`
    const simulated = entries.some((entry) => entry.bus === bus && entry.simulated)
    return { principal, deviceId, simulated, armed, value: write.value }
  }

  const impossible = (request: Request, command: string, reason: string): Promise<ManualOutcome> =>
    guard.manual({ ...about(request), action: { kind: 'impossible', command, reason } })

  async function writeCommand(request: Request, wanted: ManualCommand): Promise<ManualOutcome> {
    const entry = entryOf(request.bus, request.unitId)
    const map = entry?.map ?? loadMap(wanted.map)
    if (map.id !== wanted.map || map.hash !== wanted.mapHash)
      return impossible(
        request,
        wanted.command,
        `the service knows this device by ${map.id === wanted.map ? 'another version of ' : ''}the map ${map.id}`,
      )
    const act = (device: Device): Promise<ManualOutcome> =>
      guard.manual({
        ...about(request),
        action: { kind: 'command', command: wanted.command, device, commands: commandsOf(map) },
      })
    if (entry) return act(entry.device)
    await using device = createModbusDevice({
      id: about(request).deviceId,
      unitId: request.unitId,
      map: partOfMap(map, [], [wanted.command]),
      sunspecModels: sunspecModels(),
      bus: busOf(request.bus),
      clock,
      cycleMs,
    })
    await device.poll()
    // Awaited here, before the device is disposed of.
    return await act(device)
  }

  async function declaredBy(request: Request, wanted: ManualRegister, unit: ArmedBusUnit): Promise<string | undefined> {
    const map =
      entryOf(request.bus, request.unitId)?.map ?? (wanted.map === undefined ? undefined : loadMap(wanted.map))
    if (!map) return undefined
    return commandAt(await bindMap(map, unit, sunspecModels()), wanted.address, typeSpec(wanted.type).words)
  }

  async function writeOneRegister(request: Request, wanted: ManualRegister): Promise<ManualOutcome> {
    const unit = busOf(request.bus).unit(request.unitId)
    const prepared = writeRegister(unit, wanted)
    const { min, max, address, fn } = wanted
    const register = `holding ${address} (FC${fn === 6 ? '06' : '16'})`
    if ('problem' in prepared) return impossible(request, register, prepared.problem)
    const command = await declaredBy(request, wanted, unit)
    return guard.manual({
      ...about(request),
      action: {
        kind: 'register',
        register,
        min,
        max,
        ...(command !== undefined && { declaredBy: command }),
        ...prepared,
      },
    })
  }

  return {
    async read({ bus, unitId, request, probeMs }) {
      const how =
        probeMs === undefined ? ({ priority: 'background' } as const) : ({ priority: 'scan', probeMs } as const)
      return busOf(bus).unit(unitId).ask(request, how)
    },
    async write(request, armed) {
      busOf(request.bus)
      const { write } = request
      return write.kind === 'command'
        ? writeCommand({ ...request, armed }, write)
        : writeOneRegister({ ...request, armed: armed && write.armed }, write)
    },
  }
}
